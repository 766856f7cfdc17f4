"""Beside clients that share connections for reads, every other form of the protocol works as ever: prepared
statements, portals, binary rows, COPY, notices, settings of each client's own, tables that change.
"""
import struct
import threading
import time

import psycopg
import pytest

import multiplexing as mx
import wire as w
from gateway import PATIENCE

pytestmark = [pytest.mark.sluice_only,
              pytest.mark.skipif(not mx.accepts("multiplex"), reason="the gateway knows no multiplexing")]


@pytest.fixture(scope="module", autouse=True)
def schema(server):
    server.sql(mx.SCHEMA)


@pytest.fixture
def start(gateways, server):
    return lambda **pool: gateways.start(server, **{"max": 2, "multiplex": "reads", **pool})


@pytest.fixture
def beside(start, wire):
    """A client beside a crowd whose reads share two connections; the crowd's answers are checked to the end."""
    gateway = start()
    with mx.Crowd(gateway.endpoint):
        yield wire(gateway.endpoint)


@pytest.fixture
def crowd_of(wire):
    return lambda gateway, count=mx.CLIENTS: [wire(gateway.endpoint) for _ in range(count)]


TURNS = 30


def run(name, *values, portal=""):
    return w.bind(portal, name, values) + w.execute(portal)


# --- forms of asking --------------------------------------------------------------------------------


def test_named_statements_are_each_clients_own(start, crowd_of):
    clients = crowd_of(start(max=1))
    for number, client in enumerate(clients):
        assert client.ask(w.parse("s", f"SELECT '{number}:' || v FROM mx_rows WHERE n = $1"), w.SYNC).kinds == "1Z"
    for turn in range(60):
        for client in clients:
            client.send(run("s", turn), w.SYNC)
        assert [client.ready().value for client in clients] == [
            f"{number}:{mx.value_of(turn)}" for number in range(len(clients))]
    assert clients[0].ask(w.close("S", "s"), w.SYNC).kinds == "3Z"
    assert clients[0].ask(run("s", 1), w.SYNC).sqlstates == ["26000"]
    assert clients[1].ask(run("s", 1), w.SYNC).value == f"1:{mx.value_of(1)}"


def test_unnamed_statement_stays_the_clients_own(start, crowd_of):
    clients = crowd_of(start(max=1))
    mx.warm(clients, "simple")
    for number, client in enumerate(clients):
        client.ask(w.parse("", f"SELECT '{number}:' || v FROM mx_rows WHERE n = $1"), w.SYNC)
    for turn in range(60):
        for client in clients:
            client.send(run("", turn), w.SYNC)
        assert [client.ready().value for client in clients] == [
            f"{number}:{mx.value_of(turn)}" for number in range(len(clients))]


def test_binary_rows_beside_text(start, crowd_of):
    clients = crowd_of(start(max=1))
    for client in clients:
        client.ask(w.parse("s", "SELECT n, v FROM mx_rows WHERE n = $1"), w.SYNC)
    for turn in range(60):
        for number, client in enumerate(clients):
            client.send(w.bind("", "s", [turn], binary_results=number % 2 == 0), w.describe("P", ""),
                        w.execute(), w.SYNC)
        for number, client in enumerate(clients):
            replies = client.ready()
            assert replies.kinds == "2TDCZ"
            described = next(m for m in replies if m.kind == "T").body
            raw = next(m for m in replies if m.kind == "D").body
            if number % 2:
                assert raw[6:6 + len(str(turn))] == str(turn).encode() and described[-2:] == b"\0\0"
            else:
                assert struct.unpack_from("!i", raw, 6)[0] == turn and described[-2:] == b"\0\1"


def test_describe_only(beside):
    for _ in range(TURNS):
        replies = beside.ask(w.parse("", "SELECT n, v FROM mx_rows WHERE n = $1"), w.describe("S", ""), w.SYNC)
        assert replies.kinds == "1tTZ"
    assert beside.ask(run("", 7), w.SYNC).rows == [["7", mx.value_of(7)]]


def test_flush_answers_before_sync(beside):
    for n in range(TURNS):
        beside.send(w.parse("", "SELECT n, v FROM mx_rows WHERE n = $1"), w.bind("", "", [n]), w.describe("P", ""),
                    w.FLUSH)
        assert beside.until("T").kinds == "12T"
        beside.send(w.execute(), w.FLUSH)
        assert beside.until("C").rows == [[str(n), mx.value_of(n)]]
        assert beside.ask(w.SYNC).kinds == "Z"


def test_a_client_that_never_sends_sync_holds_its_connection_alone(start, wire):
    gateway = start()
    client = wire(gateway.endpoint)
    with mx.Crowd(gateway.endpoint) as crowd:
        client.send(w.parse("", "SELECT v FROM mx_rows WHERE n = 1"), w.bind("", ""), w.execute(), w.FLUSH)
        assert client.until("C").value == mx.value_of(1)
        before = crowd.answers
        time.sleep(0.3)
        assert crowd.answers > before
        assert client.ask(w.SYNC).status == "I"


def test_portal_with_a_row_limit(beside):
    text = "SELECT n FROM mx_rows WHERE n < 5 ORDER BY n"
    for _ in range(TURNS):
        replies = beside.ask(w.parse("", text), w.bind("p", ""), w.execute("p", 2), w.execute("p", 2), w.execute("p"),
                             w.SYNC)
        assert replies.kinds == "12DDsDDsDCZ" and replies.rows == [[str(n)] for n in range(5)]
        assert beside.ask(w.execute("p"), w.SYNC).sqlstates == ["34000"]


def test_portal_over_several_syncs_of_a_transaction(beside):
    for _ in range(5):
        assert beside.ask("BEGIN").status == "T"
        beside.ask(w.parse("", "SELECT n FROM mx_rows WHERE n < 5 ORDER BY n"), w.bind("p", ""), w.SYNC)
        got = [beside.ask(w.execute("p", 2), w.SYNC).rows for _ in range(3)]
        assert got == [[["0"], ["1"]], [["2"], ["3"]], [["4"]]]
        assert beside.ask("COMMIT").status == "I"


def test_a_declared_cursor(beside):
    for _ in range(5):
        beside.ask("BEGIN")
        beside.ask("DECLARE c CURSOR FOR SELECT n FROM mx_rows ORDER BY n")
        assert beside.ask("FETCH 2 FROM c").rows == [["0"], ["1"]]
        assert beside.ask("FETCH 1 FROM c").rows == [["2"]]
        beside.ask("COMMIT")


def test_empty_queries(beside):
    for _ in range(TURNS):
        assert beside.ask("").kinds == "IZ"
        assert beside.ask("  ; -- nothing").kinds == "IZ"
        assert beside.ask(w.parse("", ""), w.bind("", ""), w.execute(), w.SYNC).kinds == "12IZ"
        assert beside.ask(w.SYNC).kinds == "Z"


def test_copy_both_ways(beside):
    for turn in range(10):
        beside.send(w.query("COPY mx_log FROM STDIN"))
        assert beside.read().kind == "G"
        beside.send(w.copy_data(f"{turn}\n".encode() * 100), w.COPY_DONE)
        assert beside.ready().tags == ["COPY 100"]
        replies = beside.ask(f"COPY (SELECT n FROM mx_log WHERE n = {turn}) TO STDOUT")
        assert b"".join(m.body for m in replies if m.kind == "d") == f"{turn}\n".encode() * 100
        beside.send(w.query("COPY mx_log FROM STDIN"))
        assert beside.read().kind == "G"
        beside.send(w.copy_fail("no more"))
        assert beside.ready().sqlstates == ["57014"]


def test_big_rows_and_many_rows(beside):
    for _ in range(3):
        assert len(beside.ask("SELECT repeat('x', 5000000)").value) == 5000000
        replies = beside.ask("SELECT g, repeat('y', 100) FROM generate_series(1, 30000) AS g")
        assert [row[0] for row in replies.rows] == [str(n) for n in range(1, 30001)]


def test_big_results_of_a_shape_that_shares(start, crowd_of):
    clients = crowd_of(start(max=1), 4)
    text = "SELECT n, repeat(v, {0}) FROM mx_rows ORDER BY n"
    mx.warm(clients, "simple", text, lambda n: (1,), rounds=100)
    for turn in range(10):
        replies = mx.ask_all(clients, "simple", text, lambda n, turn=turn: ((300, 1, 100, 2)[(n + turn) % 4],))
        for number, reply in enumerate(replies):
            times = (300, 1, 100, 2)[(number + turn) % 4]
            assert reply.rows == [[str(n), mx.value_of(n) * times] for n in range(mx.ROWS)]


def test_a_request_in_pieces(beside):
    for n in range(TURNS):
        frames = mx.request(beside, "simple", mx.POINT, n)
        for at in range(0, len(frames), 7):
            beside.send(frames[at:at + 7])
            time.sleep(0.0005)
        assert beside.ready().rows == [[str(n), mx.value_of(n)]]


def test_many_requests_in_one_write(beside):
    for turn in range(10):
        asked = [(turn + n) % mx.ROWS for n in range(200)]
        beside.send(*(mx.request(beside, mx.WAYS[n % 3], mx.POINT, n) for n in asked))
        assert [beside.ready().rows for _ in asked] == [[[str(n), mx.value_of(n)]] for n in asked]


def test_broken_frames_cost_only_their_sender(start, wire):
    gateway = start()
    with mx.Crowd(gateway.endpoint):
        for number in range(20):
            client = wire(gateway.endpoint)
            client.send(mx.request(client, "simple", mx.POINT, number))
            client.send((w.frame("?"), b"Q\xff\xff\xff\xff", b"Q\0\0\0\2", w.frame("B", b"\0"))[number % 4])
            for state in client.rest_or_ready().sqlstates:
                assert state[:2] in ("08", "26", "34")
            client.close()


def test_notices_reach_who_caused_them(start, crowd_of):
    clients = crowd_of(start(max=1))
    text = "SELECT mx_tell({0})"
    for turn in range(60):
        replies = mx.ask_all(clients, "simple", text, lambda n, turn=turn: (f"{turn}/{n}",))
        for number, reply in enumerate(replies):
            assert reply.value == f"{turn}/{number}"
            assert [m.fields()["M"] for m in reply if m.kind == "N"] == [f"{turn}/{number}"]


def test_psycopg_pipelines(start):
    """Pipelines with an error in the middle, several clients at once."""
    gateway = start(max=2)
    failures = []

    def ask(number):
        try:
            with psycopg.connect(gateway.endpoint.dsn, autocommit=True) as connection:
                for turn in range(20):
                    with connection.pipeline():
                        cursors = [connection.execute("SELECT n, v FROM mx_rows WHERE n = %s", [(number + n) % 100])
                                   for n in range(10)]
                        got = [cursor.fetchone() for cursor in cursors]
                    expected = [((number + n) % 100, mx.value_of((number + n) % 100)) for n in range(10)]
                    if got != expected:
                        failures.append((number, turn, got))
                    with pytest.raises(psycopg.errors.DivisionByZero):
                        connection.execute("SELECT 1 / (n - %s) FROM mx_rows WHERE n = %s", [5, 5])
        except Exception as failure:  # in a thread
            failures.append(failure)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


# --- each client's own settings ---------------------------------------------------------------------


@pytest.fixture
def two_schemas(server):
    server.sql("DROP SCHEMA IF EXISTS mx_one, mx_two CASCADE; CREATE SCHEMA mx_one; CREATE SCHEMA mx_two; "
               "CREATE TABLE mx_one.who AS SELECT 'one' AS name; CREATE TABLE mx_two.who AS SELECT 'two' AS name; "
               "GRANT ALL ON SCHEMA mx_one, mx_two TO app, reader; "
               "GRANT ALL ON ALL TABLES IN SCHEMA mx_one, mx_two TO app, reader")
    yield
    server.sql("DROP SCHEMA mx_one, mx_two CASCADE")


@pytest.mark.parametrize("way", mx.WAYS)
@pytest.mark.parametrize("early", [True, False], ids=["at login", "by SET"])
def test_settings_are_each_clients_own(start, wire, two_schemas, way, early):
    gateway = start(max=1)
    zones = {0: "Asia/Tokyo", 1: "America/New_York"}
    clients = []
    for number in range(mx.CLIENTS):
        schema = ("mx_one", "mx_two")[number % 2]
        settings = {"search_path": schema, "TimeZone": zones[number // 2 % 2], "application_name": f"mx{number}"}
        clients.append(wire(gateway.endpoint, **(settings if early else {})))
        if not early:
            for name, value in settings.items():
                assert clients[-1].ask(f"SET {name} = '{value}'").tags == ["SET"]
    stamp = ("2020-01-01 09:00:00+09", "2019-12-31 19:00:00-05")
    for _ in range(mx.WARM_ROUNDS):
        names = mx.ask_all(clients, way, "SELECT name FROM who", lambda n: ())
        assert [reply.value for reply in names] == [("one", "two")[n % 2] for n in range(mx.CLIENTS)]
        stamps = mx.ask_all(clients, way, "SELECT '2020-01-01 00:00+00'::timestamptz, {0}::int")
        assert [reply.rows[0] for reply in stamps] == [[stamp[n // 2 % 2], str(n)] for n in range(mx.CLIENTS)]
        own = mx.ask_all(clients, way, "SELECT current_setting('application_name'), {0}::int")
        assert [reply.rows[0] for reply in own] == [[f"mx{n}", str(n)] for n in range(mx.CLIENTS)]
        shown = mx.ask_all(clients, way, "SHOW TimeZone", lambda n: ())
        assert [reply.value for reply in shown] == [zones[n // 2 % 2] for n in range(mx.CLIENTS)]


def test_a_setting_changed_between_reads_counts_at_once(start, wire, two_schemas):
    gateway = start(max=1)
    client = wire(gateway.endpoint)
    with mx.Crowd(gateway.endpoint, 3):
        for turn in range(TURNS):
            schema = ("one", "two")[turn % 2]
            client.send(w.query(f"SET search_path = mx_{schema}"), w.query("SELECT name FROM who"),
                        w.query("SHOW search_path"))
            assert client.ready().tags == ["SET"]
            assert client.ready().value == schema and client.ready().value == f"mx_{schema}"
        client.ask("RESET search_path")
        assert client.ask("SELECT name FROM who").sqlstates == ["42P01"]


def test_roles_are_each_clients_own(start, crowd_of):
    clients = crowd_of(start(max=mx.CLIENTS))  # SET ROLE may pin
    for client in clients[::2]:
        assert client.ask("SET ROLE reader").tags == ["SET"]
    for _ in range(mx.WARM_ROUNDS):
        replies = mx.ask_all(clients, "simple", "SELECT current_user, {0}::int")
        assert [reply.value for reply in replies] == ["reader", "app"] * (mx.CLIENTS // 2)
        replies = mx.ask_all(clients, "simple", mx.POINT)
        assert [reply.sqlstates for reply in replies] == [["42501"], []] * (mx.CLIENTS // 2)


def test_users_and_databases_never_meet(gateways, server, wire):
    gateway = gateways.start(server, max=1, multiplex="reads", listener={
        "primary": f"postgres://127.0.0.1:{server.port}",
        "auth": {"method": "scram-sha-256", "users": {"app": "secret", "second": "secret2"}},
        "databases": {name: {"host": "127.0.0.1", "port": server.port, "dbname": name}
                      for name in ("app", "elsewhere")}})
    logins = [("app", "secret", "app"), ("second", "secret2", "app"), ("app", "secret", "elsewhere")]
    clients = [wire(gateway.endpoint.but(user=user, password=password, database=database))
               for user, password, database in logins * 3]
    for _ in range(mx.WARM_ROUNDS):
        replies = mx.ask_all(clients, "simple", "SELECT current_user, current_database(), {0}::int")
        assert [reply.rows[0] for reply in replies] == [
            [logins[n % 3][0], logins[n % 3][2], str(n)] for n in range(len(clients))]


def test_a_temporary_table_hides_the_real_one_from_its_owner_only(start, crowd_of):
    gateway = start(max=3)
    owner, *others = clients = crowd_of(gateway)
    mx.warm(clients, "simple")
    owner.ask("CREATE TEMPORARY TABLE mx_rows AS SELECT 1 AS n, 'temporary' AS v")
    for _ in range(20):
        replies = mx.ask_all(clients, "simple", mx.POINT, lambda n: (1,))
        assert replies[0].rows == [["1", "temporary"]]
        assert [reply.rows for reply in replies[1:]] == [[["1", mx.value_of(1)]]] * len(others)


def test_session_locks_and_listeners_stay_with_their_client(start, wire):
    gateway = start(max=3)
    client = wire(gateway.endpoint)
    with mx.Crowd(gateway.endpoint):
        client.ask("LISTEN mx_news")
        assert client.ask("SELECT pg_advisory_lock(77)").errors == []
        other = wire(gateway.endpoint)
        assert other.ask("SELECT pg_try_advisory_lock(77)").value == "f"
        other.ask("NOTIFY mx_news, 'hello'")
        seen = client.until("A")
        assert seen[-1].body.endswith(b"mx_news\0hello\0")
        assert client.ask("SELECT pg_advisory_unlock(77)").value == "t"


# --- tables that change -----------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["simple", "unnamed"])
def test_a_column_that_is_added_is_there_at_once(start, server, crowd_of, way):
    clients = crowd_of(start(max=2))
    server.sql("DROP TABLE IF EXISTS mx_wide; CREATE TABLE mx_wide AS SELECT g AS n FROM generate_series(0, 99) AS g; "
               "GRANT ALL ON mx_wide TO app")
    text, extra = "SELECT * FROM mx_wide WHERE n = {0}", []
    mx.warm(clients, way, text)
    for column in range(4):
        server.sql(f"ALTER TABLE mx_wide ADD c{column} int DEFAULT {column}")
        extra.append(str(column))
        for _ in range(10):
            replies = mx.ask_all(clients, way, text)
            assert [reply.errors for reply in replies] == [[]] * len(clients)
            assert [reply.rows for reply in replies] == [[[str(n), *extra]] for n in range(len(clients))]


def test_prepared_statements_outlive_a_change_or_say_so(start, server, crowd_of):
    """A client that knows the old columns gets 0A000, as from PostgreSQL; preparing anew is enough."""
    clients = crowd_of(start(max=2))
    server.sql("DROP TABLE IF EXISTS mx_wide; CREATE TABLE mx_wide AS SELECT g AS n FROM generate_series(0, 99) AS g; "
               "GRANT ALL ON mx_wide TO app")
    text = "SELECT * FROM mx_wide WHERE n = $1"
    for client in clients:
        assert client.ask(w.parse("s", text), w.describe("S", "s"), w.SYNC).errors == []
    for _ in range(mx.WARM_ROUNDS):
        for number, client in enumerate(clients):
            client.send(run("s", number), w.SYNC)
        assert [client.ready().value for client in clients] == [str(n) for n in range(len(clients))]
    server.sql("ALTER TABLE mx_wide ADD m int DEFAULT 2")
    for number, client in enumerate(clients):
        client.send(run("s", number), w.SYNC)
    for number, client in enumerate(clients):
        replies = client.ready()
        assert replies.sqlstates == ["0A000"] or replies.rows == [[str(number), "2"]]
    for number, client in enumerate(clients):
        replies = client.ask(w.close("S", "s"), w.parse("s", text), run("s", number), w.SYNC)
        assert replies.errors == [] and replies.rows == [[str(number), "2"]]


def test_a_table_that_goes_and_comes_back(start, server, crowd_of):
    clients = crowd_of(start(max=2))
    make = "CREATE TABLE mx_gone AS SELECT g AS n FROM generate_series(0, 99) AS g; GRANT ALL ON mx_gone TO app"
    server.sql(f"DROP TABLE IF EXISTS mx_gone; {make}")
    text = "SELECT n FROM mx_gone WHERE n = {0}"
    mx.warm(clients, "unnamed", text)
    server.sql("DROP TABLE mx_gone")
    for _ in range(5):
        assert [r.sqlstates for r in mx.ask_all(clients, "unnamed", text)] == [["42P01"]] * len(clients)
    server.sql(make)
    assert [r.rows for r in mx.ask_all(clients, "unnamed", text)] == [[[str(n)]] for n in range(len(clients))]


def test_an_exclusive_lock_makes_wait_and_nothing_else(start, server, crowd_of):
    clients = crowd_of(start(max=2))
    mx.warm(clients, "simple")
    lock = threading.Thread(target=server.sql, args=(
        "BEGIN; LOCK TABLE mx_rows IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(0.5); COMMIT",))
    lock.start()
    time.sleep(0.15)
    replies = mx.ask_all(clients, "simple", mx.POINT)
    lock.join()
    assert [reply.rows for reply in replies] == [[[str(n), mx.value_of(n)]] for n in range(len(clients))]
