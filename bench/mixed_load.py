"""Short reads among statements that take 50 ms to 2 s: how long do the short ones take?

Two mixes of short reads (by primary key) and slow statements (sleeps, waits for a row's lock, big sorts):

- by statements: every client sends both, 95 short ones for 5 slow ones. All clients soon wait in a slow one,
  so this asks what is left for the short ones when slow ones want more connections than there are.
- by clients: 95 % of the clients only send short ones, the others only slow ones, each as fast as it can. Here
  throughput of the short ones can show.

pgbench writes down each transaction's script and latency (--log), so nothing is taken from averages.
"""
import subprocess
import tempfile
from pathlib import Path

from stage import BIN, SCALE, USER, client_environment

CLIENTS, SLOW_CLIENTS = 64, 3  # of these 64; 5 %
SCRIPTS = {
    "short": (95, f"\\set aid random(1, 100000 * {SCALE})\n"
                  "SELECT abalance FROM pgbench_accounts WHERE aid = :aid;\n"),
    "sleep": (2, "\\set ms random(50, 2000)\nSELECT pg_sleep(:ms / 1000.0);\n"),
    "lock": (2, "\\set id random(1, 2)\nWITH held AS (UPDATE mix_locks SET n = n + 1 WHERE id = :id RETURNING n) "
                "SELECT n, pg_sleep(0.1) FROM held;\n"),
    "sort": (1, "\\set n random(20000, 400000)\nSELECT count(*) FROM (SELECT md5(g::text) AS m "
                "FROM generate_series(1, :n) AS g ORDER BY m OFFSET 1) AS sorted;\n"),
}
SAMPLING = {"by statements": 1.0, "by clients": 0.25}  # of the transactions, whose latency is written down


def prepare(server):
    server.postgres.sql("CREATE TABLE mix_locks (id int PRIMARY KEY, n int); INSERT INTO mix_locks VALUES (1, 0), "
                        f"(2, 0); GRANT ALL ON mix_locks TO {USER}")


class Load:
    """pgbench with some of the scripts, from its start to its readings."""

    def __init__(self, target, names, *, protocol, clients, seconds, seed, sampling):
        self.names, self.seconds, self.sampling, self.target = names, seconds, sampling, target
        self.folder = tempfile.TemporaryDirectory(prefix="sluice-bench-")
        command = [BIN / "pgbench", "-n", "-M", protocol, "-c", clients, "-j", 2 if clients > 1 else 1,
                   "-T", seconds, "--random-seed", seed, "--log", "--log-prefix", f"{self.folder.name}/log",
                   "--sampling-rate", sampling]
        for name in names:
            path = Path(self.folder.name) / name
            path.write_text(SCRIPTS[name][1])
            command += ["-f", f"{path}@{SCRIPTS[name][0]}"]
        self.process = subprocess.Popen(list(map(str, command)), env=client_environment(target.port), text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def readings(self):
        """{script: sorted latencies in ms}; returns once pgbench has ended."""
        _, errors = self.process.communicate(timeout=self.seconds * 3 + 60)
        if self.process.returncode != 0 or "aborted" in errors:
            raise RuntimeError(f"pgbench through {self.target.name}: {errors[-2000:]}")
        found = {name: [] for name in self.names}
        for path in Path(self.folder.name).glob("log*"):
            for line in path.read_bytes().splitlines():
                _, _, micros, script, *_ = line.split(b" ")
                found[self.names[int(script)]].append(int(micros) / 1000)
        self.folder.cleanup()
        return {name: sorted(latencies) for name, latencies in found.items()}


def short_reads(mix, latencies, seconds):
    """tps, p50 and p99 in ms."""
    count = len(latencies)
    if count < 20:
        raise RuntimeError(f"only {count} short reads in {seconds} s")
    return {"tps": count / SAMPLING[mix] / seconds, "p50": latencies[count // 2],
            "p99": latencies[int(count * 0.99)]}


def run(mix, target, *, protocol, seconds, seed):
    """One reading of the short reads in a mix, and how many slow statements ended beside them."""
    common = {"protocol": protocol, "seed": seed, "sampling": SAMPLING[mix]}
    slow = [name for name in SCRIPTS if name != "short"]
    if mix == "by statements":
        found = Load(target, list(SCRIPTS), clients=CLIENTS, seconds=seconds, **common).readings()
    else:
        beside = Load(target, slow, clients=SLOW_CLIENTS, seconds=seconds, **{**common, "sampling": 1.0})
        found = Load(target, ["short"], clients=CLIENTS - SLOW_CLIENTS, seconds=seconds, **common).readings()
        found.update(beside.readings())
    return {**short_reads(mix, found["short"], seconds), "slow": sum(len(found[name]) for name in slow)}
