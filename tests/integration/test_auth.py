"""Points 9-11: who a client is, and as whom Sluice logs in to the server."""
import json
import urllib.request
import hashlib
import ssl
import struct

import psycopg2
import pytest

import wire as w


def try_login(endpoint):
    """None if it works, the SQLSTATE of the refusal otherwise."""
    client = w.Wire.connect(endpoint.host, endpoint.port)
    try:
        client.login(endpoint.user, endpoint.password, endpoint.database)
        assert client.ask("SELECT 1").value == "1"
        return None
    except w.LoginRefused as refused:
        return refused.sqlstate
    finally:
        client.close()


def md5_secret(user, password):
    return "md5" + hashlib.md5((password + user).encode()).hexdigest()


def scram_verifier(server, user):
    return server.sql(f"SELECT rolpassword FROM pg_authid WHERE rolname = '{user}'")[0][0]


@pytest.mark.parametrize("method", ["scram-sha-256", "md5", "password"])
def test_p09_right_and_wrong_passwords(gateways, server, method):
    endpoint = gateways.start(server, listener={
        "auth": {"method": method, "users": {"app": "secret"}}}).endpoint
    assert try_login(endpoint) is None
    assert try_login(endpoint.but(password="wrong")) == "28P01"
    assert try_login(endpoint.but(password="")) == "28P01"
    assert try_login(endpoint) is None


@pytest.mark.sluice_only
@pytest.mark.parametrize("method, asked", [("trust", 0), ("password", 3), ("md5", 5), ("scram-sha-256", 10)])
def test_p09_the_configured_method_is_asked_for(gateways, server, raw, method, asked):
    endpoint = gateways.start(server, listener={
        "auth": {"method": method, "users": {"app": "secret"}}}).endpoint
    client = raw(endpoint)
    client.send(w.startup(user="app", database="app"))
    assert struct.unpack_from("!I", client.read().body)[0] == asked


@pytest.mark.sluice_only
def test_p09_trust(gateways, server):
    endpoint = gateways.start(server, listener={"auth": {"method": "trust", "users": {"app": "unused"}}}).endpoint
    assert try_login(endpoint.but(password="anything")) is None


@pytest.mark.parametrize("stored", ["plain", "md5", "scram"])
def test_p09_users_from_a_userlist(gateways, server, tmp_path, stored):
    secret = {"plain": "secret", "md5": md5_secret("app", "secret"), "scram": scram_verifier(server, "app")}
    (tmp_path / "userlist.txt").write_text(f'; who may come\n"other" "x""y"\n"app" "{secret[stored]}"\n')
    endpoint = gateways.start(server, listener={
        "auth": {"method": "auto", "userlist": tmp_path / "userlist.txt"}}).endpoint
    assert try_login(endpoint) is None
    assert try_login(endpoint.but(password="wrong")) == "28P01"


AUTH_QUERY = """
CREATE SCHEMA IF NOT EXISTS lookup;
CREATE OR REPLACE FUNCTION lookup.secret(who text) RETURNS TABLE (usename text, passwd text)
  SECURITY DEFINER SET search_path = pg_catalog LANGUAGE sql AS $$
  SELECT rolname::text, rolpassword FROM pg_authid
  WHERE rolname = who AND rolcanlogin AND (rolvaliduntil IS NULL OR rolvaliduntil > now()) $$;
GRANT USAGE ON SCHEMA lookup TO app;
"""


@pytest.mark.sluice_only
def test_p09_users_by_auth_query(gateways, server):
    server.sql(AUTH_QUERY)
    server.sql("GRANT CONNECT ON DATABASE app TO second")
    endpoint = gateways.start(server, listener={
        "auth": {"method": "auto", "query": "SELECT usename, passwd FROM lookup.secret($1)", "user": "app",
                 "users": {"app": "secret"}}}).endpoint
    assert try_login(endpoint.but(user="second", password="secret2")) is None
    assert try_login(endpoint.but(user="second", password="wrong")) == "28P01"
    assert try_login(endpoint.but(user="nobody", password="x")) == "28P01"
    assert try_login(endpoint.but(user="expired", password="secret")) == "28P01"
    assert try_login(endpoint.but(user="locked", password="secret")) == "28P01"
    assert try_login(endpoint.but(user="a' OR true --", password="secret")) == "28P01"


def test_p09_passthrough_lets_the_server_judge(gateways, server, wire):
    endpoint = gateways.start(server, listener={
        "primary": f"postgres://127.0.0.1:{server.port}/app", "auth": {"method": "passthrough"}}).endpoint
    assert try_login(endpoint) is None
    assert try_login(endpoint.but(password="wrong")) == "28P01"
    second = endpoint.but(user="second", password="secret2")
    assert try_login(second) is None
    assert wire(second).ask("SELECT current_user").value == "second"
    assert wire(endpoint).ask("SELECT current_user").value == "app"


@pytest.mark.sluice_only
@pytest.mark.parametrize("user", ["old", "plain", "trusted", "app"])
def test_p09_login_to_the_server_by_every_method(gateways, server, wire, user):
    endpoint = gateways.start(server, listener={
        "primary": f"postgres://{user}:secret@127.0.0.1:{server.port}/app"}).endpoint
    assert wire(endpoint).ask("SELECT session_user").value == user


@pytest.mark.sluice_only
def test_p09_certificate_to_the_server(gateways, server, park, wire):
    files = park.certificates
    endpoint = gateways.start(server, listener={
        "primary": f"postgres://certified@127.0.0.1:{server.port}/app",
        "server_tls": {"mode": "verify-full", "ca": files / "ca.crt", "cert": files / "client.crt",
                       "key": files / "client.key"}}).endpoint
    client = wire(endpoint)
    assert client.ask("SELECT session_user").value == "certified"
    assert client.ask("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").value == "t"


@pytest.mark.sluice_only
@pytest.mark.parametrize("mode", ["verify-full", "verify-ca", "require"])
def test_p09_tls_to_the_server(gateways, server, park, wire, mode):
    endpoint = gateways.start(server, listener={
        "primary": f"postgres://app:secret@127.0.0.1:{server.port}/app",
        "server_tls": {"mode": mode, "ca": park.certificates / "ca.crt"}}).endpoint
    client = wire(endpoint)
    assert client.ask("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").value == "t"


@pytest.mark.sluice_only
def test_p09_server_with_a_strangers_certificate_is_refused(gateways, server, park, tmp_path, wire):
    from servers import make_certificates
    make_certificates(tmp_path)
    gateway = gateways.start(server, wait="1s", listener={
        "server_tls": {"mode": "verify-full", "ca": tmp_path / "ca.crt"}})
    with pytest.raises((w.LoginRefused, w.Closed, AssertionError)) as failure:
        wire(gateway.endpoint).ask("SELECT 1").value
    assert "secret" not in str(failure.value)
    assert "certificate" in gateway.log()


def test_p09_client_certificate(gateways, server, park):
    files = park.certificates
    endpoint = gateways.start(server, listener={
        "auth": {"method": "cert", "users": {"certified": "unused"}},
        "tls": {"mode": "verify-ca", "cert": files / "server.crt", "key": files / "server.key",
                "ca": files / "ca.crt"}}).endpoint
    options = {"host": "127.0.0.1", "port": endpoint.port, "dbname": "app", "sslmode": "verify-full",
               "sslrootcert": str(files / "ca.crt")}
    with psycopg2.connect(user="certified", sslcert=str(files / "client.crt"),
                          sslkey=str(files / "client.key"), **options) as connection:
        connection.cursor().execute("SELECT 1")
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(user="certified", **options)
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(user="app", sslcert=str(files / "client.crt"), sslkey=str(files / "client.key"),
                         **options)


@pytest.mark.sluice_only
@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
def test_p09_certificate_can_be_demanded_beside_the_password(gateways, server, park, tmp_path, mode):
    files = park.certificates
    endpoint = gateways.start(server, listener={
        "unix_socket_dir": tmp_path,
        "tls": {"mode": mode, "cert": files / "server.crt", "key": files / "server.key",
                "ca": files / "ca.crt"}}).endpoint
    shown = {"sslcert": str(files / "client.crt"), "sslkey": str(files / "client.key")}
    options = {"host": "127.0.0.1", "port": endpoint.port, "dbname": "app", "user": "app"}
    psycopg2.connect(**options, **shown, password="secret", sslmode="require").close()
    for wrong in ({**shown, "password": "guessed", "sslmode": "require"},
                  {"password": "secret", "sslmode": "require"},
                  {"password": "secret", "sslmode": "disable"}):
        with pytest.raises(psycopg2.OperationalError):
            psycopg2.connect(**{**options, **wrong})
    psycopg2.connect(**{**options, "host": str(tmp_path)}, password="secret").close()


@pytest.mark.sluice_only
def test_p09_tls_can_be_demanded(gateways, server, park, raw):
    files = park.certificates
    endpoint = gateways.start(server, listener={
        "tls": {"mode": "require", "cert": files / "server.crt", "key": files / "server.key"}}).endpoint
    client = raw(endpoint)
    client.send(w.startup(user="app", database="app"))
    seen = client.rest()
    assert seen.sqlstates == ["28000"] and "R" not in seen.kinds
    client = raw(endpoint)
    client.start_tls(ssl._create_unverified_context())
    client.login("app", "secret", "app")
    assert client.ask("SELECT 1").value == "1"


def challenge(raw, endpoint, user):
    """Salt and iterations that a login as this user is offered."""
    client = raw(endpoint)
    client.send(w.startup(user=user, database="app"))
    assert struct.unpack_from("!I", client.read().body)[0] == 10
    hello = b"n,,n=,r=0123456789abcdef"
    client.send(w.frame("p", b"SCRAM-SHA-256\0" + struct.pack("!I", len(hello)) + hello))
    return client.expect_auth(11).split(",")[1:]


def test_p10_unknown_users_look_like_known_ones(endpoint, raw):
    first, again = challenge(raw, endpoint, "nobody"), challenge(raw, endpoint, "nobody")
    assert first == again and first != challenge(raw, endpoint, "nobody else")
    assert [part[:2] for part in first] == [part[:2] for part in challenge(raw, endpoint, "app")] == ["s=", "i="]
    assert try_login(endpoint.but(user="nobody")) == "28P01"


def scram_first(client, body, length=None):
    client.send(w.frame("p", b"SCRAM-SHA-256\0" + struct.pack("!i", len(body) if length is None else length)
                        + body))


@pytest.mark.parametrize("attack", [
    pytest.param(lambda c: scram_first(c, b"n,,n=,r=" + b"x" * 60000), id="long nonce"),
    pytest.param(lambda c: scram_first(c, b"n,,n=,r="), id="empty nonce"),
    pytest.param(lambda c: scram_first(c, b"n,,n=,r=abc", length=0x7FFFFFFF), id="length beyond the frame"),
    pytest.param(lambda c: scram_first(c, b"n,,n=,r=abc", length=-2), id="negative length"),
    pytest.param(lambda c: scram_first(c, b"y,,n=,m=ext,r=abc"), id="mandatory extension"),
    pytest.param(lambda c: scram_first(c, b"\xff\xfe\0\0"), id="garbage"),
    pytest.param(lambda c: scram_first(c, b""), id="empty"),
    pytest.param(lambda c: c.send(w.frame("p", b"SCRAM-SHA-512\0\0\0\0\0")), id="other mechanism"),
    pytest.param(lambda c: c.send(w.frame("p", b"")), id="empty frame"),
    pytest.param(lambda c: c.send(b"p\xff\xff\xff\xff"), id="4 GB"),
    pytest.param(lambda c: c.send(w.query("SELECT 1")), id="query before login"),
    pytest.param(lambda c: c.send(b"p\0\0\0\x01"), id="length one"),
])
def test_p11_malformed_logins_are_refused(endpoint, raw, attack):
    client = raw(endpoint)
    client.send(w.startup(user="app", database="app"))
    client.read()
    attack(client)
    client.socket.shutdown(1)
    try:
        seen = client.rest()
    except TimeoutError:
        pytest.fail("still waiting after the client hung up")
    assert not any(m.kind == "R" and m.body[:4] == b"\0\0\0\0" for m in seen)
    assert try_login(endpoint) is None


@pytest.mark.sluice_only
def test_p11_known_bad_server_password_is_not_tried_in_a_loop(gateways, own_server, wire):
    gateway = gateways.start(own_server, wait="2s", listener={
        "primary": f"postgres://app:wrong@127.0.0.1:{own_server.port}/app"})
    for _ in range(10):
        try:
            wire(gateway.endpoint).ask("SELECT 1")
        except (w.LoginRefused, w.Closed):
            pass
    assert own_server.log().count("password authentication failed") <= 8


@pytest.mark.sluice_only
def test_p33_the_servers_own_login_error_is_kept(gateways, server):
    endpoint = gateways.start(server, wait="2s", listener={
        "primary": f"postgres://app:secret@127.0.0.1:{server.port}/missing"}).endpoint
    client = w.Wire.connect(endpoint.host, endpoint.port)
    try:
        client.login("app", "secret", "missing")
        assert client.ask("SELECT 1").sqlstates == ["3D000"]
    except w.LoginRefused as refused:
        assert refused.sqlstate == "3D000"
    finally:
        client.close()


@pytest.mark.sluice_only
def test_secrets_are_in_no_log(gateways, server):
    gateway = gateways.start(server)
    assert try_login(gateway.endpoint) is None
    assert try_login(gateway.endpoint.but(password="supersecretguess")) == "28P01"
    assert "supersecretguess" not in gateway.log() and ":secret@" not in gateway.log()


@pytest.mark.sluice_only
def test_p09_user_of_the_dsn_is_the_only_one_let_in(gateways, server):
    """Without any configured user the server's own credentials are what a client has to know."""
    endpoint = gateways.start(server, listener={"auth": {}}).endpoint
    options = {"host": endpoint.host, "port": endpoint.port, "dbname": "app"}
    with psycopg2.connect(user="app", password="secret", **options) as connection:
        connection.cursor().execute("SELECT 1")
    for user, password in (("app", "wrong"), ("mallory", "secret"), ("mallory", "anything")):
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            psycopg2.connect(user=user, password=password, **options)


@pytest.mark.sluice_only
def test_p09_strangers_leave_nothing_behind(gateways, server):
    """Who fails to prove a password gets no pool: nothing tries to log in as them later."""
    gateway = gateways.start(server, listener={
        "primary": f"postgres://127.0.0.1:{server.port}/app", "auth": {"method": "passthrough"}})
    options = {"host": gateway.endpoint.host, "port": gateway.endpoint.port, "dbname": "app"}
    for number in range(5):
        with pytest.raises(psycopg2.OperationalError):
            psycopg2.connect(user=f"stranger{number}", password="x", **options)
    with psycopg2.connect(user="app", password="secret", **options) as connection:
        connection.cursor().execute("SELECT 1")
    with urllib.request.urlopen(f"http://127.0.0.1:{gateway.admin_port}/performance/pools") as answer:
        pools = json.load(answer)["pools"]
    assert [pool["user"] for pool in pools] == ["app"]
