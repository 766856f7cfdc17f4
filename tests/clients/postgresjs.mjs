// postgres.js: pipelines by default, prepares by itself, asks the server for types. Prints "postgresjs works".
import assert from 'node:assert/strict'
import postgres from 'postgres'

const sql = postgres({ max: 6, onnotice: () => {} })
const table = `postgresjs_${process.pid}`

async function concurrent() {
  const rows = await Promise.all(Array.from({ length: 300 }, (_, n) => sql`SELECT ${n}::int AS n, ${[n, n + 1]}::int[] AS pair`))
  rows.forEach(([row], n) => assert.deepEqual({ ...row }, { n, pair: [n, n + 1] }))
}

async function transactions() {
  await sql`CREATE TABLE ${sql(table)} (n int, doc jsonb)`
  await sql.begin(async (sql) => {
    await sql`INSERT INTO ${sql(table)} ${sql(Array.from({ length: 50 }, (_, n) => ({ n, doc: { n } })))}`
  })
  await assert.rejects(sql.begin(async (sql) => {
    await sql`DELETE FROM ${sql(table)}`
    await sql.savepoint((sql) => sql`SELECT 1/0`).catch(() => {})
    throw new Error('taken back')
  }), /taken back/)
  const [{ count }] = await sql`SELECT count(*)::int FROM ${sql(table)}`
  assert.equal(count, 50)
}

async function cursorsAndCopy() {
  let seen = 0
  await sql`SELECT generate_series(1, 500)`.cursor(60, (rows) => { seen += rows.length })
  assert.equal(seen, 500)
  const writable = await sql`COPY ${sql(table)} (n) FROM STDIN`.writable()
  await new Promise((resolve, reject) => {
    writable.on('error', reject).on('finish', resolve)
    for (let n = 0; n < 1000; n++) writable.write(`${n}\n`)
    writable.end()
  })
  const [{ count }] = await sql`SELECT count(*)::int FROM ${sql(table)}`
  assert.equal(count, 1050)
}

async function listenAndErrors() {
  const heard = new Promise((resolve) => sql.listen('heard', resolve).then(() => sql.notify('heard', 'hello')))
  assert.equal(await heard, 'hello')
  await assert.rejects(sql`SELECT 1/0`, { code: '22012' })
  await assert.rejects(sql`SELECT nothing FROM nowhere`, { code: '42P01' })
  const slow = sql`SELECT pg_sleep(20)`
  setTimeout(() => slow.cancel(), 300)
  await assert.rejects(slow, { code: '57014' })
}

try {
  await concurrent()
  await transactions()
  await cursorsAndCopy()
  await listenAndErrors()
} finally {
  await sql`DROP TABLE IF EXISTS ${sql(table)}`
  await sql.end()
}
console.log('postgresjs works')
