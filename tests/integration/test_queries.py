"""What is known of the statements that passed: /performance/queries and its neighbours, by real clients."""
import json
import os
import time
import urllib.error
import urllib.request

import psycopg
import psycopg2
import pytest

from gateway import PATIENCE
from servers import wait_until
from wire import SYNC, bind, describe, execute, parse, query

pytestmark = pytest.mark.sluice_only


def ask(gateway, path, method="GET"):
    request = urllib.request.Request(f"http://127.0.0.1:{gateway.admin_port}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def statements(gateway, **filters):
    """{normalised text: its figures}."""
    wanted = "&".join(f"{name}={value}" for name, value in filters.items())
    status, body = ask(gateway, f"/performance/queries?limit=1000&{wanted}")
    assert status == 200, body
    return {item["query"]: item for item in body["items"]}


def statement(gateway, text):
    found = wait_until(lambda: statements(gateway).get(text), 3, f"{text!r} among {list(statements(gateway))}")
    return ask(gateway, f"/performance/queries/{found['fingerprint']}")[1]


def parsed(gateway, text):
    """The same once the parser has seen it."""
    wait_until(lambda: statement(gateway, text)["unanalysed"] != "not parsed yet", 5, "a parse")
    return statement(gateway, text)


def test_literals_of_simple_queries_are_one_statement(sluice, wire):
    client = wire(sluice.endpoint)
    for n in range(20):
        client.ask(query(f"SELECT {n} + 1 AS   sum -- {n}"))
    seen = parsed(sluice, "select ? + ? as sum")
    assert (seen["calls"], seen["rows"], seen["errors"], seen["verb"]) == (20, 20, 0, "select")
    assert seen["manner"] == {"simple": 20, "unnamed": 0, "prepared": 0}
    assert seen["unanalysed"] is None
    assert 0 < seen["p50_ms"] <= seen["p99_ms"] <= seen["max_ms"] * 1.05
    assert sum(bucket["count"] for bucket in seen["latency"]["buckets"]) == 20


def test_extended_protocol_is_counted_by_its_executions(sluice, wire):
    client = wire(sluice.endpoint)
    client.ask(parse("watch_s", "SELECT $1::int + 2 AS watched"), SYNC)
    for n in range(7):
        client.ask(bind("", "watch_s", [n]), describe("P", ""), execute(), SYNC)
    client.ask(parse("", "SELECT $1::int + 2 AS watched"), bind("", "", [1]), execute(), SYNC)
    seen = statement(sluice, "select $1::int + ? as watched")
    assert (seen["calls"], seen["rows"]) == (8, 8)
    assert seen["manner"] == {"simple": 0, "unnamed": 1, "prepared": 7}
    values = [sample["values"] for sample in seen["samples"]["uniform"]]
    assert ["2", "'6'"] in values or ["2", "6"] in values


def test_several_executes_of_one_group_are_counted_each(sluice, wire):
    client = wire(sluice.endpoint)
    client.ask(parse("", "SELECT generate_series(1, $1::int) AS many"),
               bind("", "", [3]), execute(), bind("", "", [4]), execute(), SYNC)
    seen = statement(sluice, "select generate_series(?, $1::int) as many")
    assert (seen["calls"], seen["rows"], seen["max_rows"]) == (2, 7, 4)


def test_portals_run_in_another_order_than_they_were_bound(sluice, wire):
    client = wire(sluice.endpoint)
    client.ask(parse("pa", "SELECT generate_series(1, 2) AS portal_a"), parse("pb", "SELECT generate_series(1, 5) AS portal_b"),
               bind("a", "pa"), bind("b", "pb"), execute("b"), execute("a"), SYNC)
    first, second = (statement(sluice, f"select generate_series(?, ?) as portal_{which}") for which in "ab")
    assert (first["calls"], first["rows"]) == (1, 2)
    assert (second["calls"], second["rows"]) == (1, 5)


def test_cursor_by_row_limit_is_one_call(sluice, wire):
    client = wire(sluice.endpoint)
    client.ask("BEGIN")
    client.ask(parse("", "SELECT generate_series(1, 25) AS limited"), bind("", "", []), execute(limit=10), SYNC)
    client.ask(execute(limit=10), SYNC)
    client.ask(execute(limit=10), SYNC)
    client.ask("COMMIT")
    seen = statement(sluice, "select generate_series(?, ?) as limited")
    assert seen["calls"] == 1 and seen["rows"] == 25


def test_errors_are_counted_by_sqlstate(sluice, wire):
    client = wire(sluice.endpoint)
    client.ask("SELECT 1 / 0 AS broken")
    client.ask("SELECT 1 / 0 AS broken")
    client.ask("SELECT * FROM nowhere_to_be_found")
    client.ask(parse("", "SELECT * FROM nowhere_prepared"), SYNC)
    seen = statement(sluice, "select ? / ? as broken")
    assert (seen["calls"], seen["errors"], seen["sqlstates"]) == (2, 2, {"22012": 2})
    assert statement(sluice, "select * from nowhere_to_be_found")["sqlstates"] == {"42P01": 1}
    assert statement(sluice, "select * from nowhere_prepared")["sqlstates"] == {"42P01": 1}


def test_what_stands_behind_an_error_never_ran(sluice, wire):
    client = wire(sluice.endpoint)
    client.ask(parse("", "SELECT 1 / $1::int AS first_fails"), bind("", "", [0]), execute(),
               parse("", "SELECT 'skipped' AS never_ran"), bind("", "", []), execute(), SYNC)
    seen = statement(sluice, "select ? / $1::int as first_fails")
    assert (seen["calls"], seen["errors"]) == (1, 1)
    skipped = statements(sluice).get("select '?' as never_ran")
    assert skipped is None or skipped["calls"] == 0


def test_cancelled_statements_are_told_apart(sluice, server):
    with psycopg.connect(sluice.endpoint.dsn) as conn:
        conn.execute("SET statement_timeout = 100")
        with pytest.raises(psycopg.errors.QueryCanceled):
            conn.execute("SELECT pg_sleep(5) AS slept")
    seen = statement(sluice, "select pg_sleep(?) as slept")
    assert (seen["calls"], seen["cancelled"]) == (1, 1)
    assert seen["server"] if "server" in seen else seen["time_ms"]["server"] > 50


def test_several_statements_in_a_text_are_one_entry(sluice, wire):
    client = wire(sluice.endpoint)
    client.ask("SELECT 1 AS one; SELECT generate_series(1, 3) AS three;")
    seen = parsed(sluice, "select ? as one; select generate_series(?, ?) as three")
    assert (seen["calls"], seen["rows"], seen["facts"]["statements"]) == (1, 4, 2)


def test_copy_both_ways_is_counted(sluice, endpoint_table):
    with psycopg2.connect(sluice.endpoint.dsn) as conn, conn.cursor() as cursor:
        import io
        cursor.copy_expert(f"COPY {endpoint_table} FROM STDIN", io.StringIO("1\n2\n3\n"))
        out = io.StringIO()
        cursor.copy_expert(f"COPY {endpoint_table} TO STDOUT", out)
    seen = parsed(sluice, f"copy {endpoint_table} to stdout")
    assert (seen["verb"], seen["rows"], seen["reads"]) == ("copy", 3, [endpoint_table])
    assert parsed(sluice, f"copy {endpoint_table} from stdin")["writes"] == [endpoint_table]


@pytest.fixture
def endpoint_table(server):
    name = f"watched_{os.getpid()}"
    server.sql(f"CREATE TABLE {name} (id int); GRANT ALL ON {name} TO app")
    yield name
    server.sql(f"DROP TABLE {name}")


def test_sql_prepare_and_execute(sluice, wire):
    client = wire(sluice.endpoint)
    client.ask("PREPARE plus AS SELECT $1::int + 40 AS by_sql")
    for n in range(3):
        client.ask(f"EXECUTE plus({n})")
    client.ask("DEALLOCATE plus")
    assert statement(sluice, "execute plus(?)")["calls"] == 3


def test_commented_deallocate_by_the_extended_protocol(sluice, wire):
    client = wire(sluice.endpoint)
    client.ask(parse("shelved", "SELECT 'shelf' AS shelved"), SYNC)
    replies = client.ask(parse("", "DEALLOCATE shelved /*controller='shelves',action='clear',route='/shelves'*/"),
                         bind("", "", []), execute(), SYNC)
    assert (replies.errors, replies.tags) == ([], ["DEALLOCATE"])
    seen = statement(sluice, "deallocate shelved")
    assert (seen["calls"], seen["errors"]) == (1, 0)
    tags = {caller["tags"] for caller in seen["callers"]}
    assert tags <= {"", "action=clear,controller=shelves,route=/shelves"}


def test_callers_are_known_by_application_and_comment(sluice):
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with psycopg.connect(sluice.endpoint.dsn, application_name="watcher", autocommit=True) as conn:
        conn.execute("SELECT 'tagged' AS tagged /*controller='users',framework='django%3A4',"
                     f"traceparent='{trace}'*/")
    seen = statement(sluice, "select '?' as tagged")
    caller = seen["callers"][0]
    assert caller["application"] == "watcher"
    assert caller["tags"] == "controller=users,framework=django:4"


def test_secret_values_are_not_kept(sluice, wire):
    client = wire(sluice.endpoint)
    client.ask("CREATE TEMP TABLE people_s (name text, password text)")
    text = "select from people_s where name = '?' and password = '?'"
    client.ask("SELECT FROM people_s WHERE name = 'ann' AND password = 'hunter1'")
    parsed(sluice, text)
    client.ask("SELECT FROM people_s WHERE name = 'ann' AND password = 'hunter2'")
    client.ask("ALTER ROLE app CONNECTION LIMIT -1")
    seen = statement(sluice, text)
    kept = json.dumps(seen)
    assert "hunter" not in kept and "(redacted)" in kept
    assert "'ann'" in kept


def test_slow_ones_are_kept_with_their_values(gateways, server, wire):
    gateway = gateways.start(server, top={"query": {"slow": "200ms", "explain_slow": True}})
    client = wire(gateway.endpoint)
    client.ask("SELECT 'quick', pg_sleep(0.01)")
    client.ask("SELECT 'slow', pg_sleep(0.3)")
    slow = wait_until(lambda: ask(gateway, "/performance/queries/slow")[1]["items"], 3, "a slow query")
    assert [item["query"] for item in slow] == ["select '?', pg_sleep(?)"]
    assert slow[0]["values"] == ["'slow'", "0.3"] and slow[0]["took_ms"] >= 300
    assert slow[0]["time_ms"]["server"] >= 250
    plan = wait_until(lambda: ask(gateway, "/performance/queries/slow")[1]["items"][0].get("plan"), 5, "its plan")
    assert plan[0]["Plan"]["Node Type"] == "Result"


def test_slow_ones_are_explained_whichever_worker_has_the_connection(gateways, server, wire):
    gateway = gateways.start(server, top={"query": {"slow": "100ms", "explain_slow": True}})
    for n, client in enumerate(wire(gateway.endpoint) for _ in range(6)):
        client.ask(f"SELECT 'slow', {n} AS number, pg_sleep(0.15)")
    slow = wait_until(lambda: (items := ask(gateway, "/performance/queries/slow")[1]["items"])
                      and all(item.get("plan") for item in items) and items, 5 * PATIENCE, "all plans")
    assert len(slow) == 6


def test_pauses_inside_transactions_are_counted(sluice, wire):
    client = wire(sluice.endpoint)
    client.ask("BEGIN")
    client.ask("SELECT 'holds' AS held")
    time.sleep(0.3)
    client.ask("COMMIT")
    pauses = wait_until(lambda: (s := statement(sluice, "select '?' as held"))["pauses"]["count"] and s["pauses"], 3, "a pause")
    assert pauses["count"] == 1 and 280 <= pauses["max_ms"] < 3000


def test_list_is_sorted_filtered_and_paged(sluice, wire):
    client = wire(sluice.endpoint)
    client.ask("SELECT 1 AS sorted_a")
    for _ in range(3):
        client.ask("SELECT 2 AS sorted_b")
    wait_until(lambda: len(statements(sluice, search="sorted_")) == 2, 3, "both")
    _, body = ask(sluice, "/performance/queries?search=sorted_&sort=calls&limit=1")
    assert [i["query"] for i in body["items"]] == ["select ? as sorted_b"] and body["count"] == 2
    _, body = ask(sluice, f"/performance/queries?search=sorted_&sort=calls&limit=1&offset={body['next_offset']}")
    assert [i["query"] for i in body["items"]] == ["select ? as sorted_a"] and body["next_offset"] is None
    assert statements(sluice, search="sorted_", min_calls=2).keys() == {"select ? as sorted_b"}
    assert not statements(sluice, search="sorted_", verb="insert")


@pytest.mark.parametrize("path, names", [
    ("/performance/queries?sort=colour", "sort"),
    ("/performance/queries?limit=0", "limit"),
    ("/performance/queries?limit=many", "limit"),
    ("/performance/queries?limit=1&limit=2", "limit"),
    ("/performance/queries?bogus=1", "bogus"),
    ("/performance/queries?search=%zz", "%"),
    ("/performance/queries/notahash", "fingerprint"),
    ("/performance/n1?kind=odd", "kind"),
])
def test_wrong_requests_are_told_what_is_wrong(sluice, path, names):
    status, body = ask(sluice, path)
    assert status == 400 and names in body["detail"], body


def test_unknown_fingerprint_is_not_found(sluice):
    assert ask(sluice, "/performance/queries/" + "0" * 32)[0] == 404


def test_what_cannot_be_read_is_counted_with_a_reason_and_passed_on(sluice, wire):
    client = wire(sluice.endpoint)
    before = ask(sluice, "/performance/queries")[1]["totals"]
    long = "SELECT length('" + "x" * 300_000 + "')"
    assert client.ask(long).value == "300000"
    assert client.ask("SELECT 'unterminated").sqlstates == ["42601"]
    after = wait_until(lambda: (t := ask(sluice, "/performance/queries")[1]["totals"])["unanalysed"] >= before["unanalysed"] + 2 and t,
                       3, "both")
    assert "too long" in after["unanalysed_by"]


def test_prepared_texts_that_cannot_be_read_are_counted_too(sluice, wire):
    client = wire(sluice.endpoint)
    before = ask(sluice, "/performance/queries")[1]["totals"]["unanalysed"]
    for name in ("", "too_long"):
        long = parse(name, "SELECT length('" + "z" * 100_000 + "')")
        assert client.ask(long, bind("", name), execute(), SYNC).value == "100000"
    wait_until(lambda: ask(sluice, "/performance/queries")[1]["totals"]["unanalysed"] >= before + 2, 3, "both")


def test_rows_of_writes_are_those_they_changed(sluice, endpoint_table):
    with psycopg.connect(sluice.endpoint.dsn, autocommit=True) as conn:
        conn.execute(f"INSERT INTO {endpoint_table} SELECT generate_series(1, 12)")
        conn.execute(f"UPDATE {endpoint_table} SET id = id + %s WHERE id > 2", (1,))
    assert statement(sluice, f"insert into {endpoint_table} select generate_series(?, ?)")["rows"] == 12
    assert statement(sluice, f"update {endpoint_table} set id = id + $1 where id > ?")["rows"] == 10


def test_ten_megabytes_and_bombs_pass(sluice, wire):
    client = wire(sluice.endpoint)
    assert client.ask("SELECT length('" + "y" * 10_000_000 + "')").value == "10000000"
    assert client.ask("SELECT 1 " + "/*" * 3000 + "*/" * 3000).value == "1"
    deep = client.ask("SELECT " + "(" * 5000 + "1" + ")" * 5000)
    assert deep.sqlstates in ([], ["54001"])
    assert client.ask(b"Q" + (4 + 11).to_bytes(4, "big") + b"SELECT '\xff'"[:10] + b"\0").sqlstates
    assert client.ask("SELECT 2").value == "2"


def test_n_plus_one_is_proven_and_recommended(sluice, endpoint_table):
    with psycopg2.connect(sluice.endpoint.dsn) as conn, conn.cursor() as cursor:
        cursor.execute(f"INSERT INTO {endpoint_table} SELECT generate_series(100, 120)")
        cursor.execute(f"SELECT id FROM {endpoint_table} ORDER BY id")
        for (key,) in cursor.fetchall():
            cursor.execute(f"SELECT id, pg_sleep(0.003) FROM {endpoint_table} WHERE id = %s", (key,))
            cursor.fetchall()
    wanted = f"select id, pg_sleep(?) from {endpoint_table} where id = ?"
    loops = wait_until(lambda: [l for l in ask(sluice, "/performance/n1?kind=proven")[1]["items"]
                                if l["statement"]["query"] == wanted], 5, "the loop")
    loop = loops[0]
    assert loop["n"]["max"] == 21 and loop["source"]["query"] == f"select id from {endpoint_table} order by id"
    assert loop["source"]["column"] == "id" and loop["wasted_ms"] > 0 and loop["sentence"]
    advice = [r for r in ask(sluice, "/performance/recommendations")[1]["items"]
              if r["kind"] == "n_plus_one" and r["fingerprint"] == loop["statement"]["fingerprint"]]
    assert advice and advice[0]["evidence"] and advice[0]["action"]


def test_statistics_survive_a_restart(gateways, server, tmp_path, wire):
    store = {"store": {"directory": str(tmp_path / "kept")}}
    first = gateways.start(server, top=store)
    client = wire(first.endpoint)
    for n in range(5):
        client.ask(f"SELECT {n} AS survives")
    before = parsed(first, "select ? as survives")
    client.close()
    first.stop()
    second = gateways.start(server, top=store)
    again = statement(second, "select ? as survives")
    assert again["calls"] == 5 and again["first_seen"] == before["first_seen"]
    assert again["latency"] == before["latency"] and again["samples"]["uniform"]
    client = wire(second.endpoint)
    client.ask("SELECT 7 AS survives")
    wait_until(lambda: statement(second, "select ? as survives")["calls"] == 6, 3, "six calls")


def test_broken_store_is_put_aside(gateways, server, tmp_path, wire):
    folder = tmp_path / "kept"
    folder.mkdir()
    (folder / "queries.db").write_bytes(b"this is no database, whatever its name says" * 100)
    gateway = gateways.start(server, top={"store": {"directory": str(folder)}})
    client = wire(gateway.endpoint)
    client.ask("SELECT 1 AS still_works")
    assert statement(gateway, "select ? as still_works")["calls"] == 1
    assert list(folder.glob("queries.db.corrupt-*"))


def test_reset_forgets(gateways, server, wire):
    gateway = gateways.start(server)
    client = wire(gateway.endpoint)
    client.ask("SELECT 1 AS to_forget")
    statement(gateway, "select ? as to_forget")
    assert ask(gateway, "/performance/queries/reset")[0] == 405
    assert ask(gateway, "/performance/queries/reset", "POST")[0] == 200
    assert "select ? as to_forget" not in statements(gateway)


def test_switched_off_nothing_is_counted(gateways, server, wire):
    gateway = gateways.start(server, top={"query": {"enabled": False}})
    client = wire(gateway.endpoint)
    assert client.ask("SELECT 1 AS off").value == "1"
    client.ask(parse("s", "SELECT $1::int"), bind("", "s", [1]), execute(), SYNC)
    time.sleep(0.3)
    assert ask(gateway, "/performance/queries")[1]["count"] == 0


def test_top_statements_have_series(sluice, wire):
    client = wire(sluice.endpoint)
    client.ask("SELECT pg_sleep(0.05) AS in_metrics")
    found = statement(sluice, "select pg_sleep(?) as in_metrics")
    def series():
        url = f"http://127.0.0.1:{sluice.admin_port}/metrics"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return [line for line in answer.read().decode().splitlines()
                    if line.startswith("sluice_query_") and found["fingerprint"] in line]
    assert wait_until(series, 5, "series of the statement")
