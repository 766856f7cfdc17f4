// pg-cursor and pg-query-stream: portals that stay open, read in pieces, left half read.
// Prints "cursors works".
import assert from 'node:assert/strict'
import pg from 'pg'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'

async function inPieces(client) {
  const cursor = client.query(new Cursor('SELECT n FROM generate_series(1, $1::int) n', [250]))
  let seen = 0
  for (let rows = await cursor.read(100); rows.length; rows = await cursor.read(100)) seen += rows.length
  assert.equal(seen, 250)
  await cursor.close()
}

async function leftHalfRead(client) {
  const cursor = client.query(new Cursor('SELECT generate_series(1, 1000)'))
  assert.equal((await cursor.read(10)).length, 10)
  await cursor.close()
  assert.equal((await client.query('SELECT 2 AS two')).rows[0].two, 2)
}

async function streamed(client) {
  let sum = 0
  for await (const row of client.query(new QueryStream('SELECT n FROM generate_series(1, 5000) n', [], { batchSize: 70 })))
    sum += row.n
  assert.equal(sum, 12502500)
}

async function severalAtOnce() {
  const pool = new pg.Pool({ max: 5 })
  await Promise.all(Array.from({ length: 20 }, async () => {
    const client = await pool.connect()
    await inPieces(client)
    client.release()
  }))
  await pool.end()
}

const client = new pg.Client()
await client.connect()
await inPieces(client)
await leftHalfRead(client)
await streamed(client)
await client.query('BEGIN')
await inPieces(client)
await client.query('COMMIT')
await client.end()
await severalAtOnce()
console.log('cursors works')
