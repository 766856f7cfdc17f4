"""Points 1-8 of the protocol: the first packet, TLS, versions, cancel keys, startup settings."""
import ssl
import struct
import threading
import time

import pytest

import wire as w
from servers import wait_until


def works(endpoint, wire):
    """Whatever the test did to its own connection, the next client finds everything in order."""
    assert wire(endpoint).ask("SELECT 41 + 1").value == "42"


def test_p01_startup_in_pieces(endpoint, raw):
    client = raw(endpoint)
    for byte in w.startup(user=endpoint.user, database=endpoint.database):
        client.send(bytes([byte]))
        time.sleep(0.001)
    client.finish_login(endpoint.user, endpoint.password)
    assert client.ask("SELECT 1").value == "1"


def test_p01_startup_beyond_10000_bytes_is_dropped(endpoint, raw, wire):
    client = raw(endpoint)
    client.send(w.startup(user=endpoint.user, application_name="x" * 10001))
    assert "R" not in client.rest().kinds
    works(endpoint, wire)


@pytest.mark.parametrize("length", [0, 3, 4, 7, 0x7FFFFFFF, 0xFFFFFFFF])
def test_p01_impossible_length_is_dropped(endpoint, raw, wire, length):
    client = raw(endpoint)
    client.send(struct.pack("!I", length) + b"\0" * 8)
    assert "R" not in client.rest().kinds
    works(endpoint, wire)


def test_p02_gss_then_tls_then_startup_on_one_socket(encrypted, raw, direct):
    client = raw(encrypted)
    client.send(w.packet(struct.pack("!I", w.GSS_REQUEST)))
    assert client.read_bytes(1) == b"N" or direct
    client = raw(encrypted) if direct else client  # Debian's PostgreSQL would go on in GSS
    client.start_tls()
    client.login(encrypted.user, encrypted.password, encrypted.database)
    assert client.ask("SELECT 1").value == "1"


@pytest.mark.sluice_only
def test_p02_without_certificate_tls_is_declined(endpoint, raw):
    client = raw(endpoint)
    client.send(w.packet(struct.pack("!I", w.SSL_REQUEST)))
    assert client.read_bytes(1) == b"N"
    client.login(endpoint.user, endpoint.password, endpoint.database)
    assert client.ask("SELECT 1").value == "1"


@pytest.mark.sluice_only
def test_p02_protocol_3_2_is_accepted(endpoint, wire):
    client = wire(endpoint, version=w.PROTOCOL_3_2)
    assert client.ask("SELECT 1").value == "1"


def test_p03_plain_text_behind_a_tls_request_is_dropped(encrypted, raw, wire):
    client = raw(encrypted)
    client.send(w.packet(struct.pack("!I", w.SSL_REQUEST)) + w.startup(user="app", database="app"))
    client.socket.shutdown(1)
    seen = b""
    while more := receive(client):
        seen += more
    assert b"R\0\0\0" not in seen
    works(encrypted, wire)


def receive(client):
    try:
        return client.socket.recv(65536)
    except ConnectionError:
        return b""


def test_p03_tls_request_inside_tls_is_a_protocol_violation(encrypted, raw, wire):
    client = raw(encrypted)
    client.start_tls()
    client.send(w.packet(struct.pack("!I", w.SSL_REQUEST)))
    assert "R" not in client.rest().kinds
    works(encrypted, wire)


def test_p03_second_startup_is_a_protocol_violation(endpoint, wire):
    client = wire(endpoint)
    client.send(w.startup(user=endpoint.user, database=endpoint.database))
    seen = client.rest()
    assert seen.sqlstates == ["08P01"] and "R" not in seen.kinds
    works(endpoint, wire)


@pytest.mark.sluice_only
def test_p04_direct_tls(encrypted, raw):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["postgresql"])
    client = raw(encrypted)
    client.wrap_tls(context)
    assert client.socket.selected_alpn_protocol() == "postgresql"
    client.login(encrypted.user, encrypted.password, encrypted.database)
    assert client.ask("SELECT 1").value == "1"


@pytest.mark.parametrize("version, options, unknown", [
    (0x0003270F, {}, 0), (w.PROTOCOL_3_0, {"_pq_.colour": "red"}, 1),
    (0x0003270F, {"_pq_.colour": "red", "_pq_.size": "1"}, 2)])
def test_p05_unknown_minor_or_option_is_negotiated_once(endpoint, raw, version, options, unknown):
    client = raw(endpoint)
    client.send(w.startup(version, user=endpoint.user, database=endpoint.database, **options))
    offer = client.read()
    assert offer.kind == "v"
    assert struct.unpack_from("!I", offer.body, 4)[0] == unknown
    assert set(offer.body[8:].decode().split("\0")) - {""} == set(options)
    greeting = client.finish_login(endpoint.user, endpoint.password)
    assert "v" not in greeting.kinds
    assert client.ask("SELECT 1").value == "1"


@pytest.mark.parametrize("version", [0x00020000, 0x00040000])
def test_p05_other_major_version_is_refused(endpoint, raw, version):
    client = raw(endpoint)
    client.send(w.startup(version, user=endpoint.user, database=endpoint.database))
    assert "R" not in client.rest().kinds


def cancel(endpoint, raw, process, secret):
    """Sends a cancel on a connection of its own, which gets no reply but its end."""
    other = raw(endpoint)
    other.send(w.cancel_request(process, secret))
    assert other.rest() == []


def test_p06_keys_are_four_bytes_and_differ(endpoint, wire):
    keys = [(c.process, c.secret) for c in (wire(endpoint) for _ in range(5))]
    assert all(len(secret) == 4 for _, secret in keys)
    assert len(set(keys)) == 5


def test_p06_cancel_stops_the_query_and_nothing_else(endpoint, wire, raw):
    client, bystander = wire(endpoint), wire(endpoint)
    client.send(w.query("SELECT pg_sleep(20)"))
    bystander.send(w.query("SELECT pg_sleep(1)"))
    time.sleep(0.3)
    start = time.monotonic()
    cancel(endpoint, raw, client.process, client.secret)
    replies = client.ready()
    assert replies.sqlstates == ["57014"] and replies.errors[0]["S"] == "ERROR"
    assert time.monotonic() - start < 5
    assert bystander.ready().errors == []
    assert client.ask("SELECT 1").value == "1"


def test_p06_wrong_key_is_closed_silently(endpoint, wire, raw):
    client = wire(endpoint)
    client.send(w.query("SELECT pg_sleep(0.7)"))
    time.sleep(0.1)
    cancel(endpoint, raw, client.process, bytes(b ^ 0x55 for b in client.secret))
    assert client.ready().errors == []


def test_p06_cancel_of_an_idle_client_is_dropped(endpoint, wire, raw):
    client = wire(endpoint)
    client.ask("SELECT 1")
    cancel(endpoint, raw, client.process, client.secret)
    time.sleep(0.2)
    assert client.ask("SELECT pg_sleep(0.1)").errors == []


def test_p06_cancel_never_hits_the_next_owner(single, wire, raw):
    """One server connection; cancels for A fly while B uses it: B never loses a query."""
    a, b = wire(single), wire(single)
    stop = threading.Event()
    lost = []

    def others():
        while not stop.is_set():
            lost.extend(b.ask("SELECT pg_sleep(0.002)").errors)

    thread = threading.Thread(target=others)
    thread.start()
    try:
        for _ in range(60):
            a.send(w.query("SELECT pg_sleep(0.001)"))
            cancel(single, raw, a.process, a.secret)
            assert set(a.ready().sqlstates) <= {"57014"}
    finally:
        stop.set()
        thread.join()
    assert lost == []


def test_p07_options_with_escapes(endpoint, wire):
    client = wire(endpoint, options=r'-c lock_timeout=4321 --statement-timeout=54321 '
                  r'-csearch_path="a\ b",public')
    assert client.ask("SHOW lock_timeout").value == "4321ms"
    assert client.ask("SHOW statement_timeout").value == "54321ms"
    assert client.ask("SHOW search_path").value == '"a b",public'


def test_p07_startup_settings_follow_the_client(single, wire):
    a = wire(single, lock_timeout="1001", application_name="first", TimeZone="Asia/Tokyo")
    b = wire(single, application_name="second")
    for _ in range(3):
        assert a.ask("SHOW lock_timeout").value == "1001ms"
        assert b.ask("SHOW lock_timeout").value == "0"
        assert a.ask("SHOW application_name").value == "first"
        assert b.ask("SHOW application_name").value == "second"
        assert a.ask("SHOW TimeZone").value == "Asia/Tokyo"


@pytest.mark.sluice_only
def test_p08_replication_is_refused_clearly(endpoint, wire):
    with pytest.raises(w.LoginRefused) as refused:
        wire(endpoint, replication="database")
    assert refused.value.fields["S"] == "FATAL" and "replication" in refused.value.fields["M"]


def test_p08_missing_user_is_28000(endpoint, raw):
    client = raw(endpoint)
    client.send(w.startup(database=endpoint.database))
    assert client.rest().sqlstates == ["28000"]


def test_p08_missing_database_is_the_user(endpoint, raw):
    client = raw(endpoint)
    client.send(w.startup(user=endpoint.user))
    client.finish_login(endpoint.user, endpoint.password)
    assert client.ask("SELECT current_database()").value == "app"


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\nHost: db\r\n\r\n", b"\xff" * 64, b"\0" * 64])
def test_p01_other_protocols_are_dropped(endpoint, raw, wire, garbage):
    client = raw(endpoint)
    client.send(garbage)
    client.socket.shutdown(1)
    client.rest()
    works(endpoint, wire)


def test_p01_client_that_leaves_before_login_costs_nothing(sluice, endpoint, raw, wire):
    works(endpoint, wire)
    if sluice.mode == "direct":
        return
    before = sluice.descriptors()
    for size in range(0, 40):
        raw(endpoint).socket.sendall(w.startup(user="app", database="app")[:size])
    for _ in range(20):
        raw(endpoint).close()
    abandoned = [raw(endpoint) for _ in range(5)]
    for client in abandoned:
        client.close()
    assert wait_until(lambda: sluice.descriptors() <= before + 45, 5, "closed descriptors")
