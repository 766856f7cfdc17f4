"""Points 32-36: what happens when something breaks, and that it costs nobody else anything."""
import os
import signal
import socket
import threading
import time

import pytest

import wire as w
from gateway import PATIENCE
from servers import wait_until

pytestmark = pytest.mark.sluice_only
RECOVERY = 1.0 * PATIENCE  # seconds after the server's return


def backend_of(client):
    return int(client.ask("SELECT pg_backend_pid()").value)


def answers(endpoint):
    """True if a new client gets an answer."""
    try:
        client = w.Wire.connect(endpoint.host, endpoint.port)
        try:
            client.login(endpoint.user, endpoint.password, endpoint.database)
            return client.ask("SELECT 1").rows == [["1"]]
        finally:
            client.close()
    except (OSError, w.Closed, w.LoginRefused):
        return False


def test_p32_idle_connection_that_died_is_replaced_silently(gateways, own_server, wire):
    gateway = gateways.start(own_server, max=1)
    client = wire(gateway.endpoint)
    for _ in range(3):
        backend = backend_of(client)
        own_server.sql(f"SELECT pg_terminate_backend({backend})")
        wait_until(lambda b=backend: not os.path.exists(f"/proc/{b}"), 5, "its end")
        replies = client.ask("SELECT 1")
        assert replies.rows == [["1"]] and replies.errors == []


def test_p32_server_dies_mid_query(gateways, own_server, wire):
    gateway = gateways.start(own_server, max=2)
    a, b = wire(gateway.endpoint), wire(gateway.endpoint)
    a.ask("BEGIN")
    backend = backend_of(a)
    a.send(w.query("SELECT pg_sleep(30)"))
    time.sleep(0.2)
    own_server.sql(f"SELECT pg_terminate_backend({backend})")
    assert a.rest_or_ready().sqlstates == ["57P01"]
    assert b.ask("SELECT 1").value == "1"


def test_p32_a_write_is_never_sent_twice(gateways, own_server, wire):
    gateway = gateways.start(own_server, max=1)
    own_server.sql("CREATE TABLE once (n int); GRANT ALL ON once TO app")
    for _ in range(10):
        client = wire(gateway.endpoint)
        client.send(w.query("INSERT INTO once VALUES (1); SELECT pg_terminate_backend(pg_backend_pid())"))
        assert client.rest_or_ready().sqlstates == ["57P01"]
        client.close()
    assert own_server.sql("SELECT count(*) FROM once") == [("0",)]


def test_kill_9_of_the_server_and_its_return(gateways, own_server, wire):
    gateway = gateways.start(own_server, max=4, wait="2s")
    clients = [wire(gateway.endpoint) for _ in range(8)]
    for client in clients:
        assert client.ask("SELECT 1").value == "1"
    clients[0].ask("BEGIN")
    own_server.kill()
    states = set()
    for client in clients[1:4]:
        client.send(w.query("SELECT 1"))
        states.update(client.rest_or_ready().sqlstates)
    assert states and all(state[:2] in ("08", "57", "53") for state in states), states
    own_server.start()
    start = time.monotonic()
    wait_until(lambda: answers(gateway.endpoint), 5, "recovery")
    assert time.monotonic() - start < RECOVERY
    assert clients[7].ask("SELECT 1").value == "1"


def test_restart_between_two_queries_goes_unnoticed(gateways, own_server, wire):
    gateway = gateways.start(own_server, max=4)
    client = wire(gateway.endpoint)
    assert client.ask("SELECT 1").value == "1"
    own_server.stop()
    own_server.start()
    assert client.ask("SELECT 1").value == "1"


def test_backend_crash_takes_nobodys_client(gateways, own_server, wire):
    """kill -9 of one backend makes PostgreSQL restart all of them."""
    gateway = gateways.start(own_server, max=4, wait="10s")
    clients = [wire(gateway.endpoint) for _ in range(4)]
    os.kill(backend_of(clients[0]), signal.SIGKILL)
    wait_until(lambda: answers(gateway.endpoint), 10, "recovery")
    assert all(client.ask("SELECT 1").value == "1" for client in clients)


def test_three_seconds_of_silence(gateways, own_server, wire):
    gateway = gateways.start(own_server, max=2, wait="10s")
    clients = [wire(gateway.endpoint) for _ in range(6)]
    for client in clients:
        client.ask("SELECT 1")
    own_server.pause()
    for number, client in enumerate(clients):
        client.send(w.query(f"SELECT {number}"))
    time.sleep(3)
    own_server.resume()
    start = time.monotonic()
    assert [client.ready().value for client in clients] == [str(n) for n in range(6)]
    assert time.monotonic() - start < RECOVERY


def test_p34_exhaustion_is_an_error_with_a_hint_and_the_client_stays(gateways, server, wire):
    gateway = gateways.start(server, max=1, wait="500ms")
    holder, waiter = wire(gateway.endpoint), wire(gateway.endpoint)
    holder.ask("BEGIN")
    holder.ask("SELECT 1")
    start = time.monotonic()
    replies = waiter.ask("SELECT 1")
    assert 0.4 < time.monotonic() - start < 3
    assert replies.sqlstates == ["53300"] and replies.status == "I"
    assert replies.errors[0]["S"] == "ERROR" and replies.errors[0]["H"]
    replies = waiter.extended("SELECT 1")
    assert replies.sqlstates == ["53300"]
    holder.ask("COMMIT")
    assert waiter.ask("SELECT 1").value == "1"


def test_p34_waiters_are_served_in_order(gateways, server, wire):
    gateway = gateways.start(server, max=1, wait="20s")
    holder = wire(gateway.endpoint)
    waiters = [wire(gateway.endpoint) for _ in range(6)]
    server.sql("DROP SEQUENCE IF EXISTS turns; CREATE SEQUENCE turns; GRANT ALL ON turns TO app")
    holder.ask("BEGIN")
    for waiter in waiters:
        waiter.send(w.query("SELECT nextval('turns'); DISCARD SEQUENCES"))
        time.sleep(0.05)
    holder.ask("COMMIT")
    assert [waiter.ready().value for waiter in waiters] == ["1", "2", "3", "4", "5", "6"]


def test_p34_too_many_clients(gateways, server, wire, raw):
    gateway = gateways.start(server, listener={"max_clients": 3})
    clients = [wire(gateway.endpoint) for _ in range(3)]
    with pytest.raises(w.LoginRefused) as refused:
        wire(gateway.endpoint)
    assert refused.value.sqlstate == "53300" and refused.value.fields["S"] == "FATAL"
    clients.pop().close()
    wait_until(lambda: answers(gateway.endpoint), 3, "room for one")


def test_p34_a_server_that_is_full(gateways, park, wire):
    full = park.server(max_connections=6, superuser_reserved_connections=1)
    gateway = gateways.start(full, max=20, wait="5s")
    clients = [wire(gateway.endpoint) for _ in range(15)]
    for client in clients:
        client.send(w.query("SELECT pg_sleep(0.05), 'x'"))
    assert [client.ready().rows[0][1] for client in clients] == ["x"] * 15


def test_p35_query_timeout(gateways, server, wire):
    gateway = gateways.start(server, max=1, listener={"timeouts": {"query": "300ms"}})
    a, b = wire(gateway.endpoint), wire(gateway.endpoint)
    start = time.monotonic()
    replies = a.ask("SELECT pg_sleep(20)")
    assert replies.sqlstates == ["57014"] and time.monotonic() - start < 3
    assert b.ask("SELECT 1").value == "1"
    assert a.ask("SELECT 1").value == "1"


def test_p35_idle_in_transaction(gateways, server, wire):
    gateway = gateways.start(server, max=1, listener={"timeouts": {"idle_in_transaction": "300ms"}})
    a, b = wire(gateway.endpoint), wire(gateway.endpoint)
    a.ask("BEGIN")
    assert b.ask("SELECT 1").value == "1"
    assert a.rest().sqlstates == ["25P03"]


def test_p35_idle_session(gateways, server, wire):
    gateway = gateways.start(server, listener={"timeouts": {"client_idle": "300ms"}})
    assert wire(gateway.endpoint).rest().sqlstates == ["57P05"]


def test_p35_login_timeout(gateways, server, raw):
    gateway = gateways.start(server, listener={"timeouts": {"login": "300ms"}})
    client = raw(gateway.endpoint)
    client.send(w.startup(user="app", database="app"))
    start = time.monotonic()
    client.rest()
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_p36_drain_ends_clients_at_their_transaction_boundary(gateways, server, wire, mode):
    gateway = gateways.start(server, mode=mode)
    idle, busy = wire(gateway.endpoint), wire(gateway.endpoint)
    idle.ask("SELECT 1")
    busy.ask("BEGIN")
    gateway.signal(signal.SIGTERM)
    assert idle.rest().sqlstates == ["57P01"]
    with pytest.raises((OSError, w.Closed, w.LoginRefused)):
        wire(gateway.endpoint)
    assert busy.ask("SELECT 2").value == "2"
    busy.send(w.query("COMMIT"))
    seen = busy.rest()
    assert seen.tags == ["COMMIT"] and seen.sqlstates == ["57P01"]
    assert gateway.process.wait(5) == 0


def test_p36_drain_has_a_deadline(gateways, server, wire):
    gateway = gateways.start(server, top={"drain_timeout": "500ms"})
    busy = wire(gateway.endpoint)
    busy.ask("BEGIN")
    start = time.monotonic()
    gateway.signal(signal.SIGTERM)
    assert busy.rest().sqlstates == ["57P01"]
    assert gateway.process.wait(5) == 0 and time.monotonic() - start > 0.3


def test_an_unreachable_server_is_a_clear_error(gateways, own_server, wire):
    gateway = gateways.start(own_server, wait="1s")
    own_server.stop()
    start = time.monotonic()
    try:
        states = wire(gateway.endpoint).ask("SELECT 1").sqlstates
    except w.LoginRefused as refused:
        states = [refused.sqlstate]
    assert states and states[0][:2] in ("08", "57", "53") and time.monotonic() - start < 5
    own_server.start()
    wait_until(lambda: answers(gateway.endpoint), 5, "recovery")


def test_a_busy_port_is_named(gateways, server):
    from gateway import Sluice
    first = gateways.start(server)
    second = Sluice(first.folder / "second", server)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        second.port = taken.getsockname()[1]
        second.listener["listen"] = f"127.0.0.1:{second.port}"
        second.write_config()
        with pytest.raises(AssertionError, match=str(second.port)):
            second.start(10)
        assert second.process.wait(10) != 0
        second.process.stdout.close()


def test_reset_mid_row_costs_one_client(gateways, server, wire):
    gateway = gateways.start(server, max=2)
    other = wire(gateway.endpoint)
    for _ in range(10):
        victim = wire(gateway.endpoint)
        victim.send(w.query("SELECT repeat('x', 100000000)"))
        victim.read()
        victim.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        victim.close()
        assert other.ask("SELECT 1").value == "1"


def test_nothing_leaks_over_many_faults(gateways, own_server, wire):
    gateway = gateways.start(own_server, max=4)
    assert answers(gateway.endpoint)
    stop = threading.Event()

    def kill_backends():
        while not stop.wait(0.1):
            own_server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'")

    thread = threading.Thread(target=kill_backends)
    descriptors, memory = None, None
    thread.start()
    try:
        for turn in range(int(os.environ.get("FAULT_TURNS", "300"))):
            client = w.Wire.connect("127.0.0.1", gateway.port)
            try:
                client.login("app", "secret", "app")
                client.send(w.query("BEGIN; SELECT generate_series(1, 1000)"))
                if turn % 3:
                    client.ready()
            except (OSError, w.Closed, w.LoginRefused):
                pass
            finally:
                client.close()
            if turn == 100:
                descriptors, memory = gateway.descriptors(), gateway.resident_bytes()
    finally:
        stop.set()
        thread.join()
    wait_until(lambda: gateway.descriptors() <= descriptors + 6, 5, "closed descriptors")
    assert gateway.resident_bytes() < memory + (8 << 20)
    wait_until(lambda: answers(gateway.endpoint), 5, "recovery")
