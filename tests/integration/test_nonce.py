"""No row ever reaches the wrong client, none is lost, nobody hangs.

Many clients ask for values of their own, by every protocol path, while clients vanish, cancel, run into
timeouts and servers are killed. NONCE_STATEMENTS sets how many (20,000; a million with --long). Then
TPC-B: money moved in transactions has to add up.
"""
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
CLIENTS = 64
PROCESSES = 4


def run(endpoint, statements, *, faults, server=None):
    """Splits the clients over processes; their sums as one dictionary."""
    running = []
    for number in range(PROCESSES):
        plan = {"host": endpoint.host, "port": endpoint.port, "user": endpoint.user, "seed": number,
                "password": endpoint.password, "database": endpoint.database, "faults": faults,
                "clients": CLIENTS // PROCESSES, "statements": statements // PROCESSES}
        running.append(subprocess.Popen([sys.executable, FOLDER / "nonce_clients.py", json.dumps(plan)],
                                        stdout=subprocess.PIPE, text=True))
    if server:
        kill_servers_while(running, server)
    sums = {}
    for process in running:
        try:
            out, _ = process.communicate(timeout=120 + statements / 300)
        except subprocess.TimeoutExpired:
            for other in running:
                other.kill()
            pytest.fail("the clients hang")
        assert process.returncode == 0, out
        for key, value in json.loads(out.splitlines()[-1]).items():
            sums[key] = sums.get(key, [] if isinstance(value, list) else 0) + value
    return sums


def kill_servers_while(running, server):
    """For as long as the first process runs, or half an hour."""
    end = time.monotonic() + 1800
    while running[0].poll() is None and time.monotonic() < end:
        try:
            running[0].wait(0.7)
        except subprocess.TimeoutExpired:
            server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                       "WHERE usename = 'app' ORDER BY random() LIMIT 1")


def amount(default):
    return int(os.environ.get("NONCE_STATEMENTS", default))


def test_every_answer_is_the_askers_own(sluice, endpoint):
    sums = run(endpoint, amount(20000), faults=False)
    assert sums["foreign"] == [] and sums["lost"] == [] and sums["errors"] == 0
    assert sums["answered"] >= amount(20000)


def test_faults_change_nothing_about_that(gateways, own_server, direct):
    gateway = gateways.start(own_server, mode="transaction", max=20, wait="20s",
                             listener={"timeouts": {"query": "2s"}})
    sums = run(gateway.endpoint, amount(20000), faults=True, server=None if direct else own_server)
    assert sums["foreign"] == [] and sums["lost"] == []
    assert sums["answered"] > amount(20000) * 0.8
    assert sums["vanished"] > 0 and sums["cancelled"] > 0


@pytest.mark.long
def test_a_million_statements(gateways, own_server, direct):
    gateway = gateways.start(own_server, mode="transaction", max=20, wait="20s",
                             listener={"timeouts": {"query": "2s"}})
    total = amount(1_000_000)
    sums = run(gateway.endpoint, total, faults=True, server=None if direct else own_server)
    assert sums["foreign"] == [] and sums["lost"] == [] and sums["answered"] > total * 0.8


def test_money_adds_up(gateways, own_server):
    """pgbench's TPC-B through few connections: tellers, branches, accounts and history agree.

    A thread for each client: pgbench prepares with a blocking call, so a thread that waits there for a
    connection would keep those of its other clients from ending their transactions.
    """
    gateway = gateways.start(own_server, mode="transaction", max=6)
    bench = ["/usr/lib/postgresql/15/bin/pgbench"]
    environment = gateway.endpoint.environment
    subprocess.run([*bench, "-i", "-q", "-s", "2"], check=True, env=environment, capture_output=True)
    for protocol in ("simple", "extended", "prepared"):
        subprocess.run([*bench, "-n", "-c", "24", "-j", "24", "-t", "40", "-M", protocol], check=True,
                       env=environment, capture_output=True)
    sums = own_server.sql("SELECT (SELECT sum(abalance) FROM pgbench_accounts), (SELECT sum(tbalance) FROM "
                          "pgbench_tellers), (SELECT sum(bbalance) FROM pgbench_branches), "
                          "(SELECT sum(delta) FROM pgbench_history), (SELECT count(*) FROM pgbench_history)")
    assert len(set(sums[0][:4])) == 1 and sums[0][4] == str(3 * 24 * 40)
