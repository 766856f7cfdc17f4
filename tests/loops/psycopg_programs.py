"""psycopg 3: parameters by the protocol, prepared from the sixth time on, pipelines."""
import random
import time

import psycopg

from cases import case, loop, main

BOOKS_OF = "select id, title from books where author_id ="


def connect(autocommit=False):
    return psycopg.connect("", autocommit=autocommit)


@case(loop("proven", BOOKS_OF, 24, "from authors", "id"))
def psycopg_loop():
    """A query for each row of a query; the type of the parameter is another than the column's."""
    with connect() as connection:
        for key, _ in connection.execute("SELECT id, name FROM authors ORDER BY id").fetchall():
            connection.execute("SELECT id, title FROM books WHERE author_id = %s ORDER BY id", (key,))


@case(loop("proven", BOOKS_OF, 24, "from authors", "id"))
def psycopg_binary():
    """The same with results and parameters in binary."""
    with connect(autocommit=True) as connection, connection.cursor(binary=True) as cursor:
        cursor.execute("SELECT name, id FROM authors ORDER BY id")
        for _, key in cursor.fetchall():
            cursor.execute("SELECT id, title FROM books WHERE author_id = %b ORDER BY id", (key,))


@case(loop("proven", BOOKS_OF, 24, "from authors", "id"),
      loop("chained", "from reviews where book_id =", 72, BOOKS_OF, "id"))
def psycopg_nested():
    """Three levels, each row on its own."""
    with connect(autocommit=True) as connection:
        for (author,) in connection.execute("SELECT id FROM authors ORDER BY id").fetchall():
            books = connection.execute("SELECT id, title FROM books WHERE author_id = %s ORDER BY id", (author,))
            for book, _ in books.fetchall():
                connection.execute("SELECT stars FROM reviews WHERE book_id = %s", (book,)).fetchall()


@case(loop("proven", "and book_id =", 20, "from books order by", "id"))
def psycopg_second_parameter():
    """The first parameter is the same each time, the second is the row's."""
    with connect() as connection:
        for (book,) in connection.execute("SELECT id FROM books ORDER BY title LIMIT 20").fetchall():
            connection.execute("SELECT count(*) FROM reviews WHERE stars >= %s AND book_id = %s", (3, book))


@case(loop("repeated", "from kv where k =", 25))
def psycopg_keys():
    """Twenty-five keys, one statement each, in autocommit."""
    with connect(autocommit=True) as connection:
        for n in range(25):
            connection.execute("SELECT v FROM kv WHERE k = %s", (f"key {1 + n * 389 % 1999}",))


@case(loop("repeated", "where id %", 30))
def psycopg_report_by_day():
    """A sum for each day of a month, where GROUP BY would have done."""
    with connect() as connection:
        for day in range(30):
            connection.execute("SELECT sum(stars) FROM reviews WHERE id %% 30 = %s", (day,))


@case()
def psycopg_pipeline():
    """Sent without waiting: no round trips to save."""
    with connect(autocommit=True) as connection:
        keys = connection.execute("SELECT id FROM authors ORDER BY id").fetchall()
        with connection.pipeline():
            cursors = [connection.execute("SELECT title FROM books WHERE author_id = %s", key) for key in keys]
            assert all(len(cursor.fetchall()) == 3 for cursor in cursors)


@case()
def psycopg_executemany():
    """SELECTs by executemany, which pipelines."""
    with connect() as connection, connection.cursor() as cursor:
        keys = cursor.execute("SELECT id FROM authors ORDER BY id").fetchall()
        cursor.executemany("SELECT title FROM books WHERE author_id = %s", keys, returning=True)


@case()
def psycopg_any():
    """One statement with an array."""
    with connect() as connection:
        keys = [key for (key,) in connection.execute("SELECT id FROM authors").fetchall()]
        connection.execute("SELECT title FROM books WHERE author_id = ANY(%s)", (keys,)).fetchall()


@case()
def psycopg_copy():
    """COPY in and out."""
    with connect() as connection, connection.cursor() as cursor:
        with cursor.copy("COPY kv FROM STDIN") as copy:
            for n in range(100):
                copy.write_row((f"copied {n}", "x"))
        with cursor.copy("COPY (SELECT * FROM kv) TO STDOUT") as copy:
            assert sum(1 for _ in copy.rows()) == 2100
        connection.rollback()


@case()
def psycopg_cache_fill():
    """A cache that misses now and then, keys of different tables, a statement a transaction."""
    dice = random.Random(8)
    with connect(autocommit=True) as connection:
        for _ in range(100):
            if dice.random() < 0.8:
                connection.execute("SELECT v FROM kv WHERE k = %s", (f"key {dice.randint(1, 2000)}",))
            else:
                connection.execute("SELECT name FROM authors WHERE id = %s", (1000 + 7 * dice.randint(1, 24),))
            time.sleep(dice.expovariate(1 / 0.02))


@case()
def psycopg_batches_of_keys():
    """Two hundred keys, fifty in one statement."""
    with connect() as connection:
        for first in range(0, 200, 50):
            keys = [f"key {n}" for n in range(first, first + 50)]
            connection.execute("SELECT v FROM kv WHERE k = ANY(%s)", (keys,)).fetchall()


main()
