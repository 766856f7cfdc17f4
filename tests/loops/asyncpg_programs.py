"""asyncpg: everything prepared and binary, a pool that resets its connections."""
import asyncio

import asyncpg

from cases import case, loop, main

BOOKS_OF = "select id, title from books where author_id ="
SELECT_BOOKS = "SELECT id, title FROM books WHERE author_id = $1 ORDER BY id"
SELECT_AUTHORS = "SELECT id, name FROM authors ORDER BY id"


def asynchronous(function):
    def run():
        asyncio.run(function())
    run.__name__, run.__doc__ = function.__name__, function.__doc__
    return run


@case(loop("proven", BOOKS_OF, 24, "from authors", "id"))
@asynchronous
async def asyncpg_loop():
    """A query for each row of a query."""
    connection = await asyncpg.connect()
    for row in await connection.fetch(SELECT_AUTHORS):
        await connection.fetch(SELECT_BOOKS, row["id"])
    await connection.close()


@case(loop("proven", BOOKS_OF, 24, "from authors", "id"))
@asynchronous
async def asyncpg_transaction():
    """The same in a transaction, with a prepared statement."""
    connection = await asyncpg.connect()
    async with connection.transaction():
        statement = await connection.prepare(SELECT_BOOKS)
        for row in await connection.fetch(SELECT_AUTHORS):
            await statement.fetch(row["id"])
    await connection.close()


@case(loop("proven", BOOKS_OF, 24, "from authors", "id"))
@asynchronous
async def asyncpg_pool():
    """A connection from the pool for each statement: there is but one, which is reset each time."""
    async with asyncpg.create_pool(min_size=1, max_size=1) as pool:
        for row in await pool.fetch(SELECT_AUTHORS):
            await pool.fetch(SELECT_BOOKS, row["id"])


@case(loop("proven", BOOKS_OF, None, "from authors", "id"))
@asynchronous
async def asyncpg_gather_traced():
    """All at once over a pool of four, with the trace of the request in a comment."""
    trace = "/*traceparent='00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'*/"
    async with asyncpg.create_pool(min_size=4, max_size=4) as pool:
        rows = await pool.fetch(f"{SELECT_AUTHORS} {trace}")
        await asyncio.gather(*(pool.fetch(f"{SELECT_BOOKS} {trace}", row["id"]) for row in rows))


@case(loop("proven", BOOKS_OF, None, "from authors", "id"))
@asynchronous
async def asyncpg_gather():
    """The same without a trace: one connection sees the authors, each of them some of the books."""
    async with asyncpg.create_pool(min_size=3, max_size=3) as pool:
        rows = await pool.fetch(SELECT_AUTHORS)
        await asyncio.gather(*(pool.fetch(SELECT_BOOKS, row["id"]) for row in rows))


@case(loop("proven", "from stock where book_id =", 30, "from books", "id"))
@asynchronous
async def asyncpg_bigint():
    """bigint to bigint."""
    connection = await asyncpg.connect()
    for row in await connection.fetch("SELECT id FROM books ORDER BY price, id LIMIT 30"):
        await connection.fetchval("SELECT pieces FROM stock WHERE book_id = $1", row["id"])
    await connection.close()


@case(loop("proven", "from stock where sku =", 72, "from stock order by", "sku"))
@asynchronous
async def asyncpg_uuid():
    """uuids in binary."""
    connection = await asyncpg.connect()
    for row in await connection.fetch("SELECT sku FROM stock ORDER BY sku"):
        await connection.fetchval("SELECT pieces FROM stock WHERE sku = $1", row["sku"])
    await connection.close()


@case(loop("chained", "from categories where parent_id =", None, "from categories where parent_id =", "id"))
@asynchronous
async def asyncpg_tree():
    """A tree, level by level, node by node."""
    connection = await asyncpg.connect()
    nodes = [7017]
    while nodes:
        node = nodes.pop(0)
        children = await connection.fetch("SELECT id FROM categories WHERE parent_id = $1 ORDER BY id", node)
        nodes += [child["id"] for child in children]
    await connection.close()


@case()
@asynchronous
async def asyncpg_any():
    """One statement with an array."""
    connection = await asyncpg.connect()
    keys = [row["id"] for row in await connection.fetch(SELECT_AUTHORS)]
    await connection.fetch("SELECT id, title FROM books WHERE author_id = ANY($1::int[])", keys)
    await connection.close()


@case()
@asynchronous
async def asyncpg_executemany():
    """INSERTs by executemany."""
    connection = await asyncpg.connect()
    await connection.executemany("INSERT INTO jobs (state, payload) VALUES ($1, $2)",
                                 [("later", f"job {n}") for n in range(50)])
    await connection.close()


@case()
@asynchronous
async def asyncpg_cursor():
    """A portal, 20 rows at a time."""
    connection = await asyncpg.connect()
    async with connection.transaction():
        assert len([row async for row in connection.cursor("SELECT id FROM reviews", prefetch=20)]) == 216
    await connection.close()


@case()
@asynchronous
async def asyncpg_pages():
    """Pages by OFFSET, limit and offset as parameters."""
    connection = await asyncpg.connect()
    for page in range(9):
        await connection.fetch("SELECT id, stars FROM reviews ORDER BY id LIMIT $1 OFFSET $2", 25, 25 * page)
    await connection.close()


@case()
@asynchronous
async def asyncpg_joined():
    """A join."""
    connection = await asyncpg.connect()
    await connection.fetch("SELECT a.id, a.name, b.id, b.title FROM authors a JOIN books b ON b.author_id = a.id")
    await connection.close()


main()
