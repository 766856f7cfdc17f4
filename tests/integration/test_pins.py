"""State that lives in a server session: it stays with its client and never shows up at another's.

In transaction mode Sluice keeps (pins) the connection for as long as the state needs it.
"""
import pytest

import wire as w


@pytest.fixture(params=["simple", "extended"])
def asking(request):
    """Runs a statement by either protocol."""
    return (lambda client, text: client.ask(text)) if request.param == "simple" else \
        (lambda client, text: client.extended(text))


def test_temporary_tables(pair, wire, asking):
    a, b, c = wire(pair), wire(pair), wire(pair)
    assert asking(a, "CREATE TEMP TABLE mine AS SELECT 1 AS n").errors == []
    for _ in range(3):
        assert b.ask("SELECT * FROM mine").sqlstates == ["42P01"]
        assert c.ask("SELECT * FROM mine").sqlstates == ["42P01"]
        assert asking(a, "SELECT n FROM mine").value == "1"


def test_temporary_table_of_a_client_that_left_is_gone(pair, wire):
    for _ in range(6):
        client = wire(pair)
        assert client.ask("CREATE TEMP TABLE mine AS SELECT 1").errors == []
        client.close()


def test_temporary_table_by_select_into(pair, wire):
    a, b = wire(pair), wire(pair)
    assert a.ask("SELECT 1 AS n INTO TEMPORARY TABLE mine").errors == []
    assert b.ask("SELECT 1").value == "1"
    assert a.ask("SELECT n FROM mine").value == "1"


@pytest.mark.sluice_only
def test_pin_ends_with_the_table(single, wire):
    a, b = wire(single), wire(single)
    a.ask("CREATE TEMP TABLE mine (n int)")
    a.ask("DROP TABLE mine")
    assert b.ask("SELECT 1").value == "1"


@pytest.mark.sluice_only
def test_pin_ends_with_discard(single, wire):
    a, b = wire(single), wire(single)
    for text in ("LISTEN news", "PREPARE s AS SELECT 1", "SELECT pg_advisory_lock(4711)"):
        assert a.ask(text).errors == []
        assert a.ask("DISCARD ALL").errors == []
        assert b.ask("SELECT 1").value == "1"


def test_listen_survives_many_transactions(pair, wire):
    listener, b, c = wire(pair), wire(pair), wire(pair)
    listener.ask("LISTEN news")
    for number in range(10):
        b.ask(f"NOTIFY news, '{number}'")
        c.ask("SELECT 1")
    got = [listener.until("A")[-1].body[4:] for _ in range(10)]
    assert got == [b"news\0%d\0" % number for number in range(10)]
    listener.ask("UNLISTEN news")


def test_advisory_locks(pair, wire, asking):
    a, b = wire(pair), wire(pair)
    assert asking(a, "SELECT pg_advisory_lock(42)").errors == []
    for _ in range(3):
        assert b.ask("SELECT pg_try_advisory_lock(42)").value == "f"
    assert a.ask("SELECT pg_try_advisory_lock(42)").value == "t"
    assert a.ask("SELECT pg_advisory_unlock(42)").value == "t"
    assert a.ask("SELECT pg_advisory_unlock(42)").value == "t"
    assert b.ask("SELECT pg_try_advisory_lock(42)").value == "t"
    assert b.ask("SELECT pg_advisory_unlock(42)").value == "t"


def test_advisory_lock_of_a_client_that_left_is_released(pair, wire):
    a, b = wire(pair), wire(pair)
    a.ask("SELECT pg_advisory_lock(43)")
    a.close()
    b.ask("SET lock_timeout = '3s'")
    assert b.ask("SELECT pg_advisory_lock(43)").errors == []
    b.ask("SELECT pg_advisory_unlock(43)")


def test_transaction_advisory_lock_needs_no_pin(single, wire):
    a, b = wire(single), wire(single)
    assert a.ask("SELECT pg_advisory_xact_lock(44)").errors == []
    assert b.ask("SELECT pg_try_advisory_xact_lock(44)").value == "t"


def test_cursor_with_hold(pair, wire):
    a, b = wire(pair), wire(pair)
    a.ask("BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT generate_series(1, 3); COMMIT")
    for expected in ("1", "2", "3"):
        assert b.ask("FETCH c").sqlstates == ["34000"]
        assert a.ask("FETCH c").value == expected
    assert a.ask("CLOSE c").errors == []


def test_sql_prepare(pair, wire):
    a, b = wire(pair), wire(pair)
    assert a.ask("PREPARE s(int) AS SELECT $1 + 1").errors == []
    for number in range(3):
        assert b.ask("EXECUTE s(1)").sqlstates == ["26000"]
        assert a.ask(f"EXECUTE s({number})").value == str(number + 1)
    assert b.ask("PREPARE s AS SELECT 'b'").errors == []
    assert b.ask("EXECUTE s").value == "b"
    assert a.ask("DEALLOCATE s").errors == []
    assert a.ask("EXECUTE s(1)").sqlstates == ["26000"]


def test_sql_execute_of_a_protocol_statement(pair, wire):
    a, b = wire(pair), wire(pair)
    a.ask(w.parse("s", "SELECT $1::int * 2"), w.SYNC)
    b.ask("SELECT 1")
    assert a.ask("EXECUTE s(21)").value == "42"


def test_currval_and_lastval(pair, wire, server):
    server.sql("DROP SEQUENCE IF EXISTS numbers; CREATE SEQUENCE numbers; GRANT ALL ON numbers TO app")
    a, b = wire(pair), wire(pair)
    mine = a.ask("SELECT nextval('numbers')").value
    assert b.ask("SELECT nextval('numbers')").value != mine
    first = a.ask("SELECT currval('numbers')")
    if first.errors:
        # Too late to know that it would be asked for: refused, never another client's number. From now
        # on who uses a sequence keeps its connection.
        assert first.sqlstates == ["55000"]
        mine = a.ask("SELECT nextval('numbers')").value
        assert b.ask("SELECT nextval('numbers')").value != mine
    assert a.ask("SELECT currval('numbers')").value == mine
    assert a.ask("SELECT lastval()").value == mine


def test_session_authorization_is_a_role_of_its_own(pair, wire):
    a, b = wire(pair), wire(pair)
    assert a.ask("SET SESSION AUTHORIZATION app").errors == []
    assert b.ask("SELECT session_user").value == "app"
    assert a.ask("SET SESSION AUTHORIZATION DEFAULT").errors == []


def test_load_stays_with_its_client(pair, wire):
    a, b = wire(pair), wire(pair)
    assert a.ask("LOAD '$libdir/plugins/nothing'").sqlstates != []
    assert b.ask("SELECT 1").value == "1"


def test_no_state_is_left_for_the_next_client(single, wire):
    """Each client leaves everything it can behind; the next on the same connection finds a new session."""
    for _ in range(3):
        dirty = wire(single)
        for text in ("SET lock_timeout = '1s'", "CREATE TEMP TABLE left_over (n int)", "LISTEN left_over",
                     "PREPARE left_over AS SELECT 1", "SELECT pg_advisory_lock(99)", "SET ROLE reader",
                     "SET my.own = 'left over'"):
            assert dirty.ask(text).errors == []
        dirty.close()
        clean = wire(single)
        assert clean.ask("SHOW lock_timeout").value == "0"
        assert clean.ask("SELECT current_user").value == "app"
        assert clean.ask("SELECT * FROM left_over").sqlstates == ["42P01"]
        assert clean.ask("EXECUTE left_over").sqlstates == ["26000"]
        assert clean.ask("SELECT count(*) FROM pg_listening_channels()").value == "0"
        assert clean.ask("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 99").value == "0"
        assert clean.ask("SELECT coalesce(current_setting('my.own', true), '')").value == ""
        clean.close()


@pytest.mark.sluice_only
def test_pins_are_counted_by_cause(gateways, server, wire):
    import urllib.request
    gateway = gateways.start(server, mode="transaction", max=4)
    a, b = wire(gateway.endpoint), wire(gateway.endpoint)
    a.ask("CREATE TEMP TABLE pinned (n int)")
    b.ask("LISTEN news")
    text = urllib.request.urlopen(f"http://127.0.0.1:{gateway.admin_port}/metrics").read().decode()
    pins = [line for line in text.splitlines() if "pin" in line and not line.startswith("#")]
    assert any("temp_table" in line and not line.endswith(" 0") for line in pins), pins
    assert any("listen" in line and not line.endswith(" 0") for line in pins), pins


def test_currval_inside_a_transaction_is_never_anothers(pair, wire, server):
    server.sql("DROP SEQUENCE IF EXISTS counted; CREATE SEQUENCE counted; GRANT ALL ON counted TO app")
    a, b = wire(pair), wire(pair)
    a.ask("SELECT nextval('counted')")
    b.ask("SELECT nextval('counted')")
    a.ask("BEGIN")
    replies = a.ask("SELECT currval('counted')")
    assert (replies.sqlstates, replies.status) == (["55000"], "E") or replies.value == "1"
    assert a.ask("ROLLBACK").status == "I"
    a.ask("BEGIN")
    mine = a.ask("SELECT nextval('counted')").value
    assert a.ask("SELECT currval('counted')").value == mine
    assert a.ask("COMMIT").status == "I"
