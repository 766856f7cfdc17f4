#!/usr/bin/python3
"""Many clients on few connections with multiplexing, and everything goes wrong: nobody gets another's row, and no
write is lost or done twice.

    /usr/bin/python3 tests/soak/multiplex.py --statements 5000000 [--multiplex reads|all|off] [--quick]
        [--clients 48] [--pool 3] [--workers 2] [--seconds N] [--seed N] [--faults terminate,stop,...]

Clients (multiplex_clients.py) in four processes send reads whose every answer can be told apart, errors on
purpose, writes to a ledger, cancels, broken frames, and vanish. Meanwhile backends are terminated, stopped for
a moment and killed, the table is locked and changed, the server restarts; between two faults there is quiet, in
which every error counts. At the end each acknowledged write is in the ledger once, a rolled back one
isn't, and of which nobody knows is there once at most. Exit status 1 on any violation.

SLUICE_BINARY: the gateway, default build/release/sluice. --multiplex plain leaves the key out.
"""
import argparse
import collections
import contextlib
import faulthandler
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent / "integration"))

from gateway import PATIENCE, Sluice  # noqa: E402
from multiplexing import pools  # noqa: E402
from multiplex_shapes import SCHEMA  # noqa: E402
import wire as w  # noqa: E402
from servers import ServerPark  # noqa: E402

PROCESSES = 4
USER = "trusted"
QUERY_TIMEOUT = 2.0 * PATIENCE
RECOVERY = 1.0 * PATIENCE  # seconds after a fault in which a statement may still begin that meets it
QUICK_SECONDS = 12

GONE = {"57P01", "57P02", "57P03", "08000", "08001", "08003", "08004", "08006", "53300", "cut in a message"}
# What a client may be told around each fault; the others go unnoticed but for time.
EXPLAINED = {"terminate": {"57P01", "08000", "08003", "08006", "cut in a message"}, "kill": GONE, "restart": GONE,
             "stop": set(), "lock": set(), "change": set()}
WEIGHTS = {"terminate": 6, "stop": 6, "lock": 2, "change": 2, "kill": 1, "restart": 1}


class Faults:
    """Makes faults in a thread, with quiet between, and remembers when each began and ended.

    A server that it has restarted dies with the thread, its parent, so the thread stays until release().
    """

    def __init__(self, server, names, quiet, seed):
        self.server, self.names, self.quiet = server, names, quiet
        self.random, self.happened = random.Random(seed), []  # (name, begin, end)
        self.ended, self.done, self.released = threading.Event(), threading.Event(), threading.Event()
        self.failure = None
        self.thread = threading.Thread(target=self._run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.done.wait()

    def release(self):
        self.ended.set()
        self.released.set()
        if self.thread.ident:
            self.thread.join()

    def _run(self):
        try:
            while self.names and not self.ended.wait(self.random.uniform(*self.quiet)):
                name = self.random.choices(self.names, [WEIGHTS[name] for name in self.names])[0]
                begin = time.monotonic()
                self.happened.append([name, begin, float("inf")])
                getattr(self, name)()
                self.happened[-1][2] = time.monotonic()
        except Exception as failure:  # the main thread tells of it
            self.failure = failure
        self.done.set()
        self.released.wait()

    def backends(self):
        return [int(pid) for pid, in self.server.sql(
            f"SELECT pid FROM pg_stat_activity WHERE usename = '{USER}' AND backend_type = 'client backend'")]

    def signal_one(self, number, but=None):
        """The backend's pid, or None if there was none."""
        pids = [pid for pid in self.backends() if pid != but]
        for pid in self.random.sample(pids, len(pids))[:1]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
                return pid
        return None

    def terminate(self):
        self.server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        f"WHERE usename = '{USER}' ORDER BY random() LIMIT {self.random.choice((1, 1, 2))}")

    def stop(self):
        """One backend stands still for a moment."""
        pid = self.signal_one(signal.SIGSTOP)
        time.sleep(self.random.uniform(0.1, 0.4))
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def lock(self):
        """Nobody can read the table for a moment."""
        self.server.sql("BEGIN; LOCK TABLE nonce_rows IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(0.15); COMMIT")

    def change(self):
        """Every plan for the table is void, and what it answers stays the same."""
        self.server.sql("CREATE INDEX nonce_rows_spare ON nonce_rows (v); ANALYZE nonce_rows")
        self.server.sql("DROP INDEX nonce_rows_spare")

    def kill(self):
        """kill -9 of one backend: PostgreSQL throws all out and recovers. A witness tells when it has noticed."""
        with w.Wire.connect("127.0.0.1", self.server.port).socket as connected:
            witness = w.Wire(connected).login(USER, "", "app")
            if self.signal_one(signal.SIGKILL, but=witness.process):
                witness.rest()
                self.wait_for_server()

    def restart(self):
        self.server.stop()
        time.sleep(self.random.random() * 0.3)
        self.server.start()
        self.wait_for_server()

    def wait_for_server(self):
        """Until it answers the superuser, half a minute at most."""
        for _ in range(1000):
            with contextlib.suppress(subprocess.CalledProcessError):
                self.server.sql("SELECT 1")
                return
            time.sleep(0.02)
        raise RuntimeError("the server doesn't come back")


def run_clients(chosen, gateway, server, folder):
    """The processes' results, summed; None for a process that failed or hung."""
    running = []
    for number in range(PROCESSES):
        plan = {"port": gateway.port, "server_port": server.port, "seed": chosen.seed, "process": number,
                "clients": chosen.clients // PROCESSES, "query_timeout": QUERY_TIMEOUT, "seconds": chosen.seconds,
                "statements": max(1, chosen.statements // PROCESSES // (chosen.clients // PROCESSES)),
                "ledger": f"{folder}/ledger{number}"}
        running.append(subprocess.Popen([sys.executable, FOLDER / "multiplex_clients.py", json.dumps(plan)],
                                        stdout=subprocess.PIPE, text=True))
    try:
        return [json.loads(process.communicate(timeout=chosen.seconds + 180)[0] or "null") for process in running]
    finally:
        for process in running:
            process.kill()
            process.wait()


class Verdict:
    """Everything that is printed, and every violation."""

    def __init__(self):
        self.counts, self.states, self.violations = collections.Counter(), collections.Counter(), []
        self.around = collections.Counter()  # (fault, state)

    def violation(self, text):
        self.counts["violations"] += 1
        if len(self.violations) < 100:
            self.violations.append(text)

    def take(self, result, happened):
        """One process's sums; its errors have to lie beside a fault that explains them."""
        if result is None:
            self.violation("a process of clients failed, see above")
            return
        self.counts.update(result["counts"])
        self.states.update(result["states"])
        self.violations += result["violations"]
        for how, began, ended, text in result["events"]:
            beside = [name for name, begin, end in happened if begin <= ended and began <= end + RECOVERY]
            cause = next((name for name in beside if how in EXPLAINED[name]), None)
            self.around[cause or "nothing", how] += 1
            if cause is None:
                since = max((f"{began - begin:.3f} s after {name}" for name, begin, _ in happened if begin <= ended),
                            default="no fault yet")
                self.violation(f"{how} without a cause ({', '.join(beside) or since}): {text}")

    def audit(self, server, folder):
        """The ledger against what the clients were told."""
        there = collections.Counter(name for name, in server.sql("SELECT id FROM ledger"))
        told = {"+": 0, "?": 0, "-": 0}
        known = set()
        for path in sorted(Path(folder).glob("ledger*")):
            for line in path.read_text().splitlines():
                mark, name = line[0], line[1:]
                known.add(name)
                told[mark] += 1
                count = there[name]
                if count != 1 if mark == "+" else count > (mark == "?"):
                    what = {"+": "acknowledged", "?": "unacknowledged", "-": "rolled back"}[mark]
                    self.violation(f"{what} write {name} is there {count} times")
        for name in there.keys() - known:
            if there[name]:
                self.violation(f"a write that nobody made: {name}")
        self.counts["writes acknowledged"], self.counts["writes unknown"] = told["+"], told["?"]
        self.counts["writes rolled back"] = told["-"]

    def report(self, seconds, happened):
        counts = dict(self.counts)
        counts.pop("writes", None)
        print(f"{counts.get('asked', 0)} statements in {seconds:.1f} s, {counts.get('answered', 0) / seconds:.0f} "
              "answers a second")
        for name, value in sorted(counts.items()):
            print(f"  {name:32}{value:>10}")
        print("faults:", dict(collections.Counter(name for name, *_ in happened)))
        print("errors by SQLSTATE:", dict(sorted(self.states.items())))
        print("unasked errors beside faults:",
              {f"{fault}: {how}": n for (fault, how), n in sorted(self.around.items())})
        print(f"violations: {self.counts['violations']}")
        print("\n".join(self.violations[:40]))


def start_gateway(chosen, folder, server):
    pool = {} if chosen.multiplex == "plain" else {"multiplex": chosen.multiplex}
    listener = {"primary": f"postgres://{USER}@127.0.0.1:{server.port}/app", "server_tls": {"mode": "disable"},
                "auth": {"method": "trust", "users": {USER: "unused"}},
                "timeouts": {"query": f"{int(QUERY_TIMEOUT * 1000)}ms"}}
    gateway = Sluice(folder, server, mode="transaction", max=chosen.pool, wait="30s", **pool,
                     top={"net.workers": chosen.workers})
    gateway.listener.update(listener)
    gateway.write_config()
    return gateway.start()


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--statements", type=int)
    parser.add_argument("--seconds", type=float, help="ends there even if there are statements left")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_SECONDS} s, and a fault every second")
    parser.add_argument("--multiplex", choices=["reads", "all", "auto", "off", "plain"], default="reads")
    parser.add_argument("--clients", type=int, default=48)
    parser.add_argument("--pool", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--faults", default=",".join(WEIGHTS), help="names, parted by commas; may be empty")
    chosen = parser.parse_args()
    chosen.seconds = chosen.seconds or (QUICK_SECONDS if chosen.quick else 7200)
    chosen.statements = chosen.statements or (10**9 if chosen.quick else 1_000_000)
    chosen.names = [name for name in chosen.faults.split(",") if name]
    chosen.quiet = (0.3, 1.0) if chosen.quick else (0.5, 2.5 + RECOVERY)
    return chosen


def main():
    os.environ.setdefault("SLUICE_BINARY", "build/release/sluice")
    chosen = options()
    print(f"seed {chosen.seed}, multiplex {chosen.multiplex}, {chosen.clients} clients, {chosen.pool} connections",
          flush=True)
    faulthandler.dump_traceback_later(chosen.seconds + 300, exit=True)  # this itself mustn't hang
    verdict = Verdict()
    with contextlib.ExitStack() as stack:
        park = stack.enter_context(contextlib.closing(ServerPark()))
        server = park.server(max_connections=60, ssl="off")
        server.sql(SCHEMA)
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="sluice-soak-"))
        gateway = start_gateway(chosen, folder, server)
        stack.callback(gateway.stop)
        begin = time.monotonic()
        faults = Faults(server, chosen.names, chosen.quiet, chosen.seed)
        stack.callback(faults.release)
        with faults:
            results = run_clients(chosen, gateway, server, folder)
        faults.wait_for_server()
        seconds = time.monotonic() - begin
        if faults.failure:
            verdict.violation(f"the faults failed: {faults.failure}")
        for result in results:
            verdict.take(result, faults.happened)
        verdict.audit(server, folder)
        if gateway.process.poll() is not None:
            verdict.violation(f"Sluice ended with {gateway.process.returncode}")
        elif chosen.multiplex != "plain":
            print("figures:", json.dumps(pools(gateway)))
        if complaint := gateway.complaints():
            verdict.violation(complaint)
        verdict.report(seconds, faults.happened)
        if verdict.counts["violations"]:
            print(f"\nSluice's log, its end:\n{gateway.log()[-3000:]}")
    return 1 if verdict.counts["violations"] else 0


if __name__ == "__main__":
    sys.exit(main())
