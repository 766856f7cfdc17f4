"""What comes unprepared again and again runs prepared, and answers as ever."""
import time

import pytest

import multiplexing as mx
import wire as w
from gateway import PATIENCE

pytestmark = [pytest.mark.sluice_only,
              pytest.mark.skipif(not mx.accepts("auto_prepare"), reason="the gateway doesn't prepare by itself")]


@pytest.fixture(scope="module", autouse=True)
def schema(server):
    server.sql(mx.SCHEMA)


@pytest.fixture
def start(gateways, server):
    return lambda **pool: gateways.start(server, **{"max": 2, "multiplex": "reads", **pool})


@pytest.fixture
def crowd_of(wire):
    return lambda gateway, count=mx.CLIENTS: [wire(gateway.endpoint) for _ in range(count)]


ALIKE = [  # each is sent often enough to be prepared by itself, and has to answer as PostgreSQL does
    "SELECT 1", "SELECT -1", "SELECT 2147483648", "SELECT 9223372036854775808", "SELECT 1.50", "SELECT 1e3",
    "SELECT 'x'", "SELECT NULL", "SELECT true", "SELECT 'x' || 1",
    "SELECT 1 + 1.5, 7 / 2, 7 / 2.0, 2 ^ 3", "SELECT '7' + 1",
    "SELECT E'a\\nb', $$c$$, U&'d\\0061', B'101', X'1F'", "SELECT 'a'\n'b'", "SELECT '2020-01-31'::date + 1",
    "SELECT date '2020-01-31' + interval '1 month'", "SELECT '1.239'::numeric(10,2), 'abcdef'::varchar(3)",
    "SELECT COALESCE(NULL, 1), COALESCE(NULL, 'x'), NULLIF(1, 2)", "SELECT CASE WHEN 1 = 1 THEN 1 ELSE 2.5 END",
    "SELECT n FROM mx_rows WHERE n IN (1, 2, 3) ORDER BY 1 DESC",
    "SELECT n % 3, count(*) FROM mx_rows GROUP BY 1 ORDER BY 1",
    "SELECT n FROM mx_rows ORDER BY n LIMIT 2 OFFSET 3", "SELECT v FROM mx_rows WHERE n = '5'",
    "SELECT n FROM mx_rows WHERE v LIKE 'a%' ORDER BY n", "SELECT n FROM mx_rows WHERE n BETWEEN 3 AND 5 ORDER BY n",
    "SELECT 1 AS \"One\", 'x' AS two", "SELECT 1 UNION SELECT 2 ORDER BY 1", "SELECT 1 UNION SELECT 2.5 ORDER BY 1",
    "SELECT ARRAY[1, 2], ARRAY['a'], '{1,2}'::int[]", "SELECT row(1, 'x')", "VALUES (1, 'a'), (2, NULL)",
    "SELECT substring('abcdef' from 2 for 3), position('c' in 'abc'), trim(both 'x' from 'xax')",
    "SELECT extract(year from timestamp '2020-05-06')", "SELECT '{\"a\": [1]}'::jsonb -> 'a' -> 0",
    "SELECT generate_series(1, 3)", "SELECT round(2.5), round(2.567, 2), length('abc'), upper('x')",
    "SELECT pg_typeof(1), pg_typeof('x'), pg_typeof(1.0), pg_typeof(NULL)", "SELECT 1 WHERE 1 = 2",
    "SELECT DISTINCT ON (n % 2) n FROM mx_rows ORDER BY n % 2, n", "SELECT v FROM mx_rows WHERE n = 5 AND v > ''",
    "SELECT 1/0", "SELECT 'x'::int", "SELECT nothing FROM mx_rows", "SELECT 1 FROM", "SELECT v + 1 FROM mx_rows",
    "SELECT 1 /* a comment */ -- and another", "select  1;", "TABLE mx_rows LIMIT 1",
]


def plain(replies):
    """What is compared: all messages but those that come on their own; an error without its place in the source."""
    return [(m.kind, {k: v for k, v in m.fields().items() if k not in "FLR"} if m.kind == "E" else m.body)
            for m in replies if m.kind not in "SNA"]


@pytest.mark.parametrize("way", ["simple", "unnamed"])
@pytest.mark.parametrize("pool", [{"auto_prepare": "auto"}, {"auto_prepare": "auto", "multiplex": "off"},
                                  {"auto_prepare": "off"}], ids=["both", "alone", "off"])
def test_what_is_prepared_by_itself_answers_as_ever(start, server, crowd_of, wire, way, pool):
    if not mx.accepts("auto_prepare"):
        pytest.skip("the gateway doesn't prepare by itself")
    clients = crowd_of(start(max=1, **pool), 4)
    direct = w.Wire.connect("127.0.0.1", server.port)
    direct.login("app", "secret", "app")

    def frames(text):
        if way == "simple":
            return w.query(text)
        return w.parse("", text) + w.bind("", "") + w.describe("P", "") + w.execute() + w.SYNC

    try:
        expected = {text: plain(direct.ask(frames(text))) for text in ALIKE}
    finally:
        direct.close()
    for turn in range(40):
        for text in ALIKE:
            for client in clients:
                client.send(frames(text))
            for client in clients:
                assert plain(client.ready()) == expected[text], (text, turn)


@pytest.mark.parametrize("texts", [
    ("SELECT 1", "SELECT 1.5", "SELECT 'x'", "SELECT 2147483648", "SELECT NULL"),
    ("SELECT n FROM mx_rows ORDER BY 1 LIMIT 1", "SELECT n FROM mx_rows ORDER BY 1 LIMIT 2"),
    ("SELECT v FROM mx_rows WHERE n = 5", "SELECT v FROM mx_rows WHERE n = '5'", "SELECT v FROM mx_rows WHERE n = 5.0"),
    ("SELECT n, v FROM mx_rows WHERE n < 3 ORDER BY 1", "SELECT n, v FROM mx_rows WHERE n < 3 ORDER BY 2"),
    ("SELECT '2020-01-01' < '3'", "SELECT 2020 < 3", "SELECT '1' < 3"),
], ids=["types", "limits", "comparisons", "positions", "unknowns"])
def test_literals_that_look_alike_stay_what_they_are(start, server, crowd_of, texts):
    """Statements that only differ in their literals count as one; what the literals mean may not."""
    clients = crowd_of(start(max=1, auto_prepare="auto") if mx.accepts("auto_prepare") else start(max=1), 4)
    direct = w.Wire.connect("127.0.0.1", server.port)
    direct.login("app", "secret", "app")
    try:
        expected = {text: plain(direct.ask(text)) for text in texts}
    finally:
        direct.close()
    for turn in range(150):
        chosen = [texts[(turn + number) % len(texts)] for number in range(len(clients))]
        for client, text in zip(clients, chosen):
            client.send(w.query(text))
        for client, text in zip(clients, chosen):
            assert plain(client.ready()) == expected[text], text


def test_preparing_by_itself_is_not_seen(start, crowd_of):
    """No statement of ours hides a client's own name, and DISCARD and DEALLOCATE break nothing."""
    clients = crowd_of(start(max=1, auto_prepare="auto") if mx.accepts("auto_prepare") else start(max=1))
    mx.warm(clients, "simple")
    for turn in range(10):
        for text in ("DEALLOCATE ALL", "DISCARD ALL", "DISCARD PLANS"):
            assert clients[turn % len(clients)].ask(text).errors == []
            replies = mx.ask_all(clients, "simple", mx.POINT)
            assert [reply.rows for reply in replies] == [[[str(n), mx.value_of(n)]] for n in range(len(clients))]
    assert clients[0].ask("PREPARE mine AS SELECT 'mine'").errors == []
    assert clients[0].ask("EXECUTE mine").value == "mine"


def test_a_plan_for_all_values_is_not_worse_for_some(start, crowd_of, server):
    """What was prepared for many values finds a rare value as fast as a statement with its literal would."""
    server.sql("DROP TABLE IF EXISTS mx_skewed; CREATE TABLE mx_skewed AS SELECT g AS id, CASE WHEN g % 1000 = 0 "
               "THEN g ELSE -1 END AS kind FROM generate_series(1, 200000) AS g; CREATE INDEX ON mx_skewed (kind); "
               "ANALYZE mx_skewed; GRANT ALL ON mx_skewed TO app")
    clients = crowd_of(start(max=2), 4)
    text = "SELECT id FROM mx_skewed WHERE kind = {0}"
    mx.warm(clients, "simple", text, lambda n: (1000 * (n + 1),), rounds=100)
    begin = time.monotonic()
    for _ in range(20):
        replies = mx.ask_all(clients, "simple", text, lambda n: (1000 * (n + 1),))
        assert [reply.value for reply in replies] == [str(1000 * (n + 1)) for n in range(len(clients))]
    assert time.monotonic() - begin < 1.0 * PATIENCE
    server.sql("DROP TABLE mx_skewed")
