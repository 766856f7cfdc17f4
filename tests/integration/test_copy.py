"""Points 29-31: COPY, large rows and back-pressure, messages that arrive by themselves."""
import threading
import time

import pytest

import wire as w
from gateway import PATIENCE

MEGABYTE = 1 << 20


@pytest.fixture
def filled(endpoint, wire, table):
    client = wire(endpoint)
    assert client.ask(f"CREATE TABLE {table} (n int)").errors == []
    return client


def copy_in(client, table):
    client.send(w.query(f"COPY {table} FROM STDIN"))
    assert client.until("GE")[-1].kind == "G"


def test_p29_copy_in(filled, table):
    copy_in(filled, table)
    filled.send(*(w.copy_data(f"{n}\n".encode()) for n in range(1000)))
    assert filled.ask(w.COPY_DONE).tags == ["COPY 1000"]
    assert filled.ask(f"SELECT sum(n) FROM {table}").value == "499500"


def test_p29_data_after_a_server_error_is_discarded(filled, table):
    copy_in(filled, table)
    filled.send(w.copy_data(b"1\nnonsense\n"))
    for _ in range(200):
        filled.send(w.copy_data(b"7\n" * 1000))
    assert filled.ask(w.COPY_DONE).sqlstates == ["22P02"]
    assert filled.ask(f"SELECT count(*) FROM {table}").value == "0"


def test_p29_copy_fail(filled, table):
    copy_in(filled, table)
    replies = filled.ask(w.copy_data(b"1\n"), w.copy_fail("changed my mind"))
    assert replies.sqlstates == ["57014"] and "changed my mind" in replies.errors[0]["M"]
    assert filled.ask("SELECT 1").value == "1"


def test_p29_sync_and_flush_inside_copy_are_ignored(filled, table):
    copy_in(filled, table)
    filled.send(w.copy_data(b"1\n"), w.SYNC, w.FLUSH, w.copy_data(b"2\n"), w.SYNC)
    assert filled.ask(w.COPY_DONE).tags == ["COPY 2"]
    assert filled.quiet()
    assert filled.ask(f"SELECT sum(n) FROM {table}").value == "3"


@pytest.mark.parametrize("data, expected", [(b"1\n2\n", []), (b"nonsense\n", ["22P02"])])
def test_p29_extended_copy_ends_with_sync(filled, table, data, expected):
    filled.send(w.parse("", f"COPY {table} FROM STDIN"), w.bind("", ""), w.execute(), w.SYNC)
    filled.until("G")
    filled.send(w.copy_data(data), w.COPY_DONE, w.SYNC)
    assert filled.ready().sqlstates == expected
    assert filled.quiet()
    assert filled.ask("SELECT 1").value == "1"


def blind_copy(table, data, *, syncs_inside=0):
    """A COPY sent without waiting for the server to ask for data, and its Sync."""
    return (w.parse("", f"COPY {table} FROM STDIN") + w.bind("", "") + w.execute() + w.SYNC * syncs_inside
            + w.copy_data(data) + w.COPY_DONE + w.SYNC)


@pytest.mark.parametrize("pause", [0, 0.05])
@pytest.mark.parametrize("syncs_inside", [0, 1])
def test_p29_copies_sent_ahead_in_one_pipeline(filled, table, pause, syncs_inside):
    for data in (b"1\n2\n", b"3\n", b"4\n"):
        filled.send(blind_copy(table, data, syncs_inside=syncs_inside))
        time.sleep(pause)
    filled.send(w.query(f"SELECT sum(n) FROM {table}"))
    for tag in ("COPY 2", "COPY 1", "COPY 1"):
        replies = filled.ready()
        assert replies.tags == [tag] and replies.kinds == "12GCZ"
    assert filled.ready().value == "10"
    assert filled.quiet()


def test_p29_failed_copy_sent_ahead_of_another(filled, table):
    filled.send(blind_copy(table, b"nonsense\n"), blind_copy(f"{table}_missing", b"1\n"),
                blind_copy(table, b"5\n"))
    assert filled.ready().sqlstates == ["22P02"]
    assert filled.ready().sqlstates == ["42P01"]
    assert filled.ready().tags == ["COPY 1"]
    assert filled.quiet()
    assert filled.ask(f"SELECT sum(n) FROM {table}").value == "5"


def test_p29_simple_copies_sent_ahead_in_one_pipeline(filled, table):
    copy = w.query(f"COPY {table} FROM STDIN; COPY {table} FROM STDIN")
    data = w.copy_data(b"1\n") + w.COPY_DONE
    filled.send(copy, data, data, copy, data, data)
    for _ in range(2):
        assert filled.ready().tags == ["COPY 1", "COPY 1"]
    assert filled.ask(f"SELECT count(*) FROM {table}").value == "4"


def test_p29_copy_in_in_a_list_of_statements(filled, table):
    filled.send(w.query(f"SELECT 1; COPY {table} FROM STDIN; SELECT 2"))
    filled.until("G")
    replies = filled.ask(w.copy_data(b"1\n"), w.COPY_DONE)
    assert replies.tags == ["COPY 1", "SELECT 1"]


def test_p29_query_inside_copy_is_a_protocol_violation(filled, table, endpoint, wire):
    copy_in(filled, table)
    filled.send(w.query("SELECT 1"))
    assert filled.rest().sqlstates[0] == "08P01"
    assert wire(endpoint).ask(f"SELECT count(*) FROM {table}").value == "0"


def test_p30_copy_out(endpoint, wire):
    client = wire(endpoint)
    replies = client.ask("COPY (SELECT generate_series(1, 20000)) TO STDOUT")
    assert sum(message.kind == "d" for message in replies) == 20000 and replies.tags == ["COPY 20000"]
    assert client.ask("SELECT 1").value == "1"


def drain(client, total):
    """Reads `total` bytes without keeping them."""
    while total > 0:
        got = client.socket.recv(MEGABYTE)
        assert got, "closed"
        total -= len(got)


def test_p30_a_huge_row_passes_through_bounded_memory(sluice, endpoint, wire):
    client = wire(endpoint)
    client.ask("SELECT 1")
    before = sluice.resident_bytes() if sluice.mode != "direct" else 0
    client.send(w.query(f"SELECT repeat('x', {200 * MEGABYTE})"))
    assert client.read().kind == "T"
    drain(client, 100 * MEGABYTE)
    grown = sluice.resident_bytes() - before if sluice.mode != "direct" else 0
    assert grown < 48 * MEGABYTE
    client.buffer = b""
    drain(client, 90 * MEGABYTE)


def test_p30_huge_row_through_tls(encrypted, raw):
    client = raw(encrypted)
    client.start_tls()
    client.login(encrypted.user, encrypted.password, encrypted.database)
    assert len(client.ask(f"SELECT repeat('x', {20 * MEGABYTE})").value) == 20 * MEGABYTE


def test_p30_slow_reader_stops_nobody_else(endpoint, wire):
    slow, quick = wire(endpoint), wire(endpoint)
    slow.send(w.query(f"SELECT repeat('x', 1000) FROM generate_series(1, 300000)"))
    slow.read()
    start = time.monotonic()
    for number in range(200):
        assert quick.ask(f"SELECT {number}").value == str(number)
    assert time.monotonic() - start < 3 * PATIENCE
    assert len(slow.ready().rows) == 300000


def test_p30_both_directions_at_once(endpoint, wire):
    """Large requests and large answers at the same time: nobody waits for the other to read."""
    client = wire(endpoint)
    body = "x" * (256 * 1024)
    rounds = 60

    def write():
        for _ in range(rounds):
            client.send(w.parse("", "SELECT $1::text"), w.bind("", "", [body]), w.execute(), w.SYNC)

    thread = threading.Thread(target=write)
    thread.start()
    for _ in range(rounds):
        assert len(client.ready().value) == len(body)
    thread.join()


def test_p30_client_that_never_reads_is_no_burden(sluice, endpoint, wire):
    silent, other = wire(endpoint), wire(endpoint)
    before = sluice.resident_bytes() if sluice.mode != "direct" else 0
    silent.send(w.query(f"SELECT repeat('x', 1000) FROM generate_series(1, 500000)"))
    time.sleep(1)
    assert other.ask("SELECT 1").value == "1"
    if sluice.mode != "direct":
        assert sluice.resident_bytes() - before < 32 * MEGABYTE
    silent.close()
    assert other.ask("SELECT 1").value == "1"


def test_p31_notification_reaches_the_idle_listener_only(pair, wire):
    listener, other, sender = wire(pair), wire(pair), wire(pair)
    assert listener.ask("LISTEN news").errors == []
    other.ask("SELECT 1")
    sender.ask("NOTIFY news, 'hello'")
    note = listener.read()
    assert note.kind == "A" and note.body[4:] == b"news\0hello\0"
    assert other.quiet() and sender.quiet()
    assert listener.ask("SELECT 1").value == "1"
    assert listener.ask("UNLISTEN *").errors == []


def test_p31_notices_reach_their_client(single, wire):
    a, b = wire(single), wire(single)
    replies = a.ask("DO $$ BEGIN RAISE NOTICE 'for a'; END $$")
    assert [m.fields()["M"] for m in replies if m.kind == "N"] == ["for a"]
    replies = b.ask("SELECT 1")
    assert [m.kind for m in replies] == ["T", "D", "C", "Z"]
    assert b.quiet()


def test_p31_status_in_mid_stream_does_not_shift_replies(endpoint, wire):
    client = wire(endpoint)
    replies = client.ask("SELECT 1; SET application_name = 'mid'; SELECT 2; DO $$ BEGIN RAISE NOTICE 'x'; END $$; SELECT 3")
    assert replies.rows == [["1"], ["2"], ["3"]] and replies.settings == {"application_name": "mid"}
    assert client.ask("SELECT 4").value == "4"
