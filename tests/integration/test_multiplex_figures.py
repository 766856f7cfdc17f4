"""What the gateway tells of shared connections: which statements share and why others don't, and what became of
those that were sent again, left behind or cancelled.
"""
import json
import time
import urllib.parse
import urllib.request

import pytest

import multiplexing as mx
import wire as w
from servers import wait_until
from test_admin import samples
from test_multiplex import HEAVY, QUICK, kill_while

pytestmark = [pytest.mark.sluice_only,
              pytest.mark.skipif(not mx.accepts("multiplex"), reason="the gateway knows no multiplexing")]


@pytest.fixture(scope="module", autouse=True)
def schema(server):
    server.sql(mx.SCHEMA)


@pytest.fixture
def start(gateways, server):
    return lambda **pool: gateways.start(server, **{"max": 1, "multiplex": "reads", **pool})


@pytest.fixture
def crowd_of(wire):
    return lambda gateway, count=mx.CLIENTS: [wire(gateway.endpoint) for _ in range(count)]


def ask(gateway, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{gateway.admin_port}{path}", timeout=5) as answer:
        return json.load(answer)


def sharing(gateway, part):
    """What is told of the statement whose text has this part."""
    found = ask(gateway, "/performance/queries?" + urllib.parse.urlencode({"search": part}))["items"]
    assert len(found) == 1, [item["query"] for item in found]
    told = ask(gateway, "/performance/queries/" + found[0]["fingerprint"])["sharing"]
    assert [(pool["database"], pool["user"]) for pool in told] == [("app", "app")]
    return told[0]


def test_a_statement_tells_whether_it_shares(start, crowd_of):
    gateway = start()
    clients = crowd_of(gateway)
    mx.warm(clients, "simple")
    assert sharing(gateway, "where n =")["shares"] is True
    assert sharing(gateway, "where n =")["reason"] is None


@pytest.mark.parametrize("statement, part, reason", [
    ("SELECT n FROM mx_rows WHERE n = {0} FOR UPDATE", "for update", "locks rows"),
    ("INSERT INTO mx_log VALUES ({0})", "insert", "writes"),
    ("SELECT mx_anything({0})", "mx_anything", "calls unknown or volatile functions"),
    ("SELECT count(*), {0} FROM mx_rows a, mx_rows b, mx_rows c WHERE c.n < 50", "count", "slow"),
    ("SELECT repeat('x', 50000), {0}", "repeat", "large results"),
])
def test_a_statement_tells_why_it_does_not_share(start, crowd_of, statement, part, reason):
    gateway = start(max=4)
    clients = crowd_of(gateway, 2)
    mx.warm(clients, "simple", statement, rounds=25)  # that each worker has seen enough of it
    told = sharing(gateway, part)
    assert (told["shares"], told["reason"]) == (False, reason)
    assert reason in {r["reason"] for figures in mx.pools(gateway) for r in figures["reasons"]}


def test_metrics_say_what_the_pools_say(start, crowd_of):
    gateway = start()
    mx.warm(crowd_of(gateway), "simple")
    pool = mx.pools(gateway)[0]
    told = samples(gateway)

    def one(name, **labels):
        found = [value for series, value in told.items() if series.startswith(name + "{") and
                 all(f'{key}="{label}"' in series for key, label in labels.items())]
        assert len(found) == 1, name
        return found[0]

    assert one("sluice_pool_shared_statements_total") == pool["statements"] > 0
    for reason in pool["reasons"]:
        assert one("sluice_pool_alone_statements_total", reason=reason["reason"]) == reason["statements"]
    assert one("sluice_pool_lane_depth") == pool["depth"] > 0
    assert one("sluice_pool_auto_prepared_total") == pool["prepared"]
    for name in ("lanes", "in_flight", "lane_stalls_total", "lane_rescues_total", "lane_reruns_total",
                 "lane_orphans_total", "lane_cancelled_total", "auto_prepare_reverted_total"):
        assert one("sluice_pool_" + name) >= 0


def test_rescued_statements_and_what_they_left_behind_are_counted(start, crowd_of):
    gateway = start(max=4)
    clients = crowd_of(gateway)
    for _ in range(4):
        mx.warm(clients, "named", HEAVY, lambda n: (QUICK, n))
        for number, client in enumerate(clients):
            client.send(mx.request(client, "named", HEAVY, QUICK if number else 60, number))
        assert [client.ready().errors for client in clients] == [[]] * len(clients)
        if mx.total(gateway, "rescues"):
            break
    assert mx.total(gateway, "stalls") > 0
    assert 0 < mx.total(gateway, "rescues") <= mx.total(gateway, "orphans")
    assert mx.total(gateway, "cancelled_locally") == 0


def test_what_is_cancelled_without_the_server_is_counted(start, crowd_of):
    gateway = start()
    clients = crowd_of(gateway)
    cancelled = 0
    for _ in range(5):
        mx.warm(clients, "simple", HEAVY, lambda n: (QUICK, n))
        for number, client in enumerate(clients):
            client.send(mx.request(client, "simple", HEAVY, QUICK if number else 55, number))
        time.sleep(0.04)
        mx.cancel(clients[0], gateway.endpoint)
        replies = [client.ready() for client in clients]
        assert replies[0].sqlstates in ([], ["57014"])
        assert [reply.errors for reply in replies[1:]] == [[]] * (len(clients) - 1)
        cancelled += replies[0].sqlstates == ["57014"]
    counted = mx.total(gateway, "cancelled_locally")
    assert 0 < counted <= cancelled
    assert mx.total(gateway, "orphans") >= counted


def test_statements_that_lost_their_connection_are_counted(gateways, own_server, crowd_of):
    own_server.sql(mx.SCHEMA)
    gateway = gateways.start(own_server, max=1, multiplex="reads")
    clients = crowd_of(gateway)
    for _ in range(10):
        mx.warm(clients, "simple", rounds=10)
        kill_while(own_server, lambda: [client.send(mx.request(client, "simple", mx.POINT, number))
                                        for number, client in enumerate(clients)])
        replies = [client.rest_or_ready() for client in clients]
        if mx.total(gateway, "reruns"):
            return
        if any(reply.errors for reply in replies):
            clients = crowd_of(gateway)
    pytest.fail("nothing was sent again")


@pytest.mark.parametrize("way", ("simple", "unnamed"))
def test_what_goes_prepared_by_itself_is_counted(start, crowd_of, way):
    gateway = start()
    mx.warm(crowd_of(gateway), way)
    assert mx.total(gateway, "prepared") > mx.WARM_ROUNDS
    assert mx.total(gateway, "reverted") == 0


def test_nothing_goes_prepared_where_it_is_off(start, crowd_of):
    gateway = start(auto_prepare="off")
    for way in mx.WAYS:
        mx.warm(crowd_of(gateway), way)
    assert mx.total(gateway, "prepared") == 0


def test_nothing_is_under_way_when_all_is_quiet(start, crowd_of):
    gateway = start()
    mx.warm(crowd_of(gateway), "named")
    assert wait_until(lambda: mx.total(gateway, "lanes") + mx.total(gateway, "in_flight") == 0, 3, "no lane")
    client = crowd_of(gateway, 1)[0]
    assert client.ask(w.query("SELECT 1")).errors == []
