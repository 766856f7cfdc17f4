"""Points 22-28: prepared statements and portals, whichever server connection runs them."""
import re
import struct
import urllib.request

import pytest

import wire as w
from servers import wait_until


def run(name, *values, portal=""):
    return w.bind(portal, name, values) + w.execute(portal)


def test_p22_same_name_different_text(single, wire):
    a, b = wire(single), wire(single)
    assert a.ask(w.parse("s", "SELECT 'a' || $1::text"), w.SYNC).kinds == "1Z"
    assert b.ask(w.parse("s", "SELECT 'b', $1::int"), w.SYNC).kinds == "1Z"
    for number in range(5):
        assert a.ask(run("s", number), w.SYNC).rows == [[f"a{number}"]]
        assert b.ask(run("s", number), w.SYNC).rows == [["b", str(number)]]


def test_p22_same_text_different_parameter_types(single, wire):
    a, b = wire(single), wire(single)
    int4, text = 23, 25
    a.ask(w.parse("s", "SELECT pg_typeof($1)::text", [int4]), w.SYNC)
    b.ask(w.parse("s", "SELECT pg_typeof($1)::text", [text]), w.SYNC)
    assert a.ask(run("s", 1), w.SYNC).value == "integer"
    assert b.ask(run("s", 1), w.SYNC).value == "text"


def test_p22_statement_is_found_on_every_connection(pair, wire):
    a, b = wire(pair), wire(pair)
    a.ask(w.parse("s", "SELECT pg_backend_pid(), $1::text"), w.SYNC)
    seen = set()
    for held in (False, True, False):
        if held:
            b.ask("BEGIN")
            b.ask("SELECT 1")
        replies = a.ask(run("s", "x"), w.SYNC)
        assert replies.kinds == "2DCZ" and replies.rows[0][1] == "x"
        seen.add(replies.rows[0][0])
        if held:
            b.ask("COMMIT")
    assert seen


def test_p22_describe_statement_after_a_switch(single, wire):
    a, b = wire(single), wire(single)
    a.ask(w.parse("s", "SELECT $1::int AS n"), w.SYNC)
    b.ask("DISCARD ALL")
    replies = a.ask(w.describe("S", "s"), w.SYNC)
    assert replies.kinds == "tTZ"
    assert replies[0].body == struct.pack("!HI", 1, 23) and replies[1].body[2:4] == b"n\0"


def test_p22_replies_stay_in_order_in_a_pipeline(single, wire):
    a, b = wire(single), wire(single)
    a.ask(w.parse("s", "SELECT 's'"), w.SYNC)
    b.ask("SELECT 1")
    replies = a.ask(run("s"), w.parse("u", "SELECT 'u'"), run("u"), w.close("S", "u"), w.describe("S", "s"),
                    run("s"), w.SYNC)
    assert replies.kinds == "2DC12DC3tT2DCZ"
    assert replies.rows == [["s"], ["u"], ["s"]]


def test_p23_after_an_error_everything_to_sync_is_skipped(single, wire):
    a, b = wire(single), wire(single)
    replies = a.ask(w.parse("bad", "SELECT nothing FROM nowhere"), w.parse("good", "SELECT 1"), run("good"),
                    w.SYNC)
    assert replies.kinds == "EZ" and replies.sqlstates == ["42P01"]
    assert a.ask(run("good"), w.SYNC).sqlstates == ["26000"]
    assert b.ask("SELECT 1").value == "1"
    assert a.ask(w.parse("good", "SELECT 2"), run("good"), w.SYNC).value == "2"


def test_p23_error_before_an_injected_parse(single, wire):
    """The server skips what the proxy injected, too: the next use still finds the statement."""
    a, b = wire(single), wire(single)
    a.ask(w.parse("s", "SELECT 's'"), w.SYNC)
    b.ask("DISCARD ALL")
    replies = a.ask(w.parse("", "SELECT 1/0"), run(""), run("s"), w.SYNC)
    assert replies.sqlstates == ["22012"] and replies.rows == []
    assert a.ask(run("s"), w.SYNC).value == "s"
    assert b.ask(w.parse("s", "SELECT 'other'"), run("s"), w.SYNC).value == "other"


def test_p23_failed_parse_is_not_remembered(single, wire, table):
    a, b = wire(single), wire(single)
    text = f"SELECT n FROM {table}"
    assert a.ask(w.parse("s", text), w.SYNC).sqlstates == ["42P01"]
    assert b.ask(f"CREATE TABLE {table} AS SELECT 5 AS n").errors == []
    assert b.ask(w.parse("s", text), run("s"), w.SYNC).value == "5"
    assert a.ask(w.parse("s", text), run("s"), w.SYNC).value == "5"


def test_p23_close_skipped_by_an_error_did_not_happen(single, wire):
    a = wire(single)
    a.ask(w.parse("s", "SELECT 's'"), w.SYNC)
    assert a.ask(w.parse("", "SELECT 1/"), w.close("S", "s"), w.SYNC).sqlstates == ["42601"]
    assert a.ask(run("s"), w.SYNC).value == "s"


def test_p24_unnamed_statement_is_the_clients_own(single, wire):
    a, b = wire(single), wire(single)
    a.ask(w.parse("", "SELECT 'a'"), w.SYNC)
    b.ask(w.parse("", "SELECT 'b'"), w.SYNC)
    for _ in range(3):
        assert a.ask(run(""), w.SYNC).value == "a"
        assert b.ask(run(""), w.SYNC).value == "b"


def test_p24_simple_query_destroys_the_unnamed_statement(endpoint, wire):
    client = wire(endpoint)
    client.ask(w.parse("", "SELECT 'gone'"), w.SYNC)
    client.ask("SELECT 1")
    assert client.ask(run(""), w.SYNC).sqlstates == ["26000"]


def test_p24_portals_end_with_the_transaction(endpoint, wire):
    client = wire(endpoint)
    client.ask(w.parse("", "SELECT 1"), w.bind("p", ""), w.SYNC)
    assert client.ask(w.execute("p"), w.SYNC).sqlstates == ["34000"]
    client.ask("BEGIN")
    client.ask(w.parse("", "SELECT 1"), w.bind("p", ""), w.SYNC)
    assert client.ask(w.execute("p"), w.SYNC).value == "1"
    client.ask("COMMIT")


def test_p25_duplicate_name_is_42P05(endpoint, wire):
    client = wire(endpoint)
    client.ask(w.parse("s", "SELECT 1"), w.SYNC)
    replies = client.ask(w.parse("s", "SELECT 2"), w.SYNC)
    assert replies.sqlstates == ["42P05"] and replies.errors[0]["S"] == "ERROR"
    assert client.ask(run("s"), w.SYNC).value == "1"


def test_p25_unknown_name_is_26000(endpoint, wire):
    client = wire(endpoint)
    for request in (w.bind("", "no"), w.describe("S", "no")):
        replies = client.ask(request, w.SYNC)
        assert replies.sqlstates == ["26000"] and replies.errors[0]["S"] == "ERROR"
    assert client.ask(w.execute("no"), w.SYNC).sqlstates == ["34000"]
    assert client.ask("SELECT 1").value == "1"


def test_p25_error_fails_the_clients_transaction(endpoint, wire):
    client = wire(endpoint)
    client.ask("BEGIN")
    client.ask(w.parse("s", "SELECT 1"), w.SYNC)
    assert client.ask(w.parse("s", "SELECT 1"), w.SYNC).status == "E"
    client.ask("ROLLBACK")
    client.ask("BEGIN")
    assert client.ask(run("no"), w.SYNC).status == "E"
    client.ask("ROLLBACK")


def test_p25_close_of_the_unknown_succeeds(endpoint, wire):
    client = wire(endpoint)
    assert client.ask(w.close("S", "no"), w.close("P", "no"), w.SYNC).kinds == "33Z"


def test_p25_closed_name_may_be_used_again(single, wire):
    a, b = wire(single), wire(single)
    for text in ("one", "two", "three"):
        assert a.ask(w.parse("s", f"SELECT '{text}'"), w.SYNC).errors == []
        b.ask("SELECT 1")
        assert a.ask(run("s"), w.close("S", "s"), w.SYNC).value == text


@pytest.mark.parametrize("text", ["DEALLOCATE s", "DEALLOCATE ALL", "DISCARD ALL", 'deallocate prepare "s"'])
def test_p25_deallocate_changes_what_the_client_has(endpoint, wire, text):
    client = wire(endpoint)
    client.ask(w.parse("s", "SELECT 1"), w.SYNC)
    assert client.ask(text).errors == []
    assert client.ask(run("s"), w.SYNC).sqlstates == ["26000"]
    assert client.ask(w.parse("s", "SELECT 2"), run("s"), w.SYNC).value == "2"


def test_p25_deallocate_does_not_touch_others(single, wire):
    a, b = wire(single), wire(single)
    a.ask(w.parse("s", "SELECT 'a'"), w.SYNC)
    b.ask(w.parse("s", "SELECT 'a'"), w.SYNC)
    b.ask("DEALLOCATE ALL")
    assert a.ask(run("s"), w.SYNC).value == "a"
    assert b.ask("DEALLOCATE s").sqlstates == ["26000"]


def test_p26_stale_plan_of_another_client_goes_unnoticed(single, wire, table):
    """The server still has the old plan for this text; a client that prepares it now sees no error."""
    a, b = wire(single), wire(single)
    b.ask(f"CREATE TABLE {table} AS SELECT 1 AS n")
    a.ask(w.parse("s", f"SELECT * FROM {table}"), w.SYNC)
    assert a.ask(run("s"), w.SYNC).rows == [["1"]]
    b.ask(f"ALTER TABLE {table} ADD m int DEFAULT 2")
    replies = b.ask(w.parse("s", f"SELECT * FROM {table}"), w.describe("S", "s"), run("s"), w.SYNC)
    assert replies.kinds == "1tT2DCZ" and replies.rows == [["1", "2"]]


def test_p26_client_that_knows_the_old_columns_is_told(single, wire, table):
    """Drivers that cache a description (asyncpg, pgjdbc) wait for 0A000 to renew it. On the connection that has
    the old plan, that is: another one parses the text anew and has nothing to compare (README, Limits)."""
    a, b = wire(single), wire(single)
    b.ask(f"CREATE TABLE {table} AS SELECT 1 AS n")
    a.ask(w.parse("s", f"SELECT * FROM {table}"), w.describe("S", "s"), w.SYNC)
    assert a.ask(run("s"), w.SYNC).rows == [["1"]]
    b.ask(f"ALTER TABLE {table} ADD m int DEFAULT 2")
    assert a.ask(run("s"), w.SYNC).sqlstates == ["0A000"]
    a.ask(w.close("S", "s"), w.SYNC)
    assert a.ask(w.parse("s", f"SELECT * FROM {table}"), run("s"), w.SYNC).rows == [["1", "2"]]


def test_p26_client_that_never_asked_for_columns_gets_rows_or_the_error(endpoint, wire, table):
    a, b = wire(endpoint), wire(endpoint)
    b.ask(f"CREATE TABLE {table} AS SELECT 1 AS n")
    a.ask(w.parse("s", f"SELECT * FROM {table}"), w.SYNC)
    assert a.ask(run("s"), w.SYNC).rows == [["1"]]
    b.ask(f"ALTER TABLE {table} ADD m int DEFAULT 2")
    replies = a.ask(run("s"), w.SYNC)
    assert replies.rows == [["1", "2"]] or replies.sqlstates == ["0A000"]


def test_p26_inside_a_transaction_the_error_is_passed_on(endpoint, wire, table):
    a, b = wire(endpoint), wire(endpoint)
    b.ask(f"CREATE TABLE {table} AS SELECT 1 AS n")
    a.ask(w.parse("s", f"SELECT * FROM {table}"), w.SYNC)
    a.ask(run("s"), w.SYNC)
    b.ask(f"ALTER TABLE {table} ADD m int DEFAULT 2")
    a.ask("BEGIN")
    replies = a.ask(run("s"), w.SYNC)
    assert (replies.sqlstates, replies.status) in ((["0A000"], "E"), ([], "T"))
    assert a.ask("ROLLBACK").status == "I"


def test_p27_row_limit_suspends_the_portal(single, wire):
    a, b = wire(single), wire(single)
    a.ask("BEGIN")
    replies = a.ask(w.parse("", "SELECT generate_series(1, 5)"), w.bind("p", ""), w.execute("p", 2), w.SYNC)
    assert replies.kinds == "12DDsZ"
    b.send(w.query("SELECT 'b'"))
    assert a.ask(w.execute("p", 2), w.SYNC).rows == [["3"], ["4"]]
    assert a.ask(w.execute("p", 2), w.SYNC).kinds == "DCZ"
    a.ask("COMMIT")
    assert b.ready().value == "b"


def test_p27_row_limit_outside_a_transaction(single, wire):
    a, b = wire(single), wire(single)
    replies = a.ask(w.parse("", "SELECT generate_series(1, 3)"), w.bind("", ""), w.execute("", 2),
                    w.execute("", 2), w.SYNC)
    assert replies.kinds == "12DDsDCZ"
    assert b.ask("SELECT 1").value == "1"


def test_p28_more_statements_than_any_server_keeps(single, wire):
    a, b = wire(single), wire(single)
    for number in range(600):
        a.send(w.parse(f"s{number}", f"SELECT {number}"), w.SYNC)
        b.send(w.parse(f"s{number}", f"SELECT -{number}"), w.SYNC)
    for _ in range(600):
        assert a.ready().kinds == b.ready().kinds == "1Z"
    for number in (0, 1, 299, 598, 599, 0):
        assert a.ask(run(f"s{number}"), w.SYNC).value == str(number)
        assert b.ask(run(f"s{number}"), w.SYNC).value == str(-number) if number else "0"


@pytest.mark.parametrize("size", [8_000, 70_000, 3_000_000])
def test_p28_long_texts_and_values(single, wire, size):
    a, b = wire(single), wire(single)
    padding = "x" * size
    a.ask(w.parse("s" * 60, f"SELECT length('{padding}') + length($1)"), w.SYNC)
    b.ask("SELECT 1")
    assert a.ask(run("s" * 60, padding), w.SYNC).value == str(2 * size)
    assert a.ask(f"SELECT length('{padding}')").value == str(size)
    assert a.extended("SELECT $1::text", [padding]).value == padding


def prepared_bytes(gateway):
    text = urllib.request.urlopen(f"http://127.0.0.1:{gateway.admin_port}/metrics").read().decode()
    return float(re.search(r"^sluice_postgres_prepared_bytes\{.*\} (\S+)$", text, re.M)[1])


@pytest.mark.sluice_only
def test_p28_one_clients_statements_are_bounded(gateways, server, wire):
    gateway = gateways.start(server, listener={"prepared_memory_per_client": "100KB"})
    client = wire(gateway.endpoint)
    padding = "x" * 40_000
    for name in ("a", "b"):
        assert client.ask(w.parse(name, f"SELECT '{name}{padding}'"), w.SYNC).kinds == "1Z"
    refused = client.ask(w.parse("c", f"SELECT 'c{padding}'"), run("c"), w.SYNC)
    assert refused.sqlstates == ["53200"] and "prepared_memory_per_client" in refused.errors[0]["H"]
    assert client.ask(w.parse("n" * 40_000, "SELECT 1"), w.SYNC).sqlstates == ["53200"]
    assert client.ask(run("a"), w.SYNC).value == "a" + padding
    assert client.ask(w.close("S", "a"), w.parse("c", f"SELECT 'c{padding}'"), w.SYNC).kinds == "31Z"


@pytest.mark.sluice_only
def test_p28_all_clients_statements_together_are_bounded(gateways, server, wire):
    """Equal ones count once; what a client that left had prepared is memory again."""
    gateway = gateways.start(server, max=2, listener={"prepared_memory": "1MB"})
    endpoint, padding = gateway.endpoint, "x" * 100_000
    clients = [wire(endpoint) for _ in range(6)]
    assert prepared_bytes(gateway) == 0
    for client in clients:
        assert client.ask(w.parse("same", f"SELECT 'same{padding}'"), run("same"), w.SYNC).kinds == "12DCZ"
    most = 2 * 110_000  # once on each worker
    assert 100_000 < prepared_bytes(gateway) < most
    refused = 0
    for number, client in enumerate(clients):
        for name in ("a", "b"):
            replies = client.ask(w.parse(name, f"SELECT '{name}{number}{padding}'"), run(name), w.SYNC)
            if replies.errors:
                refused += 1
                assert replies.sqlstates == ["53200"]
                assert "raise prepared_memory" in replies.errors[0]["H"] and replies.status == "I"
                assert client.ask(run(name), w.SYNC).sqlstates == ["26000"], "it wasn't prepared"
            else:
                assert replies.value == f"{name}{number}{padding}"
    assert 12 - 9 <= refused <= 12 - 7
    assert prepared_bytes(gateway) <= 1 << 20
    last = clients.pop()
    for client in clients:
        client.close()
    for _ in range(3):  # connections still know what nobody has prepared any more, until memory is asked for
        for name in ("c", "d", "e", "f", "g", "h"):
            replies = last.ask(w.parse(name, f"SELECT '{name}{padding}'"), w.SYNC)
            if not replies.errors:
                assert last.ask(run(name), w.SYNC).value == name + padding
                last.ask(w.close("S", name), w.SYNC)
    assert last.ask(w.parse("z", f"SELECT 'z{padding}'"), run("z"), w.SYNC).value == "z" + padding


@pytest.mark.sluice_only
def test_p28_names_count_too(gateways, server, wire):
    gateway = gateways.start(server, listener={"prepared_memory": "1MB"})
    client = wire(gateway.endpoint)
    outcomes = [client.ask(w.parse(f"{number}" + "n" * 100_000, "SELECT 1"), w.SYNC).sqlstates
                for number in range(12)]
    assert outcomes[:10] == [[]] * 10 and outcomes[10:] == [["53200"]] * 2
    client.close()
    wait_until(lambda: prepared_bytes(gateway) < 2_000, what="the end of the names")


@pytest.mark.sluice_only
def test_p28_without_a_bound(gateways, server, wire):
    gateway = gateways.start(server, listener={"prepared_memory": 0})
    client = wire(gateway.endpoint)
    for number in range(20):
        assert client.ask(w.parse(f"s{number}", f"SELECT '{number}{'x' * 100_000}'"), w.SYNC).kinds == "1Z"


@pytest.mark.parametrize("kind", [b"H", b"S"])
def test_p23_malformed_boundary_fails_the_group_and_nothing_more(endpoint, wire, kind):
    client = wire(endpoint)
    client.send(w.parse("", "SELECT 1"), kind + b"\0\0\0\x06!\0", w.query("SELECT 2"), w.SYNC)
    seen = client.ready()
    assert seen.sqlstates == ["08P01"]
    if kind == b"S":
        assert client.ready().value == "2"
        client.ready()
    assert client.ask("SELECT 3").value == "3"


def test_p23_pipelined_group_does_not_build_on_a_skipped_parse(pair, wire):
    """The first group fails before the Parse that Sluice puts in for s; the second one needs s all the same."""
    a, b = wire(pair), wire(pair)
    a.ask(w.parse("s", "SELECT 42"), w.SYNC)
    b.ask("BEGIN")  # takes the connection that knows s
    a.ask("SELECT 1")
    run_s = w.bind("", "s") + w.execute()
    a.send(w.parse("", "SELECT 1/0"), w.bind("", ""), w.execute(), run_s, w.SYNC, run_s, w.SYNC)
    assert a.ready().sqlstates == ["22012"]
    assert a.ready().value == "42"
    b.ask("COMMIT")
