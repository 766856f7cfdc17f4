"""Point 39: the console on the database `pgbouncer`, in PgBouncer's words.

The column names are asked of Debian's own PgBouncer, so nobody has to believe a list.
"""
import subprocess

import psycopg2
import pytest

import wire as w
from servers import free_port, give_away, unprivileged, wait_until

pytestmark = pytest.mark.sluice_only
SHOWN = ["POOLS", "CLIENTS", "SERVERS", "STATS", "DATABASES", "USERS", "CONFIG", "VERSION", "LISTS"]


@pytest.fixture(scope="module")
def pgbouncer(park, server):
    """The port of a real PgBouncer in front of the same server."""
    port, folder = free_port(), park.root / "pgbouncer"
    folder.mkdir()
    (folder / "userlist.txt").write_text('"app" "secret"\n')
    (folder / "pgbouncer.ini").write_text(f"""
[databases]
app = host=127.0.0.1 port={server.port} user=app password=secret
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/userlist.txt
admin_users = app
""")
    give_away(folder)
    with open(folder / "log", "ab") as log:
        process = subprocess.Popen(unprivileged(["/usr/sbin/pgbouncer", folder / "pgbouncer.ini"]),
                                   stdout=log, stderr=log, cwd="/")
    wait_until(lambda: columns(port, "VERSION"), 10, "PgBouncer")
    yield port
    process.terminate()
    process.wait(10)


@pytest.fixture(scope="module")
def gateway(server, park, tmp_path_factory):
    from conftest import Gateways
    gateways = Gateways(tmp_path_factory.mktemp("console"), False)
    yield gateways.start(server, max=3)
    gateways.close()


def console(port, user="app", password="secret"):
    client = w.Wire.connect("127.0.0.1", port)
    return client.login(user, password, "pgbouncer")


def names(replies):
    """Column names of the first RowDescription."""
    body = next(message.body for message in replies if message.kind == "T")
    out, at = [], 2
    for _ in range(int.from_bytes(body[:2], "big")):
        end = body.index(b"\0", at)
        out.append(body[at:end].decode())
        at = end + 19
    return out


def columns(port, what):
    try:
        client = console(port)
    except OSError:
        return None
    replies = client.ask(f"SHOW {what}")
    client.close()
    return names(replies) if not replies.errors else []


def table(client, text):
    replies = client.ask(text)
    assert replies.errors == [], replies.errors
    return [dict(zip(names(replies), row)) for row in replies.rows]


@pytest.mark.parametrize("what", SHOWN)
def test_p39_columns_are_pgbouncers(gateway, pgbouncer, what):
    theirs = columns(pgbouncer, what)
    assert theirs and columns(gateway.port, what)[:len(theirs)] == theirs


def test_p39_show_is_case_insensitive_and_takes_a_semicolon(gateway):
    client = console(gateway.port)
    assert client.ask("show Pools;").errors == []
    assert client.ask("SHOW NONSENSE").errors[0]["S"] == "ERROR"
    assert client.ask("SHOW VERSION").errors == []
    client.close()


def test_p39_pools_count_what_is_there(gateway, wire):
    one, two = wire(gateway.endpoint), wire(gateway.endpoint)
    one.ask("BEGIN")
    two.ask("SELECT 1")
    pool = next(row for row in table(console(gateway.port), "SHOW POOLS") if row["database"] == "app")
    assert pool["pool_mode"] == "transaction" and pool["user"] == "app"
    assert int(pool["sv_active"]) == 1 and int(pool["cl_active"]) >= 1 and pool["cl_waiting"] == "0"
    assert int(pool["sv_active"]) + int(pool["sv_idle"]) <= 3


def test_p39_clients_and_servers_name_each_other(gateway, wire):
    client = wire(gateway.endpoint, application_name="seen from the console")
    client.ask("BEGIN")
    shown = table(console(gateway.port), "SHOW CLIENTS")
    mine = [row for row in shown if row["application_name"] == "seen from the console"]
    assert len(mine) == 1 and mine[0]["database"] == "app" and mine[0]["state"] == "active"
    assert mine[0]["addr"] == "127.0.0.1" and mine[0]["link"]
    servers = table(console(gateway.port), "SHOW SERVERS")
    assert mine[0]["link"] in {row["ptr"] for row in servers}


def test_p39_stats_count_queries(gateway, wire):
    def total():
        return next(int(row["total_query_count"]) for row in table(console(gateway.port), "SHOW STATS")
                    if row["database"] == "app")

    client = wire(gateway.endpoint)
    client.ask("SELECT 1")
    before = total()
    for _ in range(25):
        client.ask("SELECT 1")
    wait_until(lambda: total() >= before + 25, 3, "the count")


def test_p39_pause_holds_clients_until_resume(gateway, wire):
    client, admin = wire(gateway.endpoint), console(gateway.port)
    client.ask("SELECT 1")
    assert admin.ask("PAUSE").tags == ["PAUSE"]
    client.send(w.query("SELECT 2"))
    assert client.quiet(0.4)
    assert admin.ask("RESUME").tags == ["RESUME"]
    assert client.ready().value == "2"


def test_p39_kill_ends_the_databases_clients(gateway, wire):
    client, admin = wire(gateway.endpoint), console(gateway.port)
    client.ask("SELECT 1")
    assert admin.ask("KILL app").errors == []
    assert client.rest().sqlstates != []
    assert admin.ask("RESUME app").errors == []
    assert wire(gateway.endpoint).ask("SELECT 1").value == "1"


def test_p39_reconnect_replaces_server_connections(gateway, wire):
    client, admin = wire(gateway.endpoint), console(gateway.port)
    before = client.ask("SELECT pg_backend_pid()").value
    assert admin.ask("RECONNECT").errors == []
    wait_until(lambda: client.ask("SELECT pg_backend_pid()").value != before, 5, "a fresh connection")


def test_p39_set_and_reload(gateway):
    admin = console(gateway.port)
    assert admin.ask("SET query_timeout = '7'").errors == []
    shown = {row["key"]: row["value"] for row in table(admin, "SHOW CONFIG")}
    assert shown["query_timeout"].startswith("7")
    assert admin.ask("RELOAD").tags == ["RELOAD"]


def test_p39_only_admins_may_enter(gateway):
    with pytest.raises(w.LoginRefused):
        console(gateway.port, "second", "secret2")


def test_p39_psql_and_psycopg2_can_use_it(gateway):
    done = subprocess.run(["psql", "-X", "-A", "-c", "SHOW POOLS", "pgbouncer"], check=True, text=True,
                          capture_output=True, env=gateway.endpoint.environment)
    assert done.stdout.startswith("database|user|cl_active")
    connection = psycopg2.connect(gateway.endpoint.but(database="pgbouncer").dsn)
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("SHOW VERSION")
    assert cursor.fetchall()
    connection.close()


def test_p39_over_a_unix_socket(gateways, server, tmp_path):
    gateway = gateways.start(server, listener={"unix_socket_dir": tmp_path})
    for database, text in (("pgbouncer", "SHOW VERSION"), ("app", "SELECT 1")):
        done = subprocess.run(["psql", "-X", "-A", "-t", "-h", tmp_path, "-p", str(gateway.port), "-c", text, database],
                              check=True, text=True, capture_output=True,
                              env={**gateway.endpoint.environment, "PGHOST": str(tmp_path)})
        assert done.stdout.strip()


def test_p39_shutdown(gateways, server):
    gateway = gateways.start(server)
    console(gateway.port).send(w.query("SHUTDOWN"))
    assert gateway.process.wait(10) == 0


def test_p39_pgbouncer_ini_is_understood(server, park, tmp_path, raw):
    """`sluice serve --pgbouncer-ini FILE` takes PgBouncer's own files."""
    from gateway import Endpoint, binary
    port, admin = free_port(), free_port()
    (tmp_path / "userlist.txt").write_text('"app" "secret"\n')
    (tmp_path / "pgbouncer.ini").write_text(f"""
[databases]
app = host=127.0.0.1 port={server.port} dbname=app user=app password=secret pool_size=3
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {tmp_path}/userlist.txt
pool_mode = transaction
""")
    process = subprocess.Popen([binary(), "serve", "--pgbouncer-ini", tmp_path / "pgbouncer.ini", "--admin",
                                f"127.0.0.1:{admin}"], stdout=subprocess.PIPE, text=True)
    try:
        assert f"127.0.0.1:{port}" in process.stdout.readline()
        client = raw(Endpoint(port)).login("app", "secret", "app")
        assert client.ask("SELECT 1").value == "1"
        client.close()
    finally:
        process.terminate()
        assert process.wait(10) == 0
        process.stdout.close()
