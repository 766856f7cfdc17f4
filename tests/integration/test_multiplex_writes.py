"""Writes that share connections, which only `multiplex = "all"` lets them do."""
import time

import pytest

import multiplexing as mx
import wire as w

pytestmark = [pytest.mark.sluice_only,
              pytest.mark.skipif(not mx.accepts("multiplex"), reason="the gateway knows no multiplexing")]

TOUCH = "UPDATE mx_touched SET by = {0} WHERE n = {1}"


@pytest.fixture
def crowd(gateways, server, wire):
    server.sql("DROP TABLE IF EXISTS mx_touched; CREATE TABLE mx_touched AS SELECT g AS n, 0 AS by "
               "FROM generate_series(0, 9) AS g; GRANT ALL ON mx_touched TO app")
    gateway = gateways.start(server, max=1, multiplex="all")
    clients = [wire(gateway.endpoint) for _ in range(6)]
    mx.warm(clients, "simple", TOUCH, lambda n: (0, n))
    return gateway, clients


def test_a_write_that_waits_for_a_lock_can_be_cancelled_with_others_behind_it(crowd, server, wire):
    gateway, clients = crowd
    blocked, behind = clients[0], clients[1:]
    holder = w.Wire.connect("127.0.0.1", server.port)
    holder.login("app", "secret", "app")
    holder.ask("BEGIN")
    assert holder.ask("UPDATE mx_touched SET by = -1 WHERE n = 0").tags == ["UPDATE 1"]
    for turn in range(5):
        blocked.send(w.query(TOUCH.format(1000, 0)))
        time.sleep(0.05)
        for number, client in enumerate(behind, 1):
            client.send(w.query(TOUCH.format(turn * 10 + number, number)))
        time.sleep(0.05)
        cancel = w.Wire.connect("127.0.0.1", gateway.port)
        cancel.send(w.cancel_request(blocked.process, blocked.secret))
        told = blocked.ready()
        assert told.sqlstates == ["57014"], (told.kinds, told.tags, turn)
        assert [client.ready().tags for client in behind] == [["UPDATE 1"]] * len(behind)
        cancel.close()
    holder.ask("ROLLBACK")
    holder.close()
    assert server.sql("SELECT by FROM mx_touched WHERE n BETWEEN 0 AND 5 ORDER BY n") == [
        (str(by),) for by in (0, 41, 42, 43, 44, 45)]
