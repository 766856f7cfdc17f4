"""Private PostgreSQL 15 servers for the tests: one template made by initdb, copied for each server.

PostgreSQL refuses to run as root, so there everything belongs to the user postgres and lives below
/tmp, because the checkout may be out of that user's reach. Every process dies with its parent.
"""
import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

BIN = Path("/usr/lib/postgresql/15/bin")
PASSWORD = "secret"

# Who the tests log in as. `app` owns the database; the others exist for one way to log in each.
ROLES = """
CREATE ROLE admin SUPERUSER LOGIN PASSWORD 'adminsecret';
CREATE ROLE reader NOLOGIN;
CREATE ROLE app LOGIN PASSWORD 'secret' IN ROLE reader;
CREATE ROLE second LOGIN PASSWORD 'secret2';
CREATE ROLE replicator LOGIN REPLICATION PASSWORD 'secret';
CREATE ROLE certified LOGIN;
CREATE ROLE trusted LOGIN;
CREATE ROLE plain LOGIN PASSWORD 'secret';
CREATE ROLE expired LOGIN PASSWORD 'secret' VALID UNTIL '2001-01-01';
CREATE ROLE locked NOLOGIN PASSWORD 'secret';
SET password_encryption = md5;
CREATE ROLE old LOGIN PASSWORD 'secret';
"""

HBA = """
local   all all                     trust
host    all trusted   127.0.0.1/32  trust
host    all old       127.0.0.1/32  md5
host    all plain     127.0.0.1/32  password
hostssl all certified 127.0.0.1/32  cert
host    replication replicator 127.0.0.1/32 scram-sha-256
host    all all       127.0.0.1/32  scram-sha-256
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, seconds=10, what="condition"):
    """Polls; the answer of condition() once it is true. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.01)
    raise TimeoutError(f"{what} not within {seconds} s")


def unprivileged(command):
    """The command as a user that PostgreSQL accepts; it gets SIGINT when we die."""
    drop = ["--reuid", "postgres", "--regid", "postgres", "--init-groups"] if os.geteuid() == 0 else []
    return ["setpriv", *drop, "--pdeathsig", "INT", *map(str, command)]


def give_away(path):
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(path, user.pw_uid, user.pw_gid)


def make_certificates(folder):
    """A CA, a server certificate for localhost and 127.0.0.1, a client certificate for `certified`."""
    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *key, "-days", 2, "-subj", "/CN=test authority",
            "-keyout", folder / "ca.key", "-out", folder / "ca.crt")
    for name, subject, names in (("server", "localhost", "DNS:localhost,IP:127.0.0.1"),
                                 ("client", "certified", "DNS:certified")):
        (folder / "names").write_text(f"subjectAltName={names}\n")
        openssl("req", *key, "-subj", f"/CN={subject}",
                "-keyout", folder / f"{name}.key", "-out", folder / "request")
        openssl("x509", "-req", "-in", folder / "request", "-days", 2, "-extfile", folder / "names",
                "-CA", folder / "ca.crt", "-CAkey", folder / "ca.key", "-CAcreateserial",
                "-out", folder / f"{name}.crt")
    for path in folder.iterdir():
        path.chmod(0o600 if path.suffix == ".key" else 0o644)


class PostgresServer:
    """One server in its own data directory. start(), stop(), kill() may be called in any order."""

    def __init__(self, data, certificates, **settings):
        self.data, self.port, self.process = data, free_port(), None
        self.socket_folder = data.parent
        self.settings = {"max_connections": 100, **settings}
        for name in ("server.crt", "server.key", "ca.crt"):
            shutil.copy(certificates / name, data / name)
            give_away(data / name)
        (data / "pg_hba.conf").write_text(HBA)

    def start(self):
        options = {
            "port": self.port, "listen_addresses": "127.0.0.1", "fsync": "off",
            "unix_socket_directories": self.socket_folder, "ssl": "on", "ssl_cert_file": "server.crt",
            "ssl_key_file": "server.key", "ssl_ca_file": "ca.crt", "logging_collector": "off",
            "log_destination": "stderr", "wal_level": "logical", "shared_buffers": "32MB", **self.settings,
        }
        command = [BIN / "postgres", "-D", self.data]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        with open(self.data.parent / f"{self.data.name}.log", "ab") as log:
            self.process = subprocess.Popen(unprivileged(command), stdout=log, stderr=log, cwd="/")
        wait_until(self.answers, 30, "PostgreSQL's start")
        return self

    def answers(self):
        return subprocess.run([BIN / "pg_isready", "-q", "-h", self.socket_folder, "-p", str(self.port)],
                              check=False).returncode == 0

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(30)
            self.process = None

    def kill(self):
        """kill -9 of the postmaster; returns once the last of its children has noticed."""
        children = self.children()
        self.process.kill()
        self.process.wait()
        self.process = None
        wait_until(lambda: not any(Path(f"/proc/{child}").exists() for child in children), 20,
                   "the end of the backends")

    def children(self):
        folder = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in folder.read_text().split()]

    def pause(self):
        """SIGSTOP to the postmaster, which then makes no more children, and to those it has."""
        self.process.send_signal(signal.SIGSTOP)
        self._signal_children(signal.SIGSTOP)

    def resume(self):
        self._signal_children(signal.SIGCONT)
        self.process.send_signal(signal.SIGCONT)

    def _signal_children(self, number):
        for child in self.children():
            with contextlib.suppress(ProcessLookupError):  # a backend may end at any moment
                os.kill(child, number)

    def sql(self, text, database="app"):
        """Runs statements as the superuser; rows as tuples of text, without column names."""
        done = subprocess.run(
            ["psql", "-X", "-q", "-A", "-t", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", "-h", self.socket_folder,
             "-p", str(self.port), "-U", "postgres", "-d", database, "-c", text],
            check=True, capture_output=True, text=True)
        return [tuple(line.split("\x1f")) for line in done.stdout.splitlines()]

    def log(self):
        return (self.data.parent / f"{self.data.name}.log").read_text(errors="replace")


class ServerPark:
    """Makes servers from one template and removes everything at the end."""

    def __init__(self):
        self.root = Path(tempfile.mkdtemp(prefix="sluice-test-", dir="/tmp"))
        self.root.chmod(0o755)
        give_away(self.root)
        self.certificates = self.root / "certificates"
        self.certificates.mkdir()
        make_certificates(self.certificates)
        self.servers = []
        self._make_template()

    def _make_template(self):
        self.template = self.root / "template"
        subprocess.run(unprivileged([BIN / "initdb", "-D", self.template, "-U", "postgres", "--no-sync",
                                     "-E", "UTF8", "--locale", "C.UTF-8", "-A", "trust"]),
                       check=True, capture_output=True, cwd="/")
        server = PostgresServer(self.template, self.certificates).start()
        server.sql(ROLES, "postgres")
        server.sql("CREATE DATABASE app OWNER app", "postgres")
        server.sql("CREATE DATABASE elsewhere OWNER app", "postgres")
        server.stop()

    def server(self, **settings):
        """A fresh, started server."""
        data = self.root / f"data{len(self.servers)}"
        subprocess.run(unprivileged(["cp", "-a", self.template, data]), check=True, cwd="/")
        server = PostgresServer(data, self.certificates, **settings)
        self.servers.append(server)
        return server.start()

    def close(self):
        for server in self.servers:
            try:
                if server.process:
                    server.resume()
                server.stop()
            except (OSError, subprocess.TimeoutExpired):
                server.process.kill()
        shutil.rmtree(self.root, ignore_errors=True)
