// node-postgres. Run one case by its name.
import { createRequire } from 'node:module'
import { loop, main } from './cases.mjs'

const pg = createRequire(new URL('../clients/package.json', import.meta.url))('pg')
const client = new pg.Client()
const connected = process.argv[2] === '--list' ? null : await client.connect()
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const authors = 'SELECT id, name FROM authors ORDER BY id'
const books = 'SELECT id, title FROM books WHERE author_id = $1 ORDER BY id'
const booksOf = 'select id, title from books where author_id ='

await main({
  pg_loop: ['await in a loop', [loop('proven', booksOf, 24, 'from authors', 'id')], async () => {
    for (const { id } of (await client.query(authors)).rows) await client.query(books, [id])
  }],
  pg_promise_all: ['Promise.all on one client: the driver waits for each answer all the same',
    [loop('proven', booksOf, 24, 'from authors', 'id')], async () => {
      const { rows } = await client.query(authors)
      await Promise.all(rows.map(({ id }) => client.query(books, [id])))
    }],
  pg_named: ['a named statement', [loop('proven', booksOf, 24, 'from authors', 'id')], async () => {
    for (const { id } of (await client.query(authors)).rows) {
      await client.query({ name: 'books', text: books, values: [id] })
    }
  }],
  pg_text: ['values pasted into the text', [loop('proven', 'from books where author_id =', 24, 'from authors', 'id')],
    async () => {
      for (const { id } of (await client.query(authors)).rows) {
        await client.query(`SELECT title FROM books WHERE author_id = ${id}`)
      }
    }],
  pg_resolvers: ['GraphQL resolvers: each review asks for its book, each book for its author',
    [loop('proven', 'from books where id =', 60, 'from reviews', 'book_id'),
      loop('chained', 'from authors where id =', 60, 'from books where id =', 'author_id')], async () => {
      const { rows } = await client.query('SELECT id, book_id FROM reviews ORDER BY id LIMIT 60')
      for (const { book_id: key } of rows) {
        const { rows: [book] } = await client.query('SELECT id, author_id FROM books WHERE id = $1', [key])
        await client.query('SELECT name FROM authors WHERE id = $1', [book.author_id])
      }
    }],
  pg_duplicates: ['the same user for each of ten components', [loop('duplicate', 'from authors where id =', 10)],
    async () => {
      for (let n = 0; n < 10; n++) await client.query('SELECT * FROM authors WHERE id = $1', [1008])
    }],
  pg_keys: ['keys of a request body', [loop('repeated', 'from kv where k =', 18)], async () => {
    for (let n = 0; n < 18; n++) await client.query('SELECT v FROM kv WHERE k = $1', [`key ${1 + n * 389 % 1999}`])
  }],
  pg_any: ['one statement', [], async () => {
    const { rows } = await client.query(authors)
    await client.query('SELECT id, title FROM books WHERE author_id = ANY($1)', [rows.map(({ id }) => id)])
  }],
  pg_keyset: ['pages behind the last id', [], async () => {
    for (let last = 0, rows = [{}]; rows.length; last = rows.at(-1)?.id) {
      ({ rows } = await client.query('SELECT id, stars FROM reviews WHERE id > $1 ORDER BY id LIMIT 20', [last]))
    }
  }],
  pg_polling: ['every 60 ms', [], async () => {
    for (let n = 0; n < 12; n++) {
      await client.query('SELECT id FROM jobs WHERE state = $1', ['urgent'])
      await sleep(60)
    }
  }],
  pg_transfers: ['read, decide, write', [], async () => {
    for (let n = 1; n <= 20; n++) {
      await client.query('BEGIN')
      const { rows: [row] } = await client.query('SELECT payload FROM jobs WHERE id = $1', [n * 7 % 41 || 1])
      await client.query('UPDATE jobs SET payload = $1 WHERE id = $2', [row.payload + '!', n * 7 % 41 || 1])
      await client.query('COMMIT')
    }
  }],
}, () => client.end())
