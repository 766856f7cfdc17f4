"""Unmodified drivers and tools, through both pool modes: what an application would do with each."""
import asyncio
import subprocess
import sys
from pathlib import Path

import asyncpg
import psycopg
import psycopg2
import psycopg2.extras
import pytest
import sqlalchemy

PG = Path("/usr/lib/postgresql/15/bin")
CLIENTS = Path(__file__).resolve().parents[1] / "clients"


def run(command, endpoint, **options):
    """Output of a program that has to succeed."""
    done = subprocess.run([str(part) for part in command], env=endpoint.environment, capture_output=True, text=True,
                          timeout=120, check=False, **options)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


# ---- psql, pgbench, pg_dump ------------------------------------------------------------------------


def test_psql_script(endpoint, table):
    script = rf"""
\set ON_ERROR_STOP on
\set AUTOCOMMIT on
CREATE TABLE {table} (n int PRIMARY KEY, t text);
\copy {table} FROM STDIN
1	one
2	two
\.
BEGIN;
UPDATE {table} SET t = 'zwei' WHERE n = 2;
COMMIT;
\d {table}
SELECT t FROM {table} ORDER BY n;
"""
    out = run(["psql", "-X"], endpoint, input=script)
    assert "zwei" in out and f'"{table}_pkey" PRIMARY KEY' in out


@pytest.mark.parametrize("meta", [r"\dt pg_catalog.pg_class", r"\df+ pg_catalog.now", r"\l", r"\du", r"\dn+", r"\conninfo", r"\encoding"])
def test_psql_describes(endpoint, meta):
    assert run(["psql", "-X", "-c", meta], endpoint).strip()


def test_psql_fetches_by_cursor(endpoint):
    out = run(["psql", "-X", "-A", "-t", "-v", "FETCH_COUNT=100", "-c", "SELECT generate_series(1, 1000)"], endpoint)
    assert out.split()[-1] == "1000"


@pytest.fixture(scope="module")
def bench(sluice):
    run([PG / "pgbench", "-i", "-q", "-s", "1"], sluice.endpoint)
    return sluice.endpoint


@pytest.mark.parametrize("options", [
    ["-M", "simple"], ["-M", "extended"], ["-M", "prepared"], ["-S", "-M", "simple"], ["-S", "-M", "extended"],
    ["-S", "-M", "prepared"], ["-C", "-S"], ["-C", "-M", "prepared"], ["-N"]], ids=" ".join)
def test_pgbench(bench, options):
    transactions = 5 if "-C" in options else 50
    out = run([PG / "pgbench", "-n", "-c", "8", "-j", "2", "-t", transactions, *options], bench)
    assert f"{8 * transactions}/{8 * transactions}" in out and "failed transactions: 0 " in out


def test_pgbench_pipeline(bench, tmp_path):
    script = tmp_path / "pipeline.sql"
    script.write_text("\\startpipeline\nSELECT 1;\nSELECT 2;\nSELECT abalance FROM pgbench_accounts WHERE aid = 3;\n"
                      "\\endpipeline\n")
    for protocol in ("extended", "prepared"):
        out = run([PG / "pgbench", "-n", "-c", "4", "-t", "50", "-M", protocol, "-f", script], bench)
        assert "200/200" in out


@pytest.mark.parametrize("form", [["-Fc"], ["-Fp"], ["-Fd", "-j", "2"]], ids=["custom", "plain", "directory"])
def test_dump_and_restore(bench, server, tmp_path, form):
    dump = tmp_path / "dump"
    run([PG / "pg_dump", *form, "-t", "pgbench_*", "-f", dump], bench)
    before = server.sql("SELECT count(*), sum(abalance) FROM pgbench_accounts")
    run(["psql", "-X", "-q", "-c", "DROP TABLE pgbench_accounts, pgbench_branches, pgbench_history, pgbench_tellers"],
        bench)
    if form == ["-Fp"]:
        run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", dump], bench)
    else:
        run([PG / "pg_restore", "-j", "2", "-d", bench.database, dump], bench)
    assert server.sql("SELECT count(*), sum(abalance) FROM pgbench_accounts") == before


# ---- psycopg 2 -------------------------------------------------------------------------------------


@pytest.fixture
def psycopg2_connection(endpoint):
    connection = psycopg2.connect(endpoint.dsn)
    yield connection
    connection.close()


def test_psycopg2_transactions(psycopg2_connection, table):
    connection = psycopg2_connection
    cursor = connection.cursor()
    cursor.execute(f"CREATE TABLE {table} (n int, t text)")
    psycopg2.extras.execute_values(cursor, f"INSERT INTO {table} VALUES %s", [(n, f"it's {n}") for n in range(500)])
    connection.commit()
    cursor.execute(f"DELETE FROM {table}")
    connection.rollback()
    cursor.execute(f"SELECT count(*), max(t) FROM {table} WHERE n > %s", (498,))
    assert cursor.fetchone() == (1, "it's 499")
    with pytest.raises(psycopg2.errors.DivisionByZero):
        cursor.execute("SELECT 1/0")
    connection.rollback()
    cursor.execute("SELECT 1")
    assert cursor.fetchone() == (1,)


def test_psycopg2_named_cursors(psycopg2_connection):
    with psycopg2_connection as connection:
        cursor = connection.cursor("big")
        cursor.itersize = 100
        cursor.execute("SELECT generate_series(1, 1000)")
        assert sum(n for n, in cursor) == 500500
    held = psycopg2_connection.cursor("held", withhold=True)
    held.execute("SELECT generate_series(1, 10)")
    psycopg2_connection.commit()
    assert len(held.fetchall()) == 10
    held.close()


def test_psycopg2_copy_notify_and_large_objects(psycopg2_connection, table):
    import io
    connection = psycopg2_connection
    cursor = connection.cursor()
    cursor.execute(f"CREATE TABLE {table} (n int, t text)")
    cursor.copy_from(io.StringIO("".join(f"{n}\tx{n}\n" for n in range(3000))), table)
    out = io.StringIO()
    cursor.copy_expert(f"COPY {table} TO STDOUT", out)
    assert out.getvalue().count("\n") == 3000
    large = connection.lobject(0, "wb")
    large.write(b"abc" * 100000)
    large.seek(3)
    oid = large.oid
    large.close()
    connection.commit()
    large = connection.lobject(oid, "rb")
    assert large.read() == b"abc" * 100000
    large.unlink()
    connection.commit()
    connection.autocommit = True
    cursor.execute("LISTEN heard")
    cursor.execute("NOTIFY heard, 'me'")
    connection.poll()
    assert [note.payload for note in connection.notifies] == ["me"]
    cursor.execute("UNLISTEN *")


def test_psycopg2_session_settings(psycopg2_connection):
    connection = psycopg2_connection
    connection.set_session(isolation_level="SERIALIZABLE", readonly=True)
    cursor = connection.cursor()
    for _ in range(2):
        cursor.execute("SHOW transaction_isolation")
        assert cursor.fetchone() == ("serializable",)
        with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
            cursor.execute("CREATE TABLE never (n int)")
        connection.rollback()
    connection.set_session(autocommit=True)
    connection.set_client_encoding("LATIN1")
    cursor.execute("SELECT 'é'")
    assert cursor.fetchone() == ("é",)


def test_psycopg2_cancel(psycopg2_connection):
    import threading
    timer = threading.Timer(0.3, psycopg2_connection.cancel)
    timer.start()
    with pytest.raises(psycopg2.errors.QueryCanceled):
        psycopg2_connection.cursor().execute("SELECT pg_sleep(20)")
    psycopg2_connection.rollback()


# ---- psycopg 3 -------------------------------------------------------------------------------------


def test_psycopg3_prepares_by_itself(endpoint):
    connections = [psycopg.connect(endpoint.url, prepare_threshold=2, autocommit=True) for _ in range(3)]
    for number in range(20):
        for offset, connection in enumerate(connections):
            row = connection.execute("SELECT %s::int + %s::int", (number, offset)).fetchone()
            assert row == (number + offset,)
    for connection in connections:
        connection.close()


def test_psycopg3_prepared_survives_schema_change(endpoint, table):
    with psycopg.connect(endpoint.url, prepare_threshold=0, autocommit=True) as connection:
        connection.execute(f"CREATE TABLE {table} AS SELECT 1 AS n")
        for _ in range(3):
            assert connection.execute(f"SELECT n FROM {table}").fetchone() == (1,)
        connection.execute(f"ALTER TABLE {table} ADD m int")
        assert connection.execute(f"SELECT n FROM {table}").fetchone() == (1,)


def test_psycopg3_pipeline(endpoint, table):
    with psycopg.connect(endpoint.url, autocommit=True) as connection:
        connection.execute(f"CREATE TABLE {table} (n int)")
        with connection.pipeline() as pipeline:
            cursors = [connection.execute("SELECT %s::int", (n,)) for n in range(100)]
            pipeline.sync()
            assert [cursor.fetchone()[0] for cursor in cursors] == list(range(100))
        with pytest.raises(psycopg.errors.DivisionByZero):
            with connection.pipeline():
                connection.execute(f"INSERT INTO {table} VALUES (1)")
                connection.execute("SELECT 1/0")
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_psycopg3_pipeline_in_a_transaction(endpoint, table):
    with psycopg.connect(endpoint.url) as connection:
        with connection.pipeline(), connection.transaction():
            connection.execute(f"CREATE TABLE {table} (n int)")
            connection.cursor().executemany(f"INSERT INTO {table} VALUES (%s)", [(n,) for n in range(200)])
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (200,)


def test_psycopg3_server_cursors_binary_and_copy(endpoint, table):
    with psycopg.connect(endpoint.url) as connection:
        connection.execute(f"CREATE TABLE {table} (n int, b bytea)")
        with connection.cursor().copy(f"COPY {table} FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["int4", "bytea"])
            for number in range(300):
                copy.write_row((number, bytes([number % 256]) * 1000))
        with connection.cursor(name="many", binary=True) as cursor:
            cursor.execute(f"SELECT n, b FROM {table} ORDER BY n")
            assert [row[0] for row in cursor] == list(range(300))
        with connection.cursor().copy(f"COPY {table} (n) TO STDOUT") as copy:
            assert sum(1 for _ in copy.rows()) == 300


def test_psycopg3_nested_transactions(endpoint, table):
    with psycopg.connect(endpoint.url, autocommit=True) as connection:
        with connection.transaction():
            connection.execute(f"CREATE TABLE {table} (n int)")
            with pytest.raises(psycopg.errors.DivisionByZero):
                with connection.transaction():
                    connection.execute(f"INSERT INTO {table} VALUES (1)")
                    connection.execute("SELECT 1/0")
            connection.execute(f"INSERT INTO {table} VALUES (2)")
        assert connection.execute(f"SELECT n FROM {table}").fetchall() == [(2,)]


def test_psycopg3_async(endpoint):
    async def one(number):
        connection = await psycopg.AsyncConnection.connect(endpoint.url, autocommit=True)
        async with connection:
            cursor = await connection.execute("SELECT %s::int", (number,))
            return (await cursor.fetchone())[0]

    async def all_of_them():
        return await asyncio.gather(*(one(number) for number in range(40)))

    assert asyncio.run(all_of_them()) == list(range(40))


# ---- asyncpg ---------------------------------------------------------------------------------------


def with_asyncpg(endpoint, body, **options):
    async def main():
        connection = await asyncpg.connect(endpoint.url, **options)
        try:
            await body(connection)
        finally:
            await connection.close()

    asyncio.run(main())


def test_asyncpg_statement_cache(endpoint):
    async def main():
        pool = await asyncpg.create_pool(endpoint.url, min_size=10, max_size=10)

        async def work(number):
            for turn in range(10):
                assert await pool.fetchval("SELECT $1::int * $2::int", number, turn) == number * turn
                assert await pool.fetchval(f"SELECT {turn}::text || $1", str(number)) == f"{turn}{number}"

        await asyncio.gather(*(work(number) for number in range(30)))
        await pool.close()

    asyncio.run(main())


def test_asyncpg_types_transactions_and_cursors(endpoint, table):
    async def body(connection):
        await connection.execute(f"CREATE TABLE {table} (n int, tags text[], at timestamptz, doc jsonb)")
        async with connection.transaction():
            await connection.executemany(f"INSERT INTO {table} VALUES ($1, $2, now(), $3)",
                                         [(n, ["a", str(n)], '{"n": 1}') for n in range(200)])
        row = await connection.fetchrow(f"SELECT * FROM {table} WHERE n = $1", 7)
        assert row["tags"] == ["a", "7"]
        async with connection.transaction():
            seen = [record["n"] async for record in connection.cursor(f"SELECT n FROM {table} ORDER BY n", prefetch=30)]
        assert seen == list(range(200))
        statement = await connection.prepare(f"SELECT count(*) FROM {table} WHERE n < $1")
        assert [await statement.fetchval(limit) for limit in (1, 50, 100)] == [1, 50, 100]
        with pytest.raises(asyncpg.DivisionByZeroError):
            await connection.fetchval("SELECT 1/$1::int", 0)
        assert await connection.fetchval("SELECT 1") == 1

    with_asyncpg(endpoint, body)


def test_asyncpg_copy_listen_and_cancel(endpoint, table):
    async def body(connection):
        await connection.execute(f"CREATE TABLE {table} (n int)")
        await connection.copy_records_to_table(table, records=[(n,) for n in range(5000)])
        assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 5000
        heard = asyncio.get_running_loop().create_future()
        await connection.add_listener("heard", lambda *note: heard.done() or heard.set_result(note[3]))
        await connection.execute("NOTIFY heard, 'hello'")
        assert await asyncio.wait_for(heard, 5) == "hello"
        await connection.reset()
        with pytest.raises(asyncio.TimeoutError):
            await connection.fetchval("SELECT pg_sleep(20)", timeout=0.3)
        assert await connection.fetchval("SELECT 1") == 1

    with_asyncpg(endpoint, body)


def test_asyncpg_schema_change(endpoint, table):
    async def body(connection):
        await connection.execute(f"CREATE TABLE {table} AS SELECT 1 AS n")
        assert len(await connection.fetchrow(f"SELECT * FROM {table}")) == 1
        await connection.execute(f"ALTER TABLE {table} ADD m int")
        assert len(await connection.fetchrow(f"SELECT * FROM {table}")) == 2

    with_asyncpg(endpoint, body)


# ---- SQLAlchemy, Django, node ----------------------------------------------------------------------


def test_sqlalchemy(endpoint, table):
    from sqlalchemy import Column, Integer, String, orm
    engine = sqlalchemy.create_engine(endpoint.url, pool_size=5, pool_pre_ping=True)
    base = orm.declarative_base()

    class Guild(base):
        __tablename__ = table
        id = Column(Integer, primary_key=True)
        name = Column(String(50), index=True)

    base.metadata.create_all(engine)
    with orm.Session(engine) as session:
        session.add_all([Guild(name=f"guild {n}") for n in range(200)])
        session.commit()
        with session.begin_nested():
            session.query(Guild).filter_by(name="guild 7").one().name = "renamed"
        session.commit()
        assert session.query(Guild).filter(Guild.name.like("guild%")).count() == 199
        assert len(list(session.query(Guild).yield_per(50))) == 200
    assert [column["name"] for column in sqlalchemy.inspect(engine).get_columns(table)] == ["id", "name"]
    base.metadata.drop_all(engine)
    engine.dispose()


def test_django(endpoint):
    assert "django works" in run([sys.executable, Path(__file__).parent / "django_application.py"], endpoint)


@pytest.mark.parametrize("script", ["pg", "cursors", "postgresjs"])
def test_node(endpoint, script):
    assert (CLIENTS / "node_modules/pg").exists(), "npm ci in tests/clients first (./dev setup)"
    assert "works" in run(["node", CLIENTS / f"{script}.mjs"], endpoint)
