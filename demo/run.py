#!/usr/bin/python3
"""`./dev run`: a private PostgreSQL with sample data, Sluice in front of it, a sample load; then it serves
until Ctrl-C. Everything lives in .dev/ of the checkout and stops with this process, however that ends.

PostgreSQL refuses to run as root, so there it runs as the user postgres. Where that user can't reach the
checkout, the data stands in /var/tmp instead. The first start makes the data, later ones take seconds.
"""
import argparse
import hashlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "demo"
BIN = Path("/usr/lib/postgresql/15/bin")
IS_ROOT = os.geteuid() == 0
URL = "postgresql://{user}:{password}@127.0.0.1:{port}/{database}"


class Interrupted(Exception):
    pass


def as_postgres(command):
    """The command as an unprivileged user."""
    drop = ["--reuid", "postgres", "--regid", "postgres", "--init-groups"] if IS_ROOT else []
    return ["setpriv", *drop, "--pdeathsig", "INT", *map(str, command)]


def start(command, log_path):
    """A process of its own session (Ctrl-C is ours alone) that ends when we do."""
    with open(log_path, "ab") as log:
        return subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=log, cwd="/",
                                start_new_session=True)


def port_near(preferred):
    """The preferred port if it is free, any other if not."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return probe.getsockname()[1]
            except OSError:
                continue
    raise SystemExit("no free port on 127.0.0.1")


def data_folder():
    """.dev/postgres, or a folder in /var/tmp if the unprivileged user can't go there."""
    folder = ROOT / ".dev"
    folder.mkdir(exist_ok=True)
    reachable = subprocess.run(as_postgres(["test", "-x", folder]), check=False).returncode == 0
    if not reachable:
        name = hashlib.sha256(str(ROOT).encode()).hexdigest()[:12]
        folder = Path(f"/var/tmp/sluice-{name}")
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
    return folder / "postgres"


class PostgreSQL:
    def __init__(self, folder):
        self.folder, self.data, self.process = folder, folder / "data", None
        self.password_file = folder / "password"

    def prepare(self):
        """initdb, once; a half-made data directory is made anew."""
        if not (self.data / "PG_VERSION").exists() or not self.password_file.exists():
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(mode=0o700)
            self.password_file.write_text(secrets.token_hex(16))
            self.password_file.chmod(0o600)
            if IS_ROOT:
                user = pwd.getpwnam("postgres")
                for path in (self.folder, self.password_file):
                    os.chown(path, user.pw_uid, user.pw_gid)
            subprocess.run(as_postgres([BIN / "initdb", "-D", self.data, "-U", "postgres", "-A", "scram-sha-256",
                                        "--pwfile", self.password_file, "--no-sync", "-E", "UTF8",
                                        "--locale", "C.UTF-8"]), check=True, stdout=subprocess.DEVNULL, cwd="/")
        self.password = self.password_file.read_text()

    def start(self):
        self.port = port_near(54320)
        self.process = start(as_postgres([
            BIN / "postgres", "-D", self.data, "-c", f"port={self.port}", "-c", "listen_addresses=127.0.0.1",
            "-c", "unix_socket_directories=", "-c", "max_connections=200", "-c", "fsync=off",
            "-c", "wal_level=logical", "-c", "logging_collector=off"]), self.folder.parent / "postgres.log")
        for _ in range(600):
            if subprocess.run([BIN / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)],
                              check=False).returncode == 0:
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise SystemExit(f"PostgreSQL didn't start, see {self.folder.parent / 'postgres.log'}")

    def psql(self, database, *arguments, role="postgres"):
        url = URL.format(user=role, password=self.password if role == "postgres" else "bot", port=self.port,
                         database=database)
        return subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", url, *map(str, arguments)],
                              check=True, capture_output=True, text=True).stdout.strip()

    def load_once(self):
        """Role, database and data; a load that was interrupted left nothing behind."""
        if self.psql("postgres", "-c", "SELECT 1 FROM pg_roles WHERE rolname = 'bot'") != "1":
            self.psql("postgres", "-c", "CREATE ROLE bot LOGIN PASSWORD 'bot'")
            self.psql("postgres", "-c", "GRANT pg_monitor TO bot")
        if self.psql("postgres", "-c", "SELECT 1 FROM pg_database WHERE datname = 'bot'") != "1":
            self.psql("postgres", "-c", "CREATE DATABASE bot OWNER bot")
        if self.psql("bot", "-c", "SELECT to_regclass('loaded')"):
            return
        print("loading the sample data")
        self.psql("bot", "-1", "-f", DEMO / "schema.sql", "-f", DEMO / "data.sql", role="bot")
        self.psql("bot", "-c", "VACUUM ANALYZE", role="bot")

    def rows(self):
        return self.psql("bot", "-F", " ", "-c", "SELECT string_agg(format('%s %s', n, t), ', ') FROM (SELECT "
                         "(SELECT count(*) FROM guilds) n, 'guilds' t UNION ALL SELECT count(*), 'users' FROM users "
                         "UNION ALL SELECT count(*), 'messages' FROM messages "
                         "UNION ALL SELECT count(*), 'bets' FROM bets) c")

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)


class Gateway:
    CONFIG = """# Written by ./dev run at each start.
[[postgres]]
listen = "127.0.0.1:{port}"
primary = "postgres://bot:bot@127.0.0.1:{server}/bot"
pool = {{ mode = "transaction", min = 0, max = 20, wait = "5s" }}
auth = {{ method = "scram-sha-256", users = {{ bot = "bot" }}, admin_users = ["bot"] }}

[admin]
listen = "127.0.0.1:{admin}"

[store]
directory = "kept"
"""

    def __init__(self, binary, folder):
        self.binary, self.folder, self.process = binary, folder, None
        self.config = folder / "sluice.toml"
        self.log = folder / "sluice.log"

    def start(self, server_port):
        self.port, self.admin = port_near(6432), port_near(8001)
        self.config.write_text(self.CONFIG.format(port=self.port, server=server_port, admin=self.admin))
        self.config.chmod(0o600)
        self.process = start(["setpriv", "--pdeathsig", "TERM", self.binary, "serve", "--config", self.config], self.log)
        line = self.process.stdout.readline().decode().strip()
        if "ready" not in line:
            raise SystemExit(f"Sluice didn't start, see {self.log}")
        print(line)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()


def sample_load(server, gateway, options):
    """The bounded load; Ctrl-C during it ends it with everything else."""
    straight = URL.format(user="bot", password="bot", port=server.port, database="bot")
    through = URL.format(user="bot", password="bot", port=gateway.port, database="bot")
    print(f"\nsample load: {options.workers} workers for {options.seconds:g} s straight at PostgreSQL, "
          "then as long through Sluice", flush=True)
    command = ["setpriv", "--pdeathsig", "TERM", sys.executable, DEMO / "load.py", f"straight={straight}",
               f"sluice={through}", "--watch", straight, "--workers", options.workers, "--seconds", options.seconds]
    child = subprocess.Popen(list(map(str, command)), start_new_session=True)
    try:
        return child.wait()
    except Interrupted:
        child.terminate()
        child.wait()
        raise


def addresses(server, gateway):
    print(f"""
  through Sluice   psql postgresql://bot:bot@127.0.0.1:{gateway.port}/bot
  its console      psql postgresql://bot:bot@127.0.0.1:{gateway.port}/pgbouncer
  live numbers     http://127.0.0.1:{gateway.admin}/
  metrics          http://127.0.0.1:{gateway.admin}/metrics
  PostgreSQL       psql postgresql://bot:bot@127.0.0.1:{server.port}/bot
  sample data      {server.rows()}
  configuration    {gateway.config}
""", flush=True)


def interrupt(*_):
    raise Interrupted


def serve(server, gateway, options):
    server.prepare()
    server.start()
    server.load_once()
    gateway.start(server.port)
    status = 0 if options.no_load else sample_load(server, gateway, options)
    addresses(server, gateway)
    if options.once:
        return status
    print("serving until Ctrl-C", flush=True)
    while gateway.process.poll() is None and server.process.poll() is None:
        time.sleep(0.3)
    print("a process ended by itself; logs are in", gateway.folder)
    return 1


def main():
    parser = argparse.ArgumentParser(prog="./dev run", description=__doc__.splitlines()[0])
    parser.add_argument("--binary", default=str(ROOT / "build/release/sluice"))
    parser.add_argument("--workers", type=int, default=60, help="clients of the sample load")
    parser.add_argument("--seconds", type=float, default=5, help="length of each of its two halves")
    parser.add_argument("--no-load", action="store_true", help="only serve")
    parser.add_argument("--once", action="store_true", help="stop after the sample load")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    server = PostgreSQL(data_folder())
    gateway = Gateway(options.binary, ROOT / ".dev")
    try:
        return serve(server, gateway, options)
    except Interrupted:
        return 0
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        print("stopping", flush=True)
        gateway.stop()
        server.stop()


if __name__ == "__main__":
    sys.exit(main())
