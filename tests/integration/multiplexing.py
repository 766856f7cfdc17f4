"""What the tests, the soak and the benchmark of multiplexing share: does the gateway know the setting, what does
it say was shared, and clients that ask at the same time.
"""
import contextlib
import functools
import hashlib
import json
import subprocess
import tempfile
import threading
import urllib.request
from pathlib import Path

import wire as w
from gateway import binary, toml
from servers import wait_until


@functools.cache
def accepts(key, value="auto"):
    """True if the gateway under test takes pool.<key>."""
    with tempfile.TemporaryDirectory(prefix="sluice-test-") as folder:
        config = Path(folder) / "sluice.toml"
        config.write_text("\n".join([
            "[[postgres]]", 'listen = "127.0.0.1:6432"', 'primary = "postgres://app:secret@127.0.0.1:5432/app"',
            f"pool = {toml({'mode': 'transaction', key: value})}", 'auth = { method = "trust", users = { app = "x" } }',
            ""]))
        config.chmod(0o600)
        try:
            done = subprocess.run([binary(), "check", "--config", config], capture_output=True, check=False)
        except OSError:  # not built
            return False
        return done.returncode == 0


def pools(gateway):
    """The multiplex figures of each pool of the gateway that has served somebody."""
    url = f"http://127.0.0.1:{gateway.admin_port}/performance/pools"
    with urllib.request.urlopen(url, timeout=5) as answer:
        return [pool["multiplex"] for pool in json.load(answer)["pools"]]


def total(gateway, name):
    """Sum of one of the counts over all pools."""
    return sum(figures[name] for figures in pools(gateway))


# --- what the tests ask for -------------------------------------------------------------------------

WAYS = ("simple", "unnamed", "named")
CLIENTS = 8
WARM_ROUNDS = 50  # times CLIENTS: executions after which a statement counts as known
ROWS = 100
POINT = "SELECT n, v FROM mx_rows WHERE n = {0}"

SCHEMA = f"""
DROP SCHEMA IF EXISTS mx CASCADE;
CREATE SCHEMA mx AUTHORIZATION app;
DROP TABLE IF EXISTS mx_rows, mx_log CASCADE;
DROP SEQUENCE IF EXISTS mx_turns;
CREATE TABLE mx_rows (n int PRIMARY KEY, v text);
INSERT INTO mx_rows SELECT g, md5(g::text) FROM generate_series(0, {ROWS - 1}) AS g;
CREATE TABLE mx_log (n int);
CREATE SEQUENCE mx_turns;
CREATE OR REPLACE FUNCTION mx_lazy(ms int) RETURNS int STABLE LANGUAGE plpgsql AS
  $$ BEGIN IF ms > 0 THEN PERFORM pg_sleep(ms / 1000.0); END IF; RETURN ms; END $$;
CREATE OR REPLACE FUNCTION mx_tell(said text) RETURNS text STABLE LANGUAGE plpgsql AS
  $$ BEGIN RAISE NOTICE '%', said; RETURN said; END $$;
CREATE OR REPLACE FUNCTION mx_anything(n int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN n; END $$;
CREATE OR REPLACE FUNCTION mx_write(n int) RETURNS int LANGUAGE plpgsql AS
  $$ BEGIN INSERT INTO mx_log VALUES (n); RETURN n; END $$;
CREATE VIEW mx_hidden AS SELECT n, mx_write(n) AS written FROM mx_rows;
GRANT ALL ON mx_rows, mx_log, mx_hidden, mx_turns TO app, trusted;
ALTER TABLE mx_rows OWNER TO app;
ANALYZE mx_rows;
"""


def value_of(n):
    return hashlib.md5(str(n).encode()).hexdigest()


def request(client, way, template, *values):
    """The frames of a statement with {0}, {1}... where values stand; `named` prepares it at its first use."""
    if way == "simple":
        literals = (value if isinstance(value, int) else f"'{value}'" for value in values)
        return w.query(template.format(*literals))
    text = template.format(*(f"${number + 1}" for number in range(len(values))))
    if way == "unnamed":
        return w.parse("", text) + w.bind("", "", values) + w.execute() + w.SYNC
    known = vars(client).setdefault("named", {})
    parse = b"" if text in known else w.parse(known.setdefault(text, f"s{len(known)}"), text)
    return parse + w.bind("", known[text], values) + w.execute() + w.SYNC


def ask_all(clients, way, template, values=lambda number: (number,)):
    """All send at once, then all read: replies in the clients' order."""
    for number, client in enumerate(clients):
        client.send(request(client, way, template, *values(number)))
    return [client.ready() for client in clients]


def warm(clients, way, template=POINT, values=lambda number: (number,), rounds=WARM_ROUNDS):
    """The statement is asked until the gateway has seen that it is quick."""
    for _ in range(rounds):
        for replies in ask_all(clients, way, template, values):
            assert replies.errors == [], replies.errors


def noted(gateway, statements):
    """Returns once the figures tell of so many statements, shared or with the reason why not."""
    def told():
        return sum(f["statements"] + sum(r["statements"] for r in f["reasons"]) for f in pools(gateway))

    with contextlib.suppress(TimeoutError):  # reasons may not stand there for all
        wait_until(lambda: told() >= statements, 1.5, "figures")


def cancel(client, endpoint):
    """Sends a cancel for what the client runs and waits until it has been passed on."""
    other = w.Wire.connect(endpoint.host, endpoint.port)
    other.send(w.cancel_request(client.process, client.secret))
    other.rest()
    other.close()


class Crowd:
    """Clients in threads that ask for short reads for as long as the block lasts, and check every answer."""

    def __init__(self, endpoint, count=6, template=POINT):
        self.endpoint, self.template, self.answers, self.failures = endpoint, template, 0, []
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(number,)) for number in range(count)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        wait_until(lambda: self.answers >= WARM_ROUNDS * len(self.threads) or self.failures, 30, "the crowd at work")
        return self

    def __exit__(self, kind, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()
        if kind is None:
            assert self.failures == []

    def _run(self, number):
        client, count = None, 0
        try:
            client = w.Wire.connect(self.endpoint.host, self.endpoint.port)
            client.login(self.endpoint.user, self.endpoint.password, self.endpoint.database)
            while not self.stop.is_set():
                n, count = (number * 17 + count) % ROWS, count + 1
                replies = client.ask(request(client, WAYS[number % len(WAYS)], self.template, n))
                if replies.rows != [[str(n), value_of(n)]] or replies.errors:
                    self.failures.append((n, replies))
                    return
                self.answers += 1
        except Exception as failure:  # in a thread: the block's end tells of it
            self.failures.append(failure)
        finally:
            if client:
                client.close()
