"""Plain psycopg2: values become literals, a transaction begins by itself unless autocommit is on."""
import random
import time

import psycopg2
import psycopg2.extras

from cases import case, loop, main

BOOKS_OF = "select id, title from books where author_id ="


def connect(autocommit=False):
    connection = psycopg2.connect("")
    connection.autocommit = autocommit
    return connection


@case(loop("proven", BOOKS_OF, 24, "from authors", "id"))
def psycopg2_loop():
    """A query for each row of a query."""
    cursor = connect().cursor()
    cursor.execute("SELECT id, name FROM authors ORDER BY id")
    for key, _ in cursor.fetchall():
        cursor.execute("SELECT id, title FROM books WHERE author_id = %s ORDER BY id", (key,))


@case(loop("interleaved", "from books where author_id =", 72, "from authors", "id"))
def psycopg2_three_in_turns():
    """Three queries for each row, two by its id and one by its publisher, in autocommit."""
    cursor = connect(autocommit=True).cursor()
    cursor.execute("SELECT id, publisher_id FROM authors ORDER BY id")
    for key, publisher in cursor.fetchall():
        cursor.execute("SELECT title FROM books WHERE author_id = %s", (key,))
        cursor.execute("SELECT max(price) FROM books WHERE editor_id = %s", (key,))
        cursor.execute("SELECT name FROM publishers WHERE id = %s", (publisher,))


@case(loop("proven", "from stock where sku =", 72, "from stock order by", "sku"))
def psycopg2_uuid():
    """Keys that are uuids, each written as '...'::uuid."""
    psycopg2.extras.register_uuid()
    cursor = connect(autocommit=True).cursor()
    cursor.execute("SELECT sku FROM stock ORDER BY sku")
    for (sku,) in cursor.fetchall():
        cursor.execute("SELECT pieces FROM stock WHERE sku = %s", (sku,))


@case(loop("proven", "from books where title =", 20, "from books order by", "title"))
def psycopg2_text_keys():
    """Keys that are text."""
    cursor = connect().cursor()
    cursor.execute("SELECT title, price FROM books ORDER BY id LIMIT 20")
    for title, _ in cursor.fetchall():
        cursor.execute("SELECT count(*) FROM books WHERE title = %s", (title,))


@case(loop("proven", BOOKS_OF, 24, "from authors", "id"))
def psycopg2_two_pages():
    """Two web pages one after the other on one connection, each with its loop."""
    cursor = connect(autocommit=True).cursor()
    for _ in range(2):
        cursor.execute("SELECT name FROM settings ORDER BY name")
        cursor.execute("SELECT id, name FROM authors ORDER BY id")
        for key, _ in cursor.fetchall():
            cursor.execute("SELECT id, title FROM books WHERE author_id = %s ORDER BY id", (key,))
        time.sleep(0.1)


@case(loop("repeated", "from kv where k =", 30))
def psycopg2_keys_in_a_transaction():
    """Thirty keys of a file in one transaction."""
    cursor = connect().cursor()
    for n in range(30):
        cursor.execute("SELECT v FROM kv WHERE k = %s", (f"key {1 + n * 389 % 1999}",))


@case(loop("duplicate", "from settings where name =", 12))
def psycopg2_same_again():
    """A function that reads a setting, called for each of twelve things."""
    cursor = connect(autocommit=True).cursor()
    for _ in range(12):
        cursor.execute("SELECT value FROM settings WHERE name = %s", ("setting 2",))


@case()
def psycopg2_any():
    """All keys in one statement."""
    cursor = connect().cursor()
    cursor.execute("SELECT id FROM authors")
    cursor.execute("SELECT * FROM books WHERE author_id = ANY(%s)", ([row[0] for row in cursor.fetchall()],))


@case()
def psycopg2_executemany():
    """INSERTs, one by one and in one."""
    cursor = connect().cursor()
    cursor.executemany("INSERT INTO kv VALUES (%s, %s)", [(f"new {n}", "x") for n in range(50)])
    psycopg2.extras.execute_values(cursor, "INSERT INTO kv VALUES %s", [(f"newer {n}", "x") for n in range(50)])


@case()
def psycopg2_upsert_by_hand():
    """An import that looks each row up and updates or inserts it."""
    cursor = connect().cursor()
    for n in range(40):
        cursor.execute("SELECT v FROM kv WHERE k = %s", (f"key {1980 + n}",))
        if cursor.fetchone():
            cursor.execute("UPDATE kv SET v = 'seen' WHERE k = %s", (f"key {1980 + n}",))
        else:
            cursor.execute("INSERT INTO kv VALUES (%s, 'new')", (f"key {1980 + n}",))


@case()
def psycopg2_named_cursor():
    """A cursor on the server."""
    cursor = connect().cursor("reading")
    cursor.itersize = 20
    cursor.execute("SELECT id, stars FROM reviews")
    assert sum(1 for _ in cursor) == 216


@case()
def psycopg2_polling():
    """Is there work? Every 70 ms."""
    cursor = connect(autocommit=True).cursor()
    for _ in range(15):
        cursor.execute("SELECT id FROM jobs WHERE state = %s LIMIT 1", ("urgent",))
        time.sleep(0.07)


@case()
def psycopg2_polling_quickly():
    """Is it done? Every 20 ms."""
    cursor = connect(autocommit=True).cursor()
    for n in range(40):
        cursor.execute("SELECT state FROM jobs WHERE id = %s", (3,))
        time.sleep(0.02)


@case()
def psycopg2_requests():
    """A service that gets a key from somebody every now and then."""
    dice, cursor = random.Random(5), connect(autocommit=True).cursor()
    for _ in range(120):
        cursor.execute("SELECT v FROM kv WHERE k = %s", (f"key {dice.randint(1, 2000)}",))
        time.sleep(dice.expovariate(1 / 0.015))


@case()
def psycopg2_requests_of_two():
    """Requests that look a tag up by its name and then its books by the tag's id."""
    dice, cursor = random.Random(6), connect(autocommit=True).cursor()
    for _ in range(40):
        cursor.execute("SELECT id FROM tags WHERE name = %s", (f"tag {dice.randint(1, 12)}",))
        cursor.execute("SELECT book_id FROM book_tags WHERE tag_id = %s", cursor.fetchone())
        time.sleep(0.008 + dice.expovariate(1 / 0.012))


@case()
def psycopg2_busy_service():
    """One request after the other without a pause, each two lookups by keys that have nothing in common."""
    dice, cursor = random.Random(9), connect(autocommit=True).cursor()
    for _ in range(150):
        cursor.execute("SELECT v FROM kv WHERE k = %s", (f"key {dice.randint(1, 2000)}",))
        cursor.execute("SELECT name FROM tags WHERE id = %s", (20 + dice.randint(1, 12),))


@case()
def psycopg2_worker_stream():
    """A worker that reads a key for each message, as fast as it can."""
    dice, cursor = random.Random(7), connect(autocommit=True).cursor()
    for _ in range(400):
        cursor.execute("SELECT v FROM kv WHERE k = %s", (f"key {dice.randint(1, 2000)}",))


@case()
def psycopg2_offset_pages():
    """Pages by OFFSET, the numbers in the text."""
    cursor = connect().cursor()
    for page in range(10):
        cursor.execute("SELECT id, body FROM reviews ORDER BY id LIMIT %s OFFSET %s", (20, 20 * page))


@case()
def psycopg2_keyset_pages():
    """Pages by the last id."""
    cursor, last = connect(autocommit=True).cursor(), 0
    while True:
        cursor.execute("SELECT id, body FROM reviews WHERE id > %s ORDER BY id LIMIT 20", (last,))
        if not (rows := cursor.fetchall()):
            break
        last = rows[-1][0]


@case()
def psycopg2_health_checks():
    """SELECT 1 again and again."""
    cursor = connect(autocommit=True).cursor()
    for _ in range(50):
        cursor.execute("SELECT 1")


@case()
def psycopg2_ancestors():
    """From a leaf of a tree to its root, parent by parent: each needs the one before."""
    cursor, node = connect().cursor(), 8000 + 19 * 15
    while node:
        cursor.execute("SELECT parent_id FROM categories WHERE id = %s", (node,))
        (node,) = cursor.fetchone()


main()
