"""Point 8: replication connections, passed through to a server connection of their own, or refused."""
import signal
import subprocess
import uuid

import pytest

import wire as w
from servers import BIN, wait_until


def run(endpoint, program, *arguments, seconds=60):
    """A program of PostgreSQL's as the replicating user; its standard output."""
    done = subprocess.run([BIN / program, *map(str, arguments)], env=endpoint.environment, timeout=seconds,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def passing(gateways, server, user="replicator", **listener):
    gateway = gateways.start(server, listener={
        "replication": "passthrough", "primary": f"postgres://127.0.0.1:{server.port}/app",
        "auth": {"method": "scram-sha-256", "users": {"app": "secret", "replicator": "secret"}}, **listener})
    return gateway.endpoint.but(user=user)


@pytest.fixture
def slot(server):
    """A name for a replication slot, dropped at the end."""
    name = f"slot_{uuid.uuid4().hex[:12]}"
    yield name
    server.sql("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots "
               f"WHERE slot_name = '{name}'")


@pytest.mark.parametrize("mode", ["database", "true"])
def test_p08_identify_system(gateways, server, wire, mode):
    client = wire(passing(gateways, server), replication=mode)
    replies = client.ask("IDENTIFY_SYSTEM")
    identifier, _, _, database = replies.rows[0]
    assert identifier == server.sql("SELECT system_identifier FROM pg_control_system()")[0][0]
    assert database == ("app" if mode == "database" else None)
    assert client.ask("IDENTIFY_SYSTEM").rows[0][0] == identifier, "the connection goes on"
    assert client.settings["server_version"].startswith("15")


def test_p08_psql_speaks_replication(gateways, server):
    endpoint = passing(gateways, server)
    psql = ["psql", "-X", "-A", "-t", f"{endpoint.dsn} replication=database", "-c"]
    assert run(endpoint, *psql, "IDENTIFY_SYSTEM").strip().endswith("|app")
    assert run(endpoint, *psql, "SELECT current_user").strip() == "replicator", "it knows SQL too"


def test_p08_logical_replication(gateways, server, table, slot, tmp_path):
    """pg_recvlogical through the gateway sees what is committed while it runs, and ends as it would."""
    endpoint = passing(gateways, server)
    server.sql(f"CREATE TABLE {table} (n int)")
    run(endpoint, "pg_recvlogical", "-d", "app", "--slot", slot, "--create-slot", "-P", "test_decoding")
    out = tmp_path / "changes"
    start = ["-d", "app", "--slot", slot, "--start", "-f", out, "-F", "0"]
    receiver = subprocess.Popen([BIN / "pg_recvlogical", *start], env=endpoint.environment,
                                stderr=subprocess.PIPE, text=True)
    try:
        for last in (1000, 2000, 3000):
            server.sql(f"INSERT INTO {table} SELECT generate_series({last - 999}, {last})")
            wait_until(lambda: out.exists() and f"[integer]:{last}\n" in out.read_text(), 20,
                       f"the rows up to {last}")
    finally:
        receiver.send_signal(signal.SIGINT)
        _, errors = receiver.communicate(timeout=20)
    assert receiver.returncode == 0, errors
    assert out.read_text().count("INSERT") == 3000
    active = f"SELECT active FROM pg_replication_slots WHERE slot_name = '{slot}'"
    wait_until(lambda: server.sql(active) == [("f",)], what="the end of the walsender")


def test_p08_base_backup(gateways, server, tmp_path):
    """Two connections, tens of megabytes, verified by their checksums."""
    endpoint = passing(gateways, server)
    backup = tmp_path / "backup"
    run(endpoint, "pg_basebackup", "-D", backup, "-X", "stream", "-c", "fast", "--no-sync", seconds=120)
    shown = subprocess.run([BIN / "pg_verifybackup", backup], capture_output=True, text=True, timeout=60)
    assert shown.returncode == 0, shown.stderr


def test_p08_base_backup_of_a_server_with_named_databases(gateways, server, tmp_path):
    address = {"host": "127.0.0.1", "port": server.port, "dbname": "app"}
    endpoint = passing(gateways, server, databases={"app": address})
    run(endpoint, "pg_receivewal", "--create-slot", "--slot", "named", "-D", tmp_path)
    run(endpoint, "pg_receivewal", "--drop-slot", "--slot", "named", "-D", tmp_path)


@pytest.mark.sluice_only
def test_p08_stream_leaves_the_worker_to_others(gateways, server, wire, tmp_path):
    """A backup as fast as it goes doesn't keep its worker from anybody."""
    endpoint = passing(gateways, server)
    command = [BIN / "pg_basebackup", "-D", "-", "-F", "tar", "-X", "none", "-c", "fast"]
    backup = subprocess.Popen(command, env=endpoint.environment, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE)
    client = wire(endpoint.but(user="app"))
    answers = 0
    while backup.poll() is None:
        assert client.ask("SELECT 1").value == "1"
        answers += 1
    assert backup.returncode == 0, backup.stderr.read()
    backup.stderr.close()
    assert answers > 10


def test_p08_server_judges_who_may_replicate(gateways, server, wire):
    with pytest.raises(w.LoginRefused) as refused:
        wire(passing(gateways, server, user="app"), replication="database")
    assert refused.value.sqlstate == "42501" and refused.value.fields["S"] == "FATAL"


def test_p08_passed_through_password(gateways, server, wire):
    endpoint = passing(gateways, server, auth={"method": "passthrough"})
    assert len(wire(endpoint, replication="true").ask("IDENTIFY_SYSTEM").rows) == 1
    with pytest.raises(w.LoginRefused) as refused:
        wire(endpoint.but(password="wrong"), replication="true")
    assert refused.value.sqlstate == "28P01"


@pytest.mark.parametrize("word", ["false", "OFF", "no", "f", "0"])
def test_p08_no_replication_is_an_ordinary_connection(gateways, server, wire, word, direct):
    """Even for who may not replicate: nobody gets around the pool by such a word."""
    gateway = gateways.start(server, max=1, listener={"replication": "passthrough"})
    first, second = (wire(gateway.endpoint, replication=word) for _ in range(2))
    pids = {client.ask("SELECT pg_backend_pid()").value for client in (first, second)}
    assert len(pids) == (2 if direct else 1)


def test_p08_unknown_word_is_the_servers_to_refuse(gateways, server, wire):
    with pytest.raises(w.LoginRefused) as refused:
        wire(passing(gateways, server), replication="perhaps")
    assert refused.value.sqlstate == "22023"


@pytest.mark.sluice_only
def test_p08_stop_ends_replication(gateways, server, wire):
    gateway = gateways.start(server, top={"drain_timeout": "500ms"}, listener={
        "replication": "passthrough", "primary": f"postgres://127.0.0.1:{server.port}/app",
        "auth": {"method": "scram-sha-256", "users": {"replicator": "secret"}}})
    client = wire(gateway.endpoint.but(user="replicator"), replication="true")
    assert len(client.ask("IDENTIFY_SYSTEM").rows) == 1
    assert gateway.stop() == 0
    client.rest()
