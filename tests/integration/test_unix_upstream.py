"""Servers on Unix sockets: named by the configuration, or found beside a loopback port and proved."""
import contextlib
import json
import os
import socket
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

import pytest

import wire as w
from gateway import PATIENCE, binary
from servers import HBA, wait_until

pytestmark = pytest.mark.sluice_only
USED, UNUSED = "server's socket is used", "server's socket is not used"


def sockets_of(gateway):
    """The servers' addresses of its connections, as SHOW SERVERS has them: "unix" or an address."""
    client = w.Wire.connect("127.0.0.1", gateway.port)
    try:
        client.login("app", "secret", "pgbouncer")
        replies = client.ask("SHOW SERVERS")
    finally:
        client.close()
    return [row[4] for row in replies.rows]


def pool_servers(gateway):
    with urllib.request.urlopen(f"http://127.0.0.1:{gateway.admin_port}/performance/pools") as answer:
        return [pool["server"] for pool in json.load(answer)["pools"]]


def health(gateway):
    with urllib.request.urlopen(f"http://127.0.0.1:{gateway.admin_port}/health") as answer:
        return json.load(answer)


def with_socket(park, **settings):
    """A server with a socket in /tmp too, where sockets are looked for."""
    return park.server(**{"max_connections": 50, "unix_socket_directories": f"{park.root},/tmp", **settings})


def write_hba(server, text):
    """Returns once it is in force for who comes next."""
    before = server.sql("SELECT pg_conf_load_time()")
    (server.data / "pg_hba.conf").write_text(text)
    server.sql("SELECT pg_reload_conf()")
    wait_until(lambda: server.sql("SELECT pg_conf_load_time()") != before, 5, "new pg_hba.conf")


@pytest.fixture(scope="module")
def shared(park):
    server = with_socket(park)
    yield server
    server.stop()


@pytest.fixture
def near(shared):
    """near(hba): the server that these tests share, with that pg_hba.conf until the end of the test."""
    changed = []

    def with_hba(hba=None):
        if hba:
            changed.append(hba)
            write_hba(shared, hba)
        return shared

    yield with_hba
    if changed:
        write_hba(shared, HBA)


@pytest.fixture
def another(park):
    """another(...): a server of the test's own."""
    started = []

    def start(**settings):
        started.append(with_socket(park, **settings))
        return started[-1]

    yield start
    for server in started:
        server.stop()


def local(method):
    """HBA with that line for the role of the clients; the superuser's still lets the tests in."""
    return HBA.replace("local   all all                     trust",
                       f"local all postgres trust\nlocal all all {method}")


def path_of(server, folder=None):
    return f"{folder or server.socket_folder}/.s.PGSQL.{server.port}"


# --- a socket that the configuration names ---------------------------------------------------------


@pytest.mark.parametrize("form", ["uri", "encoded", "pairs", "databases", "mixed"])
def test_named_socket_is_used(gateways, server, mode, wire, form):
    folder, port = str(server.socket_folder), server.port
    listener = {
        "uri": {"primary": f"postgres://app:secret@:{port}/app?host={folder}"},
        "encoded": {"primary": f"postgres://app:secret@{folder.replace('/', '%2F')}:{port}/app"},
        "pairs": {"primary": f"host={folder} port={port} user=app password=secret dbname=app"},
        "databases": {"primary": f"postgres://app:secret@127.0.0.1:{port}/app",
                      "databases": {"app": {"host": folder, "port": port}}},
        "mixed": {"primary": f"postgres://app:secret@/app?host=/nonexistent,{folder},127.0.0.1&port={port}"},
    }[form]
    gateway = gateways.start(server, mode=mode, listener={"server_tls": {"mode": "require"}, **listener})
    client = wire(gateway.endpoint)
    assert client.ask("SELECT inet_server_addr() IS NULL, current_user").rows == [["t", "app"]]
    assert sockets_of(gateway) == ["unix"]
    if form != "mixed":
        assert pool_servers(gateway) == [path_of(server)]
        upstreams = [c for c in health(gateway)["components"] if c["name"].startswith("upstream ")]
        assert {"name": "upstream " + path_of(server), "ready": True} in [
            {"name": c["name"], "ready": c["ready"]} for c in upstreams]


@pytest.mark.parametrize("method", ["trust", "password", "md5", "scram-sha-256"])
def test_every_login_method_works_on_a_named_socket(gateways, near, wire, method):
    server = near(local(method))
    user = "old" if method == "md5" else "app"
    gateway = gateways.start(server, listener={
        "primary": f"postgres://{user}:secret@:{server.port}/app?host=/tmp"})
    assert wire(gateway.endpoint).ask("SELECT current_user").value == user


def test_refused_socket_is_an_error_that_names_it(gateways, near, wire):
    server = near(local("reject"))
    gateway = gateways.start(server, wait="2s", listener={
        "primary": f"postgres://app:secret@:{server.port}/app?host=/tmp"})
    with pytest.raises(w.LoginRefused) as refused:
        wire(gateway.endpoint)
    assert "pg_hba.conf rejects" in refused.value.fields["M"]
    assert path_of(server, "/tmp") in gateway.log()


def test_missing_socket_is_an_error_that_names_it(gateways, server, wire):
    gateway = gateways.start(server, wait="1s", listener={
        "primary": f"postgres://app:secret@:{server.port}/app?host=/nonexistent"})
    with pytest.raises(w.LoginRefused) as refused:
        wire(gateway.endpoint)
    assert f"/nonexistent/.s.PGSQL.{server.port}" in refused.value.fields["M"]


def cancel_works(gateway, wire):
    client = wire(gateway.endpoint)
    process, secret = client.process, client.secret
    client.send(w.query("SELECT pg_sleep(30)"))
    time.sleep(0.2)
    other = w.Wire.connect("127.0.0.1", gateway.port)
    other.send(w.cancel_request(process, secret))
    begin = time.monotonic()
    assert client.rest_or_ready().sqlstates == ["57014"]
    other.close()
    assert time.monotonic() - begin < 10
    assert client.ask("SELECT 1").value == "1"


def test_cancel_goes_over_the_socket(gateways, near, mode, wire):
    server = near()
    gateway = gateways.start(server, mode=mode, listener={
        "primary": f"postgres://app:secret@:{server.port}/app?host=/tmp"})
    cancel_works(gateway, wire)


def test_restart_of_a_server_on_a_named_socket(gateways, near, wire):
    server = near()
    gateway = gateways.start(server, listener={
        "primary": f"postgres://app:secret@:{server.port}/app?host=/tmp"})
    client = wire(gateway.endpoint)
    assert client.ask("SELECT 1").value == "1"
    server.stop()
    server.start()
    assert client.ask("SELECT 2").value == "2"


# --- a socket that is found -------------------------------------------------------------------------


def test_socket_beside_a_loopback_port_is_used(gateways, near, mode, wire):
    server = near()
    gateway = gateways.start(server, mode=mode)
    first, second = wire(gateway.endpoint), wire(gateway.endpoint)
    first.ask("BEGIN")
    for client in (first, second):
        assert client.ask("SELECT inet_server_addr() IS NULL").value == "t"
    assert sockets_of(gateway) == ["unix", "unix"]
    assert pool_servers(gateway) == [path_of(server, "/tmp")]
    assert gateway.log().count(USED) == 1
    # nothing of the proof is left: no session over TCP, no lock, no transaction
    wait_until(lambda: server.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'app' AND "
                                  "client_addr IS NOT NULL") == [("0",)], 5, "the end of the proof's session")
    assert server.sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == [("0",)]


def test_cancel_over_a_found_socket(gateways, near, wire):
    gateway = gateways.start(near(), max=1)
    cancel_works(gateway, wire)
    assert sockets_of(gateway) == ["unix"]


@pytest.mark.parametrize("method", ["reject", "peer", "cert-less"])
def test_refused_socket_leaves_tcp_and_no_error(gateways, near, mode, wire, method):
    # the last one: a line for no user at all
    hba = local(method) if method != "cert-less" else local("trust").replace("local all all", "local all nobody")
    server = near(hba)
    gateway = gateways.start(server, mode=mode, min=0)
    clients = [wire(gateway.endpoint) for _ in range(3)]
    for client in clients:
        client.ask("BEGIN")
        assert client.ask("SELECT host(inet_server_addr())").value == "127.0.0.1"
    assert sockets_of(gateway) == ["127.0.0.1"] * 3
    assert pool_servers(gateway) == [f"127.0.0.1:{server.port}"]
    assert gateway.log().count(UNUSED) == 1 and "level=warn" not in gateway.log()


def test_off_means_tcp(gateways, near, wire):
    gateway = gateways.start(near(), listener={"server_socket": "off"})
    assert wire(gateway.endpoint).ask("SELECT host(inet_server_addr())").value == "127.0.0.1"


@pytest.mark.parametrize("tls", ["require", "verify-full", "ca"])
def test_who_asks_for_tls_gets_it(gateways, near, park, wire, tls):
    settings = {"mode": "prefer" if tls == "ca" else tls, "ca": park.certificates / "ca.crt"}
    if tls == "require":
        del settings["ca"]
    gateway = gateways.start(near(), listener={"server_tls": settings})
    sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    assert wire(gateway.endpoint).ask(sql).value == "t"


def test_reload_turns_it_off_and_on(gateways, near, wire):
    gateway = gateways.start(near())
    client = wire(gateway.endpoint)
    sql = "SELECT inet_server_addr() IS NULL"
    assert client.ask(sql).value == "t"
    for value, expected in (("off", "f"), ("auto", "t")):
        gateway.listener["server_socket"] = value
        gateway.write_config()
        gateway.signal(1)
        wait_until(lambda e=expected: client.ask(sql).value == e, 5, f"server_socket = {value}")


def test_socket_of_another_server_is_not_taken(gateways, another, park, wire):
    """Same port, same roles, same password: one server on TCP, the other one on the socket."""
    tcp, other = another(unix_socket_directories=str(park.root)), another()
    other.stop()
    other.port, other.settings["listen_addresses"] = tcp.port, ""
    other.settings["unix_socket_directories"] = "/tmp"
    other.settings["TimeZone"] = "Asia/Tokyo"
    other.socket_folder = Path("/tmp")
    other.start()
    tcp.sql("CREATE TABLE which AS SELECT 'tcp'::text AS server; GRANT ALL ON which TO app")
    other.sql("CREATE TABLE which AS SELECT 'socket'::text AS server; GRANT ALL ON which TO app")
    gateway = gateways.start(tcp)
    clients = [wire(gateway.endpoint) for _ in range(4)]
    for client in clients:
        client.ask("BEGIN")
        assert client.ask("SELECT server FROM which").value == "tcp"
        assert client.settings["TimeZone"] != "Asia/Tokyo"  # which the other one reports
    assert gateway.log().count(UNUSED) == 1
    assert "another server answers" in gateway.log()


def test_another_server_takes_the_socket_later(gateways, another, wire):
    """The socket was proved; then another server with the same port stands behind it."""
    tcp, other = another(), another()
    gateway = gateways.start(tcp, max=4)
    client = wire(gateway.endpoint)
    assert client.ask("SELECT inet_server_addr() IS NULL").value == "t"
    other.stop()
    os.rename(path_of(tcp, "/tmp"), path_of(tcp, "/tmp") + ".away")
    os.rename(path_of(tcp, "/tmp") + ".lock", path_of(tcp, "/tmp") + ".lock.away")
    other.port, other.settings["listen_addresses"] = tcp.port, ""
    other.settings["unix_socket_directories"] = "/tmp"
    other.socket_folder = Path("/tmp")
    other.start()
    other.sql("CREATE TABLE other (n int)")
    try:
        client.ask("BEGIN")
        second = wire(gateway.endpoint)
        assert second.ask("SELECT to_regclass('other') IS NULL, host(inet_server_addr())").rows == [["t", "127.0.0.1"]]
    finally:
        other.stop()
        for end in (".lock", ""):
            Path(path_of(tcp, "/tmp") + end + ".away").rename(path_of(tcp, "/tmp") + end)


def test_restart_is_proved_anew(gateways, near, wire):
    server = near()
    gateway = gateways.start(server)
    client = wire(gateway.endpoint)
    for _ in range(2):
        assert client.ask("SELECT inet_server_addr() IS NULL").value == "t"
        server.stop()
        server.start()
    assert client.ask("SELECT inet_server_addr() IS NULL").value == "t"


def test_kill_of_the_server_and_its_return(gateways, near, wire):
    server = near()
    gateway = gateways.start(server, wait="10s")
    client = wire(gateway.endpoint)
    assert client.ask("SELECT 1").value == "1"
    server.kill()
    server.start()
    assert client.ask("SELECT inet_server_addr() IS NULL").value == "t"


def test_trust_on_the_socket_lets_nobody_in(gateways, near, wire):
    """Passwords go through to the server: a wrong one is judged by its line for TCP."""
    server = near(local("trust"))
    gateway = gateways.start(server, listener={
        "primary": f"postgres://127.0.0.1:{server.port}/app", "auth": {"method": "passthrough"}})
    assert wire(gateway.endpoint).ask("SELECT inet_server_addr() IS NULL").value == "t"
    for user, password in (("app", "wrong"), ("second", "secret"), ("locked", "secret"), ("expired", "secret")):
        with pytest.raises(w.LoginRefused):
            wire(gateway.endpoint.but(user=user, password=password))


def test_full_server_keeps_tcp_without_an_error(gateways, another, wire):
    server = another()
    server.sql("ALTER ROLE app CONNECTION LIMIT 1")
    gateway = gateways.start(server, max=1)
    client = wire(gateway.endpoint)
    assert client.ask("SELECT 1").value == "1"
    assert "level=warn" not in gateway.log()


def test_a_proxy_in_between_keeps_tcp(gateways, near, wire, tmp_path):
    """Another gateway listens at a port and a socket with its number in /tmp: neither is the server itself."""
    inner = gateways.start(near())
    inner.stop()
    inner.listener["unix_socket_dir"] = "/tmp"
    inner.write_config()
    inner.start()
    outer = gateways.start(inner)
    assert wire(outer.endpoint).ask("SELECT 1").value == "1"
    assert sockets_of(outer) == ["127.0.0.1"]
    assert "something stands between the port and its server" in outer.log()


@pytest.mark.parametrize("answer", [None, b"", b"E\x00\x00\x00\x08oops", b"R\x00\x00\x00\x08\x00\x00\x00\x00"])
def test_socket_that_is_no_server_costs_a_second_at_most(gateways, server, wire, answer):
    """One that says nothing, closes at once, talks nonsense, or lets in everybody and falls silent."""
    path = f"/tmp/.s.PGSQL.{server.port}"
    with socket.socket(socket.AF_UNIX) as fake:
        fake.bind(path)
        try:
            fake.listen()
            threading.Thread(target=serve, args=(fake, answer), daemon=True).start()
            gateway = gateways.start(server)
            begin = time.monotonic()
            assert wire(gateway.endpoint).ask("SELECT host(inet_server_addr())").value == "127.0.0.1"
            assert time.monotonic() - begin < 2 * PATIENCE
            assert [wire(gateway.endpoint).ask("SELECT 1").value for _ in range(3)] == ["1"] * 3
            assert gateway.log().count(UNUSED) == 1
        finally:
            fake.shutdown(socket.SHUT_RDWR)
            os.unlink(path)


def serve(fake, answer):
    kept = []
    with contextlib.suppress(OSError):
        while True:
            peer, _ = fake.accept()
            if answer is not None:
                peer.sendall(answer)
            if answer == b"":
                peer.close()
            kept.append(peer)


def test_logins_at_the_same_time_all_take_the_socket(gateways, near, wire):
    gateway = gateways.start(near(), max=12, max_connecting=8)
    clients = [wire(gateway.endpoint) for _ in range(12)]
    for client in clients:
        client.send(w.query("BEGIN; SELECT inet_server_addr() IS NULL"))
    for client in clients:
        assert client.ready().rows == [["t"]]
    assert sockets_of(gateway) == ["unix"] * 12


def test_doctor_visits_a_named_socket(server, tmp_path):
    def doctor(folder):
        config = tmp_path / "sluice.toml"
        config.write_text('[admin]\nenabled = false\n[[postgres]]\nlisten = "127.0.0.1:0"\n'
                          f'primary = "postgres://app:secret@:{server.port}/app?host={folder}"\n'
                          '[postgres.server_tls]\nmode = "require"\n')
        config.chmod(0o600)
        return subprocess.run([binary(), "doctor", "--config", config], capture_output=True, text=True,
                              check=False, timeout=30 * PATIENCE).stdout

    good, bad = doctor(server.socket_folder), doctor("/nonexistent")
    assert f"server {path_of(server)}: login as app to database app" in good and "on this machine" in good
    assert f"FAIL  postgres: server /nonexistent/.s.PGSQL.{server.port}" in bad
    assert "unix_socket_directories" in bad
