"""What every benchmark stands on: a private PostgreSQL, the proxies in front of it, pgbench, and clocks.

Servers and Sluice come from the integration tests' harness. CPU time is the scheduler's own count in
nanoseconds (schedstat), because clock ticks of 10 ms are too coarse for runs of seconds.
"""
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/integration"))
os.environ.setdefault("SLUICE_BINARY", "build/release/sluice")

from gateway import Sluice  # noqa: E402
from servers import BIN, ServerPark, free_port, give_away, wait_until  # noqa: E402

USER = "trusted"  # logs in without a password everywhere: logins are not what is measured
SCALE = 10
POOL = 16
SETTLING = 0.1  # seconds, until backends whose clients have left are dead and counted
SAMPLING = 0.2  # of the transactions, whose latency pgbench writes down


def nanoseconds(pid):
    """CPU time of a process so far, all its threads; 0 if it has ended meanwhile."""
    total = 0
    try:
        for path in list(Path(f"/proc/{pid}/task").glob("*/schedstat")):
            total += int(path.read_text().split()[0])
    except (OSError, IndexError):
        pass
    return total


def tree_nanoseconds(pid):
    """A process, its living children, and what its dead ones had used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    dead = (int(fields[13]) + int(fields[14])) * (10**9 // os.sysconf("SC_CLK_TCK"))
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return nanoseconds(pid) + dead + sum(map(nanoseconds, children))


def machine_nanoseconds():
    """All CPUs' busy time, and what the hypervisor gave to others."""
    fields = [int(f) for f in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    tick = 10**9 // os.sysconf("SC_CLK_TCK")
    user, nice, system, _, _, irq, softirq, steal = fields[:8]
    return (user + nice + system + irq + softirq + steal) * tick


class Server:
    """PostgreSQL with pgbench's tables."""

    def __init__(self, scale=SCALE, unix_socket_in_tmp=False, **settings):
        self.park = ServerPark()
        if unix_socket_in_tmp:  # where gateways look for one
            settings["unix_socket_directories"] = f"{self.park.root},/tmp"
        self.postgres = self.park.server(**{"max_connections": 400, "shared_buffers": "512MB", "ssl": "off",
                                            "wal_level": "minimal", "max_wal_senders": 0, "autovacuum": "off",
                                            "synchronous_commit": "off", **settings})
        self.pid, self.port = self.postgres.process.pid, self.postgres.port
        subprocess.run([BIN / "pgbench", "-i", "-q", "-s", str(scale), "-h", self.postgres.socket_folder,
                        "-p", str(self.port), "-U", "postgres", "app"], check=True, capture_output=True)
        self.postgres.sql(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {USER}; CHECKPOINT")

    def close(self):
        self.park.close()


class Direct:
    """No proxy."""

    def __init__(self, server):
        self.name, self.port, self.pid = "direct", server.port, None

    def close(self):
        pass


class PgBouncer:
    """Debian's, with its defaults but for what the comparison needs."""

    def __init__(self, server, mode, pool, host="127.0.0.1"):
        """host: an address, or a folder with the server's Unix socket."""
        self.name = f"PgBouncer {mode}"
        self.folder = Path(tempfile.mkdtemp(prefix="sluice-bench-", dir="/tmp"))
        give_away(self.folder)
        self.port = free_port()
        (self.folder / "userlist.txt").write_text(f'"{USER}" ""\n')
        (self.folder / "pgbouncer.ini").write_text(f"""[databases]
app = host={host} port={server.port} dbname=app user={USER}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self.port}
unix_socket_dir =
auth_type = trust
auth_file = {self.folder}/userlist.txt
pool_mode = {mode}
default_pool_size = {pool}
max_client_conn = 15000
server_tls_sslmode = disable
log_connections = 0
log_disconnections = 0
ignore_startup_parameters = extra_float_digits
""")
        for path in self.folder.iterdir():
            path.chmod(0o644)
        drop = ["--reuid", "postgres", "--regid", "postgres", "--init-groups"] if os.geteuid() == 0 else []
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                ["setpriv", *drop, "--pdeathsig", "TERM", "/usr/sbin/pgbouncer", "-q",
                 str(self.folder / "pgbouncer.ini")], stdout=log, stderr=log, cwd="/")
        self.pid = self.process.pid
        wait_until(lambda: answers(self.port), 10, "PgBouncer's start")

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)


class Gateway:
    """Sluice in transaction mode; release build unless SLUICE_BINARY says otherwise."""

    def __init__(self, server, workers, pool=POOL, max_clients=15000, name=None, listener=None, **top):
        """listener: more keys of [[postgres]]; top: keys above all tables of the configuration."""
        self.name = name or f"Sluice {workers}w"
        self.folder = Path(tempfile.mkdtemp(prefix="sluice-bench-", dir="/tmp"))
        self.sluice = Sluice(
            self.folder, server.postgres, top={"net.workers": workers, "logging.level": "warn", **top},
            listener={"primary": f"postgres://{USER}@127.0.0.1:{server.port}/app",
                      "max_clients": max_clients,
                      "pool": {"mode": "transaction", "min": 0, "max": pool, "wait": "10s"},
                      "auth": {"method": "trust", "users": {USER: "unused"}},
                      "server_tls": {"mode": "disable"}, **(listener or {})})
        self.sluice.start()
        self.port, self.pid = self.sluice.port, self.sluice.process.pid
        wait_until(lambda: answers(self.port), 10, "Sluice's start")

    def close(self):
        self.sluice.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def client_environment(port):
    return {**os.environ, "PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": USER, "PGDATABASE": "app",
            "PGSSLMODE": "disable", "PGGSSENCMODE": "disable"}


def answers(port):
    done = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-c", "SELECT 1"], env=client_environment(port),
                          capture_output=True, check=False)
    return done.stdout == b"1\n"


def pgbench(target, server, *, protocol, clients, seconds):
    """One run of pgbench -S: tps, p50 and p99 in ms, CPU µs a transaction of the proxy, of PostgreSQL, of
    pgbench, and the share of the machine that others used meanwhile."""
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        command = [BIN / "pgbench", "-S", "-n", "-s", SCALE, "-M", protocol, "-c", clients, "-j", 2,
                   "-T", seconds, "--log", "--log-prefix", f"{folder}/log", "--sampling-rate", SAMPLING]
        before = clocks(target, server)
        done = subprocess.run(list(map(str, command)), env=client_environment(target.port), text=True,
                              capture_output=True, check=False)
        time.sleep(SETTLING)
        after = clocks(target, server)
        if done.returncode != 0 or "aborted" in done.stderr:
            raise RuntimeError(f"pgbench through {target.name}: {done.stderr[-2000:]}")
        latencies = sorted(int(line.split(b" ", 3)[2]) for path in Path(folder).iterdir()
                           for line in path.read_bytes().splitlines())
    spent = {name: after[name] - before[name] for name in after}
    count = int(field(done.stdout, "number of transactions actually processed: "))
    ours = spent["proxy"] + spent["postgres"] + spent["pgbench"]
    return {
        "tps": float(field(done.stdout, "tps = ")),
        "p50": latencies[len(latencies) // 2] / 1000,
        "p99": latencies[int(len(latencies) * 0.99)] / 1000,
        "cpu": spent["proxy"] / 1000 / count,
        "postgres": spent["postgres"] / 1000 / count,
        "pgbench": spent["pgbench"] / 1000 / count,
        "others": max(0.0, (spent["machine"] - ours) / (spent["wall"] * os.cpu_count())),
    }


def clocks(target, server):
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"proxy": nanoseconds(target.pid) if target.pid else 0, "postgres": tree_nanoseconds(server.pid),
            "pgbench": int((children.ru_utime + children.ru_stime) * 1e9),
            "machine": machine_nanoseconds(), "wall": time.monotonic_ns()}


def field(text, label):
    """The word after the label."""
    return text.split(label, 1)[1].split()[0].split("/")[0]
