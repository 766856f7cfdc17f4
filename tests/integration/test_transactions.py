"""Points 16-21: transactions, and when a server connection may change hands."""
import struct
import time

import pytest

import wire as w
from servers import wait_until

DEADLINE = 5
PARSE = w.parse("", "SELECT $1::text")


def test_p16_ready_says_the_transaction_state(endpoint, wire):
    client = wire(endpoint)
    assert client.ask("SELECT 1").status == "I"
    assert client.ask("BEGIN").status == "T"
    assert client.ask("SELECT 1/0").status == "E"
    assert client.ask("SELECT 1").sqlstates == ["25P02"]
    assert client.ask("ROLLBACK").status == "I"


def test_p16_transaction_stays_on_its_connection(pair, wire):
    a, b = wire(pair), wire(pair)
    a.ask("BEGIN")
    backend = a.ask("SELECT pg_backend_pid()").value
    for _ in range(3):
        assert b.ask("SELECT pg_backend_pid()").value != backend
        assert a.ask("SELECT pg_backend_pid()").value == backend
    a.ask("COMMIT")


@pytest.mark.sluice_only
def test_p16_clients_share_the_connection_between_transactions(single, wire):
    clients = [wire(single) for _ in range(8)]
    assert len({client.ask("SELECT pg_backend_pid()").value for client in clients}) == 1


def test_p16_words_in_a_string_are_no_transaction(single, wire):
    a, b = wire(single), wire(single)
    assert a.ask("SELECT 'BEGIN; COMMIT'").status == "I"
    assert b.ask("SELECT 1").value == "1"


@pytest.mark.parametrize("hold", [
    pytest.param([w.parse("", "SELECT 'a'"), w.bind("", ""), w.execute(), w.FLUSH], id="flush"),
    pytest.param([w.parse("", "SELECT 'a'"), w.bind("", ""), w.execute(), w.FLUSH,
                  w.parse("", "SELECT 'a'"), w.bind("", ""), w.execute(), w.FLUSH], id="two flushes"),
])
def test_p17_not_given_back_before_sync(single, wire, direct, hold):
    a, b = wire(single), wire(single)
    a.send(*hold)
    for _ in range(hold.count(w.FLUSH)):
        assert a.until("C")[-1].text() == "SELECT 1"
    b.send(w.query("SELECT 'b'"))
    assert direct or b.quiet(0.3)
    assert a.ask(w.SYNC).kinds == "Z"
    assert b.ready().value == "b"


def test_p17_all_of_a_pipeline_is_answered_in_order(single, wire):
    a, b = wire(single), wire(single)
    for _ in range(5):
        a.send(*(w.query(f"SELECT 'a{n}'") for n in range(50)))
        b.send(*(w.query(f"SELECT 'b{n}'") for n in range(50)))
        assert [a.ready().value for _ in range(50)] == [f"a{n}" for n in range(50)]
        assert [b.ready().value for _ in range(50)] == [f"b{n}" for n in range(50)]


def test_p17_pipelined_syncs_are_answered_one_by_one(single, wire):
    a, b = wire(single), wire(single)
    one = w.parse("", "SELECT $1::text") + w.bind("", "", ["x"]) + w.execute() + w.SYNC
    a.send(one * 20)
    b.send(one * 20)
    for client in (b, a):
        assert [client.ready().kinds for _ in range(20)] == ["12DCZ"] * 20


def test_p17_pipeline_that_opens_a_transaction_keeps_it(single, wire):
    a, b = wire(single), wire(single)
    a.send(w.query("BEGIN"), w.query("SELECT 'in'"), w.query("COMMIT"), w.query("SELECT 'out'"))
    b.send(w.query("SELECT 'other'"))
    assert [a.ready().status for _ in range(4)] == ["T", "T", "I", "I"]
    assert b.ready().value == "other"


def test_p18_implicit_transaction_lasts_until_sync(endpoint, wire, table):
    client = wire(endpoint)
    client.ask(f"CREATE TABLE {table} (n int)")

    def insert(value):
        return w.parse("", f"INSERT INTO {table} VALUES ({value})") + w.bind("", "") + w.execute()

    replies = client.ask(insert(1), w.FLUSH, insert(2), insert("1/0"), insert(3), w.SYNC)
    assert replies.sqlstates == ["22012"]
    assert client.ask(f"SELECT count(*) FROM {table}").value == "0"
    assert client.ask(insert(1), w.FLUSH, insert(2), w.SYNC).tags == ["INSERT 0 1"] * 2
    assert client.ask(f"SELECT count(*) FROM {table}").value == "2"


def test_p19_one_query_many_statements(endpoint, wire):
    replies = wire(endpoint).ask("SELECT 1; SELECT 2 WHERE false; SELECT 3")
    assert replies.kinds == "TDCTCTDCZ" and replies.rows == [["1"], ["3"]]


def test_p19_error_ends_a_list_of_statements(endpoint, wire):
    replies = wire(endpoint).ask("SELECT 1; SELECT 1/0; SELECT 3")
    assert replies.rows == [["1"]] and replies.sqlstates == ["22012"] and replies.status == "I"


@pytest.mark.parametrize("text", ["", ";", " -- nothing\n", "/* nothing */"])
def test_p19_empty_query_has_its_own_answer(endpoint, wire, text):
    client = wire(endpoint)
    assert client.ask(text).kinds == "IZ"
    assert client.extended(text).kinds == "12nIZ"


def test_p19_simple_query_amid_extended(endpoint, wire):
    client = wire(endpoint)
    replies = client.ask(w.parse("", "SELECT 'x'"), w.bind("", ""), w.execute(), "SELECT 'y'")
    assert replies.rows == [["x"], ["y"]] and replies.kinds == "12DCTDCZ"
    assert client.ask(w.SYNC).kinds == "Z"


def test_p19_function_call(endpoint, wire):
    client = wire(endpoint)
    int4pl = 177
    arguments = b"".join(struct.pack("!iI", 4, n) for n in (2, 3))
    call = w.frame("F", struct.pack("!IHHH", int4pl, 1, 1, 2) + arguments + struct.pack("!H", 1))
    replies = client.ask(call)
    assert replies.kinds == "VZ" and replies[0].body == struct.pack("!iI", 4, 5)


def activity(server, like):
    return server.sql(f"SELECT pid, state FROM pg_stat_activity WHERE query LIKE '{like}' "
                      "AND pid <> pg_backend_pid() AND state <> 'idle'")


def test_p20_client_gone_in_a_transaction_is_rolled_back(single, wire, table):
    a, b = wire(single), wire(single)
    a.ask(f"CREATE TABLE {table} (n int)")
    a.ask("BEGIN")
    a.ask(f"INSERT INTO {table} VALUES (1)")
    a.close()
    start = time.monotonic()
    assert b.ask(f"LOCK TABLE {table} IN EXCLUSIVE MODE; SELECT count(*) FROM {table}").value == "0"
    assert time.monotonic() - start < DEADLINE


def test_p20_client_gone_by_terminate_in_a_transaction(single, wire, table):
    a, b = wire(single), wire(single)
    a.ask(f"CREATE TABLE {table} (n int)")
    a.send(w.query("BEGIN"), w.query(f"INSERT INTO {table} VALUES (1)"), w.TERMINATE)
    a.rest()
    assert b.ask(f"SELECT count(*) FROM {table}").value == "0"


@pytest.mark.sluice_only
def test_p20_client_gone_mid_query_is_cancelled(single, server, wire):
    a, b = wire(single), wire(single)
    a.send(w.query("SELECT pg_sleep(60), 'gone mid query'"))
    wait_until(lambda: activity(server, "%gone mid query%"), DEADLINE, "the query")
    a.close()
    wait_until(lambda: not activity(server, "%gone mid query%"), DEADLINE, "its cancel")
    assert b.ask("SELECT 1").value == "1"


def test_p20_client_gone_mid_message_holds_no_locks(endpoint, wire, table):
    a, b = wire(endpoint), wire(endpoint)
    a.ask(f"CREATE TABLE {table} (n int)")
    a.ask("BEGIN")
    a.ask(f"LOCK TABLE {table}")
    a.send(w.query(f"INSERT INTO {table} VALUES (1)")[:20])
    a.close()
    b.ask(f"SET lock_timeout = '{DEADLINE}s'")
    assert b.ask(f"SELECT count(*) FROM {table}").value == "0"


def test_p20_client_gone_mid_copy(endpoint, wire, table):
    a, b = wire(endpoint), wire(endpoint)
    a.ask(f"CREATE TABLE {table} (n int)")
    a.send(w.query(f"COPY {table} FROM STDIN"))
    a.until("G")
    a.send(w.copy_data(b"1\n2\n"))
    a.close()
    b.ask(f"SET lock_timeout = '{DEADLINE}s'")
    assert b.ask(f"LOCK TABLE {table}; SELECT count(*) FROM {table}").value == "0"


@pytest.mark.parametrize("bad", [
    pytest.param(b"~\0\0\0\x04", id="unknown type"),
    pytest.param(b"Q\0\0\0\x03", id="length below four"),
    pytest.param(b"Q\xff\xff\xff\xff", id="length of 4 GB"),
    pytest.param(w.frame("P", b"no end"), id="string without end"),
    pytest.param(PARSE + w.frame("B", b"\0\0\0\x01"), id="cut off bind"),
    pytest.param(PARSE + w.frame("B", b"\0\0" + struct.pack("!HHi", 0, 1, 0x7FFFFFFF)),
                 id="parameter beyond the frame"),
])
def test_p21_protocol_error_never_reaches_another_client(single, wire, bad):
    a, b = wire(single), wire(single)
    a.ask("BEGIN")
    a.send(bad, w.SYNC)
    a.socket.settimeout(3)
    try:
        seen = a.until("Z")
        assert seen.sqlstates == ["08P01"]
    except w.Closed as closed:
        assert set(closed.seen.sqlstates) <= {"08P01"}
    except TimeoutError:
        pass
    a.close()
    for number in range(3):
        assert b.ask(f"SELECT {number}").value == str(number)
