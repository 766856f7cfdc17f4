"""Short reads of several clients share one server connection; what must not share doesn't, and nobody notices
the others: not their errors, cancels, timeouts, slowness or ends.
"""
import os
import signal
import socket
import threading
import time

import psycopg
import pytest

import multiplexing as mx
import wire as w
from gateway import PATIENCE
from servers import wait_until

pytestmark = [pytest.mark.sluice_only,
              pytest.mark.skipif(not mx.accepts("multiplex"), reason="the gateway knows no multiplexing")]
# Quick for small numbers, and for 70 more than a second: a shape that shares and turns slow by its value alone.
HEAVY = ("SELECT count(*), {1}::int FROM mx_rows a, mx_rows b, mx_rows c, mx_rows d "
         "WHERE a.n < {0} AND b.n < {0} AND c.n < {0} AND d.n < {0}")
QUICK = 2


@pytest.fixture(scope="module", autouse=True)
def schema(server):
    server.sql(mx.SCHEMA)


@pytest.fixture
def start(gateways, server):
    """start(max=1, ...): a gateway that shares connections for reads."""
    return lambda **pool: gateways.start(server, **{"max": 1, "multiplex": "reads", **pool})


@pytest.fixture
def crowd_of(wire):
    return lambda gateway, count=mx.CLIENTS: [wire(gateway.endpoint) for _ in range(count)]


def backends(server):
    return [int(pid) for pid, in server.sql("SELECT pid FROM pg_stat_activity WHERE usename = 'app' AND "
                                            "backend_type = 'client backend'")]


def counted(*asked):
    """Rows of HEAVY for (size, number)."""
    return [[[str(size**4), str(number)]] for size, number in asked]


def rows_for(numbers):
    return [[[str(n), mx.value_of(n)]] for n in numbers]


# --- what shares ------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", mx.WAYS)
def test_reads_of_several_clients_share_one_connection(start, server, crowd_of, way):
    gateway = start(max=1)
    clients = crowd_of(gateway)
    mx.warm(clients, way)
    for turn in range(20):
        asked = [(turn * 8 + n) % mx.ROWS for n in range(len(clients))]
        replies = mx.ask_all(clients, way, mx.POINT, lambda n, asked=asked: (asked[n],))
        assert [reply.rows for reply in replies] == rows_for(asked)
    assert wait_until(lambda: mx.total(gateway, "statements") > 0, 5, "shared statements")
    figures = mx.pools(gateway)[0]
    assert figures["mode"] == "reads" and 0 < figures["share"] <= 1
    assert figures["orphans"] == 0 and figures["in_flight"] == 0


def test_auto_is_the_default_and_means_reads(gateways, server, crowd_of):
    gateway = gateways.start(server, max=1)
    mx.warm(crowd_of(gateway), "simple")
    wait_until(lambda: mx.total(gateway, "statements") > 0, 5, "shared statements")


def test_drivers_share_too(start):
    """psycopg: unprepared, then prepared by itself at the fifth execution."""
    gateway = start(max=1)
    wrong = []

    def ask(number):
        with psycopg.connect(gateway.endpoint.dsn, autocommit=True) as connection:
            for turn in range(80):
                n = (number * 11 + turn) % mx.ROWS
                row = connection.execute("SELECT n, v FROM mx_rows WHERE n = %s", [n]).fetchone()
                if row != (n, mx.value_of(n)):
                    wrong.append((n, row))

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(mx.CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    wait_until(lambda: mx.total(gateway, "statements") > 0, 5, "shared statements")


# --- what doesn't -----------------------------------------------------------------------------------


@pytest.mark.parametrize("pool", [{"multiplex": "off"}, {"multiplex": "auto", "mode": "session", "max": mx.CLIENTS}])
def test_off_and_session_mode_share_nothing(start, crowd_of, pool):
    gateway = start(**pool)
    mx.warm(crowd_of(gateway), "simple")
    mx.noted(gateway, mx.CLIENTS * mx.WARM_ROUNDS)
    assert sum(figures["statements"] for figures in mx.pools(gateway)) == 0


NEVER = {
    "pg_sleep": "SELECT pg_sleep(0), {0}::int",
    "for update": "SELECT n FROM mx_rows WHERE n = {0} FOR UPDATE",
    "for share in a subquery": "SELECT n FROM (SELECT n FROM mx_rows WHERE n = {0} FOR SHARE) AS s",
    "nextval": "SELECT nextval('mx_turns'), {0}::int",
    "values with nextval": "VALUES (nextval('mx_turns'), {0}::int)",
    "advisory lock": "SELECT pg_try_advisory_xact_lock({0}::int)",
    "set_config": "SELECT set_config('application_name', 'x', true), {0}::int",
    "notify": "SELECT pg_notify('mx', 'x'), {0}::int",
    "unknown function": "SELECT mx_anything({0})",
    "a view that writes": "SELECT n, written FROM mx_hidden WHERE n = {0}",
    "insert": "INSERT INTO mx_log VALUES ({0})",
    "insert returning": "INSERT INTO mx_log VALUES ({0}) RETURNING n",
    "update": "UPDATE mx_rows SET v = v WHERE n = {0}",
    "delete": "DELETE FROM mx_log WHERE n = {0}",
    "a write in WITH": "WITH x AS (INSERT INTO mx_log VALUES ({0}) RETURNING n) SELECT n FROM x",
}


@pytest.mark.parametrize("way", ["simple", "named"])
@pytest.mark.parametrize("name", NEVER)
def test_never_shares(start, crowd_of, name, way):
    gateway = start(max=2)
    mx.warm(crowd_of(gateway), way, NEVER[name])
    mx.noted(gateway, mx.CLIENTS * mx.WARM_ROUNDS)
    assert mx.total(gateway, "statements") == 0


def test_several_statements_in_one_query_never_share(start, crowd_of):
    gateway = start(max=2)
    mx.warm(crowd_of(gateway), "simple", "SELECT n FROM mx_rows WHERE n = {0}; SELECT 1")
    mx.noted(gateway, mx.CLIENTS * mx.WARM_ROUNDS)
    assert mx.total(gateway, "statements") == 0


def test_writes_happen_once_each_in_mode_all(start, server, crowd_of):
    gateway = start(max=2, multiplex="all")
    server.sql("TRUNCATE mx_log")
    clients = crowd_of(gateway)
    for turn in range(60):
        for way in mx.WAYS:
            assert all(r.tags == ["INSERT 0 1"] for r in mx.ask_all(
                clients, way, "INSERT INTO mx_log VALUES ({0})", lambda n, turn=turn: (turn * 100 + n,)))
    assert server.sql("SELECT count(*), min(c), max(c) FROM (SELECT count(*) AS c FROM mx_log GROUP BY n) AS s") \
        == [(str(60 * mx.CLIENTS), "3", "3")]


# --- transactions -----------------------------------------------------------------------------------


def test_a_transaction_is_its_clients_alone(start, server, crowd_of):
    gateway = start(max=2)
    server.sql("TRUNCATE mx_log")
    owner, *others = crowd_of(gateway)
    count = "SELECT count(*), {0}::int FROM mx_log"
    mx.warm([owner, *others], "simple", count)
    for end in ("ROLLBACK", "COMMIT"):
        assert owner.ask("BEGIN").status == "T"
        inside = owner.ask("SELECT pg_backend_pid(), now()").rows
        assert owner.ask("INSERT INTO mx_log VALUES (1)").tags == ["INSERT 0 1"]
        for _ in range(20):
            owner.send(w.query(count.format(7)))
            seen = mx.ask_all(others, "simple", count)
            assert [reply.rows[0] for reply in seen] == [["0", str(n)] for n in range(len(others))]
            assert {reply.status for reply in seen} == {"I"}
            own = owner.ready()
            assert (own.rows, own.status) == ([["1", "7"]], "T")
        assert all(reply.value != inside[0][0] for reply in mx.ask_all(
            others, "simple", "SELECT pg_backend_pid(), {0}::int"))
        assert owner.ask("SELECT pg_backend_pid(), now()").rows == inside
        assert owner.ask(end).status == "I"
    assert [reply.value for reply in mx.ask_all(others, "simple", count)] == ["1"] * len(others)


def test_a_failed_transaction_stays_its_clients_own(start, crowd_of):
    gateway = start(max=2)
    owner, *others = clients = crowd_of(gateway)
    mx.warm(clients, "simple")
    owner.ask("BEGIN")
    assert owner.ask("SELECT 1/0").status == "E"
    for _ in range(10):
        replies = mx.ask_all(clients, "simple", mx.POINT)
        assert replies[0].sqlstates == ["25P02"] and replies[0].status == "E"
        assert [reply.rows for reply in replies[1:]] == rows_for(range(1, len(clients)))
    assert owner.ask("ROLLBACK").status == "I"


def test_reads_before_one_sync_see_one_snapshot_of_writes(start, crowd_of):
    """A group is one transaction: its own write is seen behind it, and an error takes it back."""
    gateway = start(max=1)
    group, *others = crowd_of(gateway)
    mx.warm([group, *others], "unnamed")
    run = lambda text: w.parse("", text) + w.bind("", "") + w.execute()
    for _ in range(10):
        for number, other in enumerate(others):
            other.send(mx.request(other, "unnamed", mx.POINT, number))
        replies = group.ask(run("DELETE FROM mx_log"), run("INSERT INTO mx_log VALUES (5)"),
                            run("SELECT n FROM mx_log"), run("SELECT 1/0"), run("SELECT 2"), w.SYNC)
        assert replies.rows == [["5"]] and replies.sqlstates == ["22012"]
        assert [other.ready().rows for other in others] == rows_for(range(len(others)))
    assert group.ask("SELECT count(*) FROM mx_log WHERE n = 5").value == "0"


# --- errors, cancels, ends --------------------------------------------------------------------------


@pytest.mark.parametrize("way", mx.WAYS)
def test_an_error_is_its_statements_own(start, crowd_of, way):
    gateway = start(max=1)
    clients = crowd_of(gateway)
    divide = "SELECT 1000 / n, n FROM mx_rows WHERE n = {0}"
    mx.warm(clients, way, divide, lambda n: (n + 1,))
    for turn in range(40):
        wrong = turn % len(clients)
        replies = mx.ask_all(clients, way, divide, lambda n, wrong=wrong: (0 if n == wrong else n + 1,))
        for number, reply in enumerate(replies):
            if number == wrong:
                assert reply.sqlstates == ["22012"] and reply.rows == [] and reply.status == "I"
            else:
                assert reply.errors == [] and reply.rows == [[str(1000 // (number + 1)), str(number + 1)]]


def test_an_error_in_a_clients_pipeline_touches_nothing_beside_it(start, crowd_of):
    gateway = start(max=1)
    clients = crowd_of(gateway)
    mx.warm(clients, "unnamed")
    for _ in range(20):
        for number, client in enumerate(clients):
            client.send(*(mx.request(client, "unnamed", text, number + 1) for text in (
                mx.POINT, "SELECT 1 / ($1::int - $1::int) + {0}", mx.POINT)))
        for number, client in enumerate(clients):
            first, failed, last = client.ready(), client.ready(), client.ready()
            assert first.rows == last.rows == rows_for([number + 1])[0]
            assert failed.sqlstates == ["22012"] and failed.rows == []


@pytest.mark.parametrize("victim", [0, 3, mx.CLIENTS - 1])
def test_a_cancel_hits_only_its_own_statement(start, crowd_of, victim):
    """The first one runs, the others wait behind it on the only connection."""
    gateway = start(max=1)
    clients = crowd_of(gateway)
    mx.warm(clients, "simple", HEAVY, lambda n: (QUICK, n))
    for _ in range(5):
        for number, client in enumerate(clients):
            client.send(mx.request(client, "simple", HEAVY, QUICK if number else 50, number))
            time.sleep(0.02 if number == 0 else 0)
        time.sleep(0.02)
        mx.cancel(clients[victim], gateway.endpoint)
        for number, reply in enumerate([client.ready() for client in clients]):
            if number == victim and reply.errors:
                assert reply.sqlstates == ["57014"]
            else:
                assert reply.errors == [] and [reply.rows] == counted((QUICK if number else 50, number))
                assert number != victim or victim != 0, "the one that runs has to end"


def test_a_cancel_that_comes_late_hits_no_neighbour(start, crowd_of):
    """It may still meet the next statement of its own client, whose connection it names."""
    gateway = start(max=1)
    clients = crowd_of(gateway)
    mx.warm(clients, "simple")
    for turn in range(40):
        for number, client in enumerate(clients):
            client.send(mx.request(client, "simple", mx.POINT, number))
        assert clients[0].ready().sqlstates in ([], ["57014"])
        mx.cancel(clients[0], gateway.endpoint)  # it has its answer already
        for number, client in enumerate(clients[1:], 1):
            reply = client.ready()
            assert reply.errors == [] and reply.rows == rows_for([number])[0], turn


def test_who_was_sent_away_from_a_slow_head_can_still_be_cancelled(start, crowd_of):
    """The others were behind it and wait for the pool now, which has no other connection."""
    gateway = start(max=1)
    first, *others = clients = crowd_of(gateway)
    mx.warm(clients, "simple", HEAVY, lambda n: (QUICK, n))
    for number, client in enumerate(clients):
        client.send(mx.request(client, "simple", HEAVY, QUICK if number else mx.ROWS, number))
    assert wait_until(lambda: mx.total(gateway, "rescues") > 0, 5, "rescues")
    for client in others:
        mx.cancel(client, gateway.endpoint)
    assert [client.ready().sqlstates for client in others] == [["57014"]] * len(others)
    assert [first.ready().rows] == counted((mx.ROWS, 0))
    assert clients[1].ask("SELECT 1").value == "1"


def test_query_timeout_hits_only_its_own_statement(gateways, server, crowd_of):
    gateway = gateways.start(server, max=3, multiplex="reads",
                             listener={"timeouts": {"query": f"{500 * min(PATIENCE, 2)}ms"}})  # the server needs 2 s
    clients = crowd_of(gateway)
    mx.warm(clients, "simple", HEAVY, lambda n: (QUICK, n))
    for _ in range(3):
        clients[0].send(mx.request(clients[0], "simple", HEAVY, mx.ROWS, 0))
        for _ in range(20):
            replies = mx.ask_all(clients[1:], "simple", HEAVY, lambda n: (QUICK, n))
            assert [reply.rows for reply in replies] == counted(*((QUICK, n) for n in range(len(clients) - 1)))
        assert clients[0].ready().sqlstates == ["57014"]


def test_a_clients_own_statement_timeout_is_nobody_elses(start, crowd_of):
    gateway = start(max=2)
    hasty, *others = clients = crowd_of(gateway)
    mx.warm(clients, "simple", HEAVY, lambda n: (QUICK, n))
    hasty.ask("SET statement_timeout = 40")
    for _ in range(5):
        hasty.send(mx.request(hasty, "simple", HEAVY, mx.ROWS, 0))
        replies = mx.ask_all(others, "simple", HEAVY, lambda n: (30, n))  # longer than that, all together
        assert [reply.rows for reply in replies] == counted(*((30, n) for n in range(len(others))))
        assert hasty.ready().sqlstates == ["57014"]


def test_clients_that_vanish_take_nothing_with_them(start, wire, crowd_of):
    gateway = start(max=2)
    clients = crowd_of(gateway)
    mx.warm(clients, "simple", HEAVY, lambda n: (QUICK, n))
    for turn in range(30):
        leaving = [wire(gateway.endpoint) for _ in range(3)]
        for number, client in enumerate(leaving):
            client.send(mx.request(client, "simple", HEAVY, QUICK if number else 25, 1000 + turn))
        for number, client in enumerate(clients):
            client.send(mx.request(client, "simple", HEAVY, QUICK, number))
        for client in leaving:
            if turn % 2:
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.close()
        assert [client.ready().rows for client in clients] == counted(*((QUICK, n) for n in range(len(clients))))
    wait_until(lambda: mx.total(gateway, "in_flight") == 0, 5, "nothing left in flight")


def kill_while(server, send):
    """Every backend stands still while send() asks, and is dead before it could answer."""
    pids = backends(server)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        send()
        time.sleep(0.005)
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def unshared(gateway):
    return sum(r["statements"] for figures in mx.pools(gateway) for r in figures["reasons"])


@pytest.mark.parametrize("way", mx.WAYS)
def test_shared_reads_survive_their_backends_end(gateways, own_server, wire, crowd_of, way):
    """One that had a connection to itself, because it took long lately, gets 57P01 as ever."""
    own_server.sql(mx.SCHEMA)
    gateway = gateways.start(own_server, max=2, multiplex="reads")
    clients = crowd_of(gateway)
    mx.warm(clients, way)
    shared = mx.total(gateway, "statements")
    for _ in range(8):
        mx.warm(clients, way, rounds=10)
        alone = unshared(gateway)
        kill_while(own_server, lambda: [client.send(mx.request(client, way, mx.POINT, number))
                                        for number, client in enumerate(clients)])
        replies = [client.rest_or_ready() for client in clients]
        lost = [number for number, reply in enumerate(replies) if reply.sqlstates == ["57P01"]]
        for number, reply in enumerate(replies):
            if number in lost:
                clients[number] = wire(gateway.endpoint)
            else:
                assert (reply.errors, reply.rows) == ([], rows_for([number])[0])
        assert len(lost) <= unshared(gateway) - alone
    assert mx.total(gateway, "statements") > shared


@pytest.mark.parametrize("mode", ["reads", "all"])
def test_a_write_among_killed_reads_is_done_once_at_most(gateways, own_server, wire, crowd_of, mode):
    own_server.sql(mx.SCHEMA)
    gateway = gateways.start(own_server, max=1, multiplex=mode)
    clients = crowd_of(gateway)
    mx.warm(clients, "simple")
    for turn in range(8):
        writer = wire(gateway.endpoint)
        mx.warm(clients, "simple", rounds=2)

        def send(writer=writer, turn=turn):
            for number, client in enumerate(clients):
                client.send(mx.request(client, "simple", mx.POINT, number))
                if number == 3:
                    writer.send(w.query(f"INSERT INTO mx_log VALUES ({turn})"))

        kill_while(own_server, send)
        told = writer.rest_or_ready()
        for number, client in enumerate(clients):
            reply = client.rest_or_ready()
            if reply.sqlstates == ["57P01"]:
                clients[number] = wire(gateway.endpoint)
            else:
                assert reply.rows == rows_for([number])[0]
        count = int(own_server.sql(f"SELECT count(*) FROM mx_log WHERE n = {turn}")[0][0])
        assert count == 1 if told.tags else count <= 1 and told.sqlstates[0][:2] in ("57", "08")


# --- slowness ---------------------------------------------------------------------------------------


def test_a_statement_that_turns_slow_delays_its_neighbours_little(start, crowd_of):
    gateway = start(max=4)
    slow, *others = clients = crowd_of(gateway)
    worst = []
    for _ in range(4):
        mx.warm(clients, "named", HEAVY, lambda n: (QUICK, n))
        for number, client in enumerate(clients):  # the first is the slow one: the others may stand behind it
            client.send(mx.request(client, "named", HEAVY, QUICK if number else 70, number))
        begin = time.monotonic()
        for number, client in enumerate(others, 1):
            assert [client.ready().rows] == counted((QUICK, number))
        worst.append(time.monotonic() - begin)
        assert [slow.ready().rows] == counted((70, 0))
    assert mx.total(gateway, "statements") > 0
    assert sorted(worst)[1] < 0.15 * PATIENCE and max(worst) < 0.7 * PATIENCE, worst


def test_one_that_waits_for_a_lock_delays_its_neighbours_little(start, server, crowd_of):
    """On one connection: they have to get past it, or wait as long as they would without sharing."""
    server.sql("DROP TABLE IF EXISTS mx_locked; CREATE TABLE mx_locked AS SELECT * FROM mx_rows; "
               "GRANT ALL ON mx_locked TO app")
    gateway = start(max=3)
    slow, *others = clients = crowd_of(gateway)
    locked = "SELECT n, v FROM mx_locked WHERE n = {0}"
    mx.warm(clients, "simple", locked)
    mx.warm(clients, "simple")
    lock = threading.Thread(target=server.sql, args=(
        "BEGIN; LOCK TABLE mx_locked IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(1.5); COMMIT",))
    lock.start()
    wait_until(lambda: server.sql("SELECT 1 FROM pg_locks WHERE relation = 'mx_locked'::regclass AND granted"), 5)
    begin = time.monotonic()
    slow.send(mx.request(slow, "simple", locked, 5))
    for _ in range(20):
        assert [r.rows for r in mx.ask_all(others, "simple", mx.POINT)] == rows_for(range(len(others)))
    took = time.monotonic() - begin
    assert [slow.ready().rows] == rows_for([5]) and time.monotonic() - begin > 0.8
    lock.join()
    assert took < 0.7 * PATIENCE


def test_slow_statements_on_every_connection_end_and_all_are_served(start, crowd_of):
    gateway = start(max=2)
    clients = crowd_of(gateway)
    mx.warm(clients, "simple", HEAVY, lambda n: (QUICK, n))
    replies = mx.ask_all(clients, "simple", HEAVY, lambda n: (40, n))
    assert [reply.rows for reply in replies] == counted(*((40, n) for n in range(len(clients))))


def test_a_client_that_does_not_read_holds_nobody_up(start, wire, crowd_of):
    gateway = start(max=2)
    lazy_reader, clients = wire(gateway.endpoint), crowd_of(gateway)
    many = "SELECT n, repeat(v, 30) FROM mx_rows, generate_series(1, {0}) ORDER BY n"
    mx.warm([lazy_reader, *clients], "simple", many, lambda n: (1,), rounds=40)
    mx.warm(clients, "simple")
    lazy_reader.send(mx.request(lazy_reader, "simple", many, 500))  # 50 MB
    begin = time.monotonic()
    for _ in range(30):
        assert [r.rows for r in mx.ask_all(clients, "simple", mx.POINT)] == rows_for(range(len(clients)))
    assert time.monotonic() - begin < 3 * PATIENCE
    rows = lazy_reader.ready().rows
    assert len(rows) == 500 * mx.ROWS and all(v == mx.value_of(n) * 30 for n, v in rows)
