// Sequelize 6 on node-postgres: autocommit, values in the text. Run one case by its name.
import { createRequire } from 'node:module'
import { loop, main } from './cases.mjs'

const require = createRequire(new URL('../clients/package.json', import.meta.url))
const { DataTypes, Sequelize } = require('sequelize')
const { PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE } = process.env
const sequelize = new Sequelize(PGDATABASE ?? '', PGUSER ?? '', PGPASSWORD ?? '',
  { dialect: 'postgres', host: PGHOST, port: PGPORT, logging: false, pool: { max: 1 },
    dialectModule: require('pg'), define: { timestamps: false, underscored: true } })
const { INTEGER, BIGINT, TEXT, DECIMAL } = DataTypes
const model = (name, table, fields) => sequelize.define(name, { id: { type: INTEGER, primaryKey: true }, ...fields }, { tableName: table })
const Publisher = model('publisher', 'publishers', { name: TEXT })
const Author = model('author', 'authors', { name: TEXT })
const Book = model('book', 'books', { id: { type: BIGINT, primaryKey: true }, title: TEXT, price: DECIMAL })
const Review = model('review', 'reviews', { id: { type: BIGINT, primaryKey: true }, stars: INTEGER })
const Tag = model('tag', 'tags', { name: TEXT })
Author.belongsTo(Publisher)
Author.hasMany(Book)
Book.belongsTo(Author)
Book.hasMany(Review)
Review.belongsTo(Book)
const order = [['id', 'ASC']]
const booksOf = 'from "books" as "book" where "book"."author_id" ='
const reviewsOf = 'from "reviews" as "review" where "review"."book_id" ='

await main({
  sequelize_collection: ['getBooks() for each author', [loop('proven', booksOf, 24, 'from "authors" as "author" order by', 'id')],
    async () => {
      for (const author of await Author.findAll({ order })) await author.getBooks()
    }],
  sequelize_belongs_to: ['getAuthor() for each book', [loop('proven', 'from "authors" as "author" where "author"."id" =', 72,
    'from "books" as "book" order by', 'authorId')], async () => {
    for (const book of await Book.findAll({ order })) await book.getAuthor()
  }],
  sequelize_nested: ['three levels', [loop('proven', booksOf, 24, 'from "authors" as "author" order by', 'id'),
    loop('chained', reviewsOf, 72, booksOf, 'id')], async () => {
    for (const author of await Author.findAll({ order })) {
      for (const book of await author.getBooks({ order })) await book.getReviews()
    }
  }],
  sequelize_two: ['books and publisher of each author', [loop('interleaved', booksOf, 48, 'from "authors" as "author" order by', 'id')],
    async () => {
      for (const author of await Author.findAll({ order })) {
        await author.getBooks()
        await author.getPublisher()
      }
    }],
  sequelize_transaction: ['a managed transaction', [loop('proven', 'from "books" as "book" where', 24,
    'from "authors" as "author" order by', 'id')], async () => {
    await sequelize.transaction(async (transaction) => {
      for (const author of await Author.findAll({ order, transaction })) await author.countBooks({ transaction })
    })
  }],
  sequelize_find_by_key: ['keys from elsewhere', [loop('repeated', 'from "tags" as "tag" where "tag"."id" =', 12)], async () => {
    for (let n = 0; n < 12; n++) await Tag.findByPk(21 + n * 7 % 12)
  }],
  sequelize_include: ['eager loading', [], async () => {
    for (const author of await Author.findAll({ include: { model: Book, include: Review } })) author.books.length
  }],
  sequelize_find_or_create: ['look and create', [], async () => {
    for (let n = 0; n < 15; n++) await Tag.findOrCreate({ where: { name: `tag ${n}` }, defaults: { id: 700 + n } })
  }],
  sequelize_pages: ['pages by OFFSET', [], async () => {
    for (let page = 0; page < 9; page++) await Review.findAll({ order, limit: 25, offset: 25 * page })
  }],
  sequelize_save: ['a save() for each row', [], async () => {
    for (const book of await Book.findAll({ order, limit: 20 })) await book.update({ price: Number(book.price) + 1 })
  }],
}, () => sequelize.close())
