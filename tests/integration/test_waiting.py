"""A client that waits for a connection: it is told, it may give up, and it costs nobody anything."""
import time

import pytest

import wire as w
from wire import Wire

pytestmark = pytest.mark.sluice_only


@pytest.fixture
def busy(gateways, server):
    """A gateway with one server connection, which a client holds in a transaction."""
    gateway = gateways.start(server, mode="transaction", max=1, wait="20s")
    holder = login(gateway)
    assert holder.ask("BEGIN").status == "T"
    yield gateway, holder
    holder.close()


def login(gateway):
    endpoint = gateway.endpoint
    client = Wire.connect(endpoint.host, endpoint.port)
    client.login(endpoint.user, endpoint.password, endpoint.database)
    return client


def test_p06_cancel_ends_the_wait_at_once(busy):
    gateway, holder = busy
    waiter = login(gateway)
    waiter.send(w.query("SELECT 1"))
    time.sleep(0.2)
    start = time.monotonic()
    cancel = Wire.connect(gateway.endpoint.host, gateway.endpoint.port)
    cancel.send(w.cancel_request(waiter.process, waiter.secret))
    replies = waiter.ready()
    assert replies.sqlstates == ["57014"] and replies.status == "I"
    assert time.monotonic() - start < 5
    assert holder.ask("COMMIT").status == "I"
    assert waiter.ask("SELECT 2").value == "2"


def test_p34_long_wait_is_told_in_a_notice(busy):
    gateway, holder = busy
    waiter = login(gateway)
    waiter.send(w.query("SELECT 1"))
    notice = waiter.read()
    assert notice.kind == "N" and "waiting for a server connection" in notice.fields()["M"]
    holder.ask("COMMIT")
    assert waiter.ready().value == "1"


def test_what_is_answered_already_does_not_wait_with_the_next_request(busy):
    gateway, holder = busy
    waiter = login(gateway)
    waiter.send(w.SYNC, w.query("SELECT 1"))
    assert waiter.read().kind == "Z" and not waiter.buffer  # the notice about the long wait comes later
    holder.ask("COMMIT")
    assert waiter.ready().value == "1"


def test_p34_client_that_hangs_up_leaves_the_queue(busy):
    gateway, holder = busy
    first, second = login(gateway), login(gateway)
    first.send(w.query("CREATE TABLE nobody_waits_for_this (n int)"))
    time.sleep(0.2)
    second.send(w.query("SELECT to_regclass('nobody_waits_for_this') IS NULL"))
    time.sleep(0.2)
    first.close()
    time.sleep(0.2)
    holder.ask("COMMIT")
    assert second.ready().value == "t"
