// postgres.js: prepares by itself and pipelines what isn't awaited. Run one case by its name.
import { createRequire } from 'node:module'
import { loop, main } from './cases.mjs'

const postgres = createRequire(new URL('../clients/package.json', import.meta.url))('postgres')
const sql = postgres({ max: 1, onnotice: () => {} })
const booksOf = 'select id, title from books where author_id ='
const books = (id) => sql`SELECT id, title FROM books WHERE author_id = ${id} ORDER BY id`

await main({
  postgresjs_loop: ['await in a loop', [loop('proven', booksOf, 24, 'from authors', 'id')], async () => {
    for (const { id } of await sql`SELECT id, name FROM authors ORDER BY id`) await books(id)
  }],
  postgresjs_transaction: ['the same in a transaction', [loop('proven', booksOf, 24, 'from authors', 'id')], async () => {
    await sql.begin(async (sql) => {
      for (const { id } of await sql`SELECT id, name FROM authors ORDER BY id`) {
        await sql`SELECT id, title FROM books WHERE author_id = ${id} ORDER BY id`
      }
    })
  }],
  postgresjs_nested: ['three levels', [loop('proven', booksOf, 24, 'from authors', 'id'),
    loop('chained', 'from reviews where book_id =', 72, booksOf, 'id')], async () => {
    for (const { id } of await sql`SELECT id, name FROM authors ORDER BY id`) {
      for (const book of await books(id)) await sql`SELECT stars FROM reviews WHERE book_id = ${book.id}`
    }
  }],
  postgresjs_in_turns: ['two statements for each row', [loop('interleaved', booksOf, 48, 'from authors', 'id')], async () => {
    for (const { id } of await sql`SELECT id, name FROM authors ORDER BY id`) {
      await books(id)
      await sql`SELECT count(*) FROM books WHERE editor_id = ${id}`
    }
  }],
  postgresjs_pipelined: ['Promise.all on one connection is a pipeline', [], async () => {
    await Promise.all((await sql`SELECT id, name FROM authors ORDER BY id`).map(({ id }) => books(id)))
  }],
  postgresjs_in: ['one statement', [], async () => {
    const keys = (await sql`SELECT id, name FROM authors ORDER BY id`).map(({ id }) => id)
    await sql`SELECT id, title FROM books WHERE author_id IN ${sql(keys)}`
  }],
  postgresjs_cursor: ['a portal, 20 rows at a time', [], async () => {
    await sql`SELECT id FROM reviews`.cursor(20, () => {})
  }],
  postgresjs_inserts: ['INSERTs one by one', [], async () => {
    for (let n = 0; n < 20; n++) await sql`INSERT INTO kv VALUES (${'js ' + n}, 'x')`
  }],
}, () => sql.end())
