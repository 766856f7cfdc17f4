"""The sluice process under test: writes its configuration, waits for its ready line, stops it by pid
and fails the test that made a sanitizer speak.
"""
import json
import os
import re
import select
import signal
import subprocess
import time
from pathlib import Path

from servers import free_port

ROOT = Path(__file__).resolve().parents[2]
READY = re.compile(r"ready: .*?\bpostgres [\d.]+:(\d+).*\badmin [\d.]+:(\d+)")
SANITIZER = re.compile(r"AddressSanitizer|ThreadSanitizer|LeakSanitizer|runtime error:|Assertion .* failed")


def binary():
    return (ROOT / os.environ.get("SLUICE_BINARY", "build/dev/sluice")).resolve()


# Keys for every gateway's pool, as JSON: the whole suite under another setting.
POOL = json.loads(os.environ.get("SLUICE_TEST_POOL", "{}"))


def sanitized():
    """True for a build with a sanitizer: several times slower, and its memory says nothing."""
    return any(part in ("asan", "tsan") for part in binary().parts)


PATIENCE = 6 if sanitized() else 1  # bounds on time are multiplied by this


def toml(value):
    """A Python value as TOML; dictionaries become inline tables."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{ " + ", ".join(f'"{k}" = {toml(v)}' for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, (int, float)):
        return str(value)
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


class Endpoint:
    """Where a client connects and as whom: Sluice, or PostgreSQL itself in a run with --direct."""

    def __init__(self, port, *, host="127.0.0.1", user="app", password="secret", database="app"):
        self.host, self.port, self.user = host, port, user
        self.password, self.database = password, database

    def but(self, **changes):
        fields = {"host": self.host, "user": self.user, "password": self.password, "database": self.database}
        return Endpoint(self.port, **{**fields, **changes})

    @property
    def url(self):
        return f"postgresql://{self.user}:{self.password}@{self.host}:{self.port}/{self.database}"

    @property
    def dsn(self):
        return (f"host={self.host} port={self.port} user={self.user} password={self.password} "
                f"dbname={self.database}")

    @property
    def environment(self):
        return {**os.environ, "PGHOST": self.host, "PGPORT": str(self.port), "PGUSER": self.user,
                "PGPASSWORD": self.password, "PGDATABASE": self.database, "PGCONNECT_TIMEOUT": "10"}


class Sluice:
    """One running gateway in front of one server."""

    def __init__(self, folder, server, *, listener=None, top=None, **settings):
        """listener: keys that replace the [[postgres]] defaults; settings: keys of its pool; top:
        keys above all tables."""
        self.folder, self.server, self.process = Path(folder), server, None
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port, self.admin_port = free_port(), free_port()
        self.listener = {
            "listen": f"127.0.0.1:{self.port}",
            "primary": f"postgres://app:secret@127.0.0.1:{server.port}/app",
            "pool": {"mode": "transaction", "min": 0, "max": 20, "wait": "5s", "lifetime": "1h", **POOL, **settings},
            "auth": {"method": "scram-sha-256", "users": {"app": "secret"}, "admin_users": ["app"]},
            **(listener or {}),
        }
        self.top = {"drain_timeout": "2s", **(top or {})}
        self.stderr_path = self.folder / "sluice.log"
        self.config_path = self.folder / "sluice.toml"
        self.write_config()

    @property
    def mode(self):
        return self.listener["pool"]["mode"]

    def write_config(self):
        def table(values):
            return [f"{key} = {toml(value)}" for key, value in values.items()]

        lines = [*table(self.top), "[[postgres]]", *table(self.listener),
                 "[admin]", f'listen = "127.0.0.1:{self.admin_port}"', ""]
        self.config_path.write_text("\n".join(lines))
        self.config_path.chmod(0o600)

    def start(self, ready_seconds=30):
        command = ["setpriv", "--pdeathsig", "KILL", binary(), "serve", "--config", self.config_path]
        with open(self.stderr_path, "ab") as log:
            self.process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=log,
                                            cwd=self.folder, env=self._environment())
        line = self._ready_line(ready_seconds)
        found = READY.search(line)
        assert found, f"no ready line but {line!r}; log:\n{self.log()[-3000:]}"
        assert int(found[1]) == self.port and int(found[2]) == self.admin_port, line
        return self

    def _environment(self):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        environment.setdefault("ASAN_OPTIONS", "detect_stack_use_after_return=0:abort_on_error=0")
        environment.setdefault("TSAN_OPTIONS", "halt_on_error=0")
        return environment

    def _ready_line(self, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if select.select([self.process.stdout], [], [], 0.2)[0]:
                return self.process.stdout.readline().decode()
            if self.process.poll() is not None:
                break
        return ""

    @property
    def endpoint(self):
        return Endpoint(self.port)

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, seconds=20):
        """SIGTERM, which drains, and wait. Returns the exit status."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"sluice didn't stop in {seconds} s; log:\n{self.log()[-3000:]}") from None
        finally:
            self.process.stdout.close()
            self.process = None
        return status

    def log(self):
        return self.stderr_path.read_text(errors="replace") if self.stderr_path.exists() else ""

    def complaints(self):
        """What a sanitizer or an assertion said, with the lines that follow; empty: nothing."""
        log = self.log()
        found = SANITIZER.search(log)
        return log[max(0, found.start() - 200):found.start() + 6000] if found else ""

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def resident_bytes(self):
        if sanitized():
            return 0
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


class Direct:
    """Stands in for Sluice in a run with --direct: the tests then prove themselves on PostgreSQL."""

    mode = "direct"

    def __init__(self, server):
        self.server, self.port = server, server.port

    @property
    def endpoint(self):
        return Endpoint(self.port)

    def start(self):
        return self

    def stop(self):
        return 0

    def log(self):
        return ""

    def complaints(self):
        return ""
