// node-postgres as an application uses it: a pool, named statements, transactions, notifications,
// types, errors, cancel by timeout. Connection data comes from PG* variables. Prints "pg works".
import assert from 'node:assert/strict'
import pg from 'pg'

async function pooledQueries() {
  const pool = new pg.Pool({ max: 10 })
  const rows = await Promise.all(
    Array.from({ length: 200 }, (_, n) => pool.query('SELECT $1::int AS n, $2::text AS t', [n, `it's ${n}`])))
  rows.forEach((result, n) => assert.deepEqual(result.rows, [{ n, t: `it's ${n}` }]))
  await pool.end()
}

async function namedStatements(client) {
  for (let n = 0; n < 20; n++) {
    const result = await client.query({ name: `add-${n % 3}`, text: `SELECT $1::int + ${n % 3} AS sum`, values: [n] })
    assert.equal(result.rows[0].sum, n + (n % 3))
  }
}

async function transactions(client) {
  await client.query('CREATE TEMP TABLE kept (n int)')
  await client.query('BEGIN')
  await client.query('INSERT INTO kept VALUES (1)')
  await client.query('ROLLBACK')
  assert.equal((await client.query('SELECT * FROM kept')).rowCount, 0)
  await client.query('DROP TABLE kept')
}

async function notifications(client) {
  const heard = new Promise((resolve) => client.once('notification', resolve))
  await client.query('LISTEN heard')
  await client.query("NOTIFY heard, 'hello'")
  assert.equal((await heard).payload, 'hello')
  await client.query('UNLISTEN *')
}

async function errors(client) {
  await assert.rejects(client.query('SELECT 1/0'), { code: '22012' })
  await assert.rejects(client.query('SELECT $1::int', ['nonsense']), { code: '22P02' })
  await assert.rejects(client.query({ name: 'broken', text: 'SELECT nothing FROM nowhere' }), { code: '42P01' })
  await client.query("SET statement_timeout = '100ms'")
  await assert.rejects(client.query('SELECT pg_sleep(5)'), { code: '57014' })
  await client.query('RESET statement_timeout')
  assert.equal((await client.query('SELECT 1 AS one')).rows[0].one, 1)
}

await pooledQueries()
const client = new pg.Client()
await client.connect()
await namedStatements(client)
await transactions(client)
await notifications(client)
await errors(client)
await client.end()
console.log('pg works')
