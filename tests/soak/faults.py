#!/usr/bin/python3
"""Minutes of faults: servers die, stop and come back, connections are reset in the middle of a row, clients
vanish and stop reading, and all the others go on.

    /usr/bin/python3 tests/soak/faults.py [--minutes 10] [--seed N] [--only FAULT,...]

Sluice (SLUICE_BINARY, default build/release/sluice) has two pools: `app` leads straight to a private
PostgreSQL, `relayed` through a relay that can cut. After every fault the pools have RECOVERY seconds from the
server's return until every worker has had an answer. Descriptors and memory of Sluice are sampled each
second; the last third of the run may not lie above the first. Exit status 1 if anything didn't hold.
"""
import argparse
import asyncio
import collections
import contextlib
import faulthandler
import os
import random
import select
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from clients import RECOVERY, USER, Connection, Ledger, Lost, Worker, cancel, misbehave, stop_reading, vanish
import wire as w

os.environ.setdefault("SLUICE_BINARY", "build/release/sluice")
from gateway import PATIENCE, Sluice  # noqa: E402
from servers import ServerPark, free_port  # noqa: E402

WORKERS = 12  # for each pool
POOL = 12
PAUSE = 3.0  # seconds of SIGSTOP
QUIET = 1.5  # seconds without a fault after recovery, in which every error counts
CUTS = 4  # connections reset by one fault
CUT_SECONDS = 20
DESCRIPTORS_BAR = 8  # more in the last third than in the first
MEMORY_BAR = 4 << 20
PEAK_BAR = 32 << 20  # at any moment above the first third's median: nothing is buffered without bound


class Relay:
    """The relay's process."""

    def __init__(self, server_port):
        self.port = free_port()
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", sys.executable, str(Path(__file__).parent / "relay.py"),
             str(self.port), str(server_port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        assert self.process.stdout.readline() == b"ready\n"

    def cut(self, count):
        """Returns once so many connections have been cut."""
        self.process.stdin.write(f"{count}\n".encode())
        done, deadline = 0, time.monotonic() + CUT_SECONDS
        while done < count:
            if not select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))[0]:
                raise RuntimeError(f"only {done} of {count} connections carried a row in {CUT_SECONDS} s")
            done += os.read(self.process.stdout.fileno(), 4096).count(b"\n")

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)


class Soak:
    """The stage, the faults on it, and what they did."""

    def __init__(self, server, gateway, relay, seed):
        self.server, self.gateway, self.relay = server, gateway, relay
        self.ledger, self.random = Ledger(), random.Random(seed)
        self.samples = []  # seconds, descriptors, resident bytes
        self.recoveries = collections.defaultdict(list)  # fault: seconds until every worker had an answer

    # ---- faults: each returns when the server is back, with the moment at which it was

    async def kill_backend(self):
        """kill -9 of one backend: PostgreSQL throws all clients out and recovers."""
        witness = await Connection.open(self.server.port, "app")
        pids = await self.backends()
        if pids:
            os.kill(self.random.choice(pids), signal.SIGKILL)
            async with asyncio.timeout(20):
                await self.end_of(witness)
        return await self.server_is_back()

    async def kill_postmaster(self):
        await asyncio.to_thread(self.server.kill)
        await asyncio.sleep(self.random.random())
        await asyncio.to_thread(self.server.start)
        return await self.server_is_back()

    async def restart(self):
        await asyncio.to_thread(self.server.stop)
        await asyncio.sleep(self.random.random() * 0.5)
        await asyncio.to_thread(self.server.start)
        return await self.server_is_back()

    async def silence(self):
        """SIGSTOP for seconds: nothing is lost, everybody waits."""
        self.server.pause()
        await asyncio.sleep(PAUSE)
        self.server.resume()
        return time.monotonic()

    async def terminate(self):
        """Some backends get SIGTERM, one after the other."""
        for _ in range(5):
            pids = await self.backends()
            if pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.random.choice(pids), signal.SIGTERM)
            await asyncio.sleep(0.1)
        return time.monotonic()

    async def reset_in_row(self):
        await asyncio.to_thread(self.relay.cut, CUTS)
        return time.monotonic()

    FAULTS = (kill_backend, kill_postmaster, restart, silence, terminate, reset_in_row)

    async def backends(self):
        connection = await Connection.open(self.server.port, "app")
        connection.send(w.query(f"SELECT pid FROM pg_stat_activity WHERE usename = '{USER}' "
                                "AND pid <> pg_backend_pid()"))
        rows, _ = await connection.reply()
        connection.drop()
        return list(map(int, rows))

    async def end_of(self, connection):
        with contextlib.suppress(Lost):
            while True:
                await connection.read()

    async def server_is_back(self):
        """The moment at which PostgreSQL itself answers again."""
        while True:
            try:
                connection = await Connection.open(self.server.port, "app")
                connection.send(w.query("SELECT 1"))
                await connection.reply()
                connection.drop()
                return time.monotonic()
            except Lost:
                await asyncio.sleep(0.005)

    # ---- the run

    async def one_fault(self, fault):
        self.ledger.begin(fault.__name__)
        returned = await fault(self)
        self.ledger.returned(returned)
        took = await self.recovered(returned)
        self.recoveries[fault.__name__].append(took)
        if took > RECOVERY * PATIENCE:
            late = [name for name, last in self.ledger.last_success.items() if last < returned]
            self.ledger.violation(f"recovery took {took:.2f} s; last: {late[:4]}")
        await asyncio.sleep(QUIET)

    async def recovered(self, since):
        """Seconds from then until every worker has got an answer to a statement it began later."""
        while time.monotonic() < since + 15:
            if min(self.ledger.last_success.values()) >= since:
                break
            await asyncio.sleep(0.005)
        return time.monotonic() - since

    async def sample(self):
        began = time.monotonic()
        while True:
            await asyncio.sleep(1)
            self.samples.append((time.monotonic() - began, self.gateway.descriptors(),
                                 self.gateway.resident_bytes()))

    def clients(self):
        port = self.gateway.port
        for database in ("app", "relayed"):
            for number in range(WORKERS):
                yield Worker(self.ledger, port, database, number).run()
            for act, count in ((vanish, 2), (stop_reading, 2), (cancel, 1)):
                for number in range(count):
                    yield misbehave(self.ledger, port, database, number, act)

    async def run(self, seconds, faults):
        self.ledger.begin("start")
        tasks = [asyncio.create_task(client) for client in [*self.clients(), self.sample()]]
        try:
            await asyncio.sleep(1.5)
            self.ledger.returned(time.monotonic())
            await asyncio.sleep(1.5)
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                for fault in self.random.sample(faults, len(faults)):
                    await self.one_fault(fault)
                    failed = next((task for task in tasks if task.done()), None)
                    if failed:
                        failed.result()
                    if self.gateway.process.poll() is not None:
                        self.ledger.violation(f"Sluice ended with {self.gateway.process.returncode}")
                        return
                    if time.monotonic() >= end:
                        break
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    # ---- the verdict

    def thirds(self, column):
        """Medians of the first and the last third; the first seconds, in which buffers come to be, don't count."""
        values = [sample[column] for sample in self.samples]
        values = values[len(values) // 10:]
        third = max(1, len(values) // 3)
        return statistics.median(values[:third]), statistics.median(values[-third:])

    def report(self):
        """Prints everything; True if all holds."""
        ledger = self.ledger
        print(f"answers: {dict(ledger.answered)}")
        print(f"\n{'fault':16}{'times':>6}{'recovery: median':>18}{'worst':>8}   errors")
        for fault, times in sorted(self.recoveries.items()):
            errors = {how: n for (during, how), n in sorted(ledger.errors.items()) if during == fault}
            print(f"{fault:16}{len(times):6}{statistics.median(times):16.3f} s{max(times):6.2f} s   {errors}")
        print("longest gap between a worker's answers: " +
              ", ".join(f"{gap:.2f} s ({fault})" for fault, gap in ledger.longest_gap.most_common()))
        (fds, fds_end), (memory, memory_end) = self.thirds(1), self.thirds(2)
        print(f"\ndescriptors: {fds:.0f} in the first third, {fds_end:.0f} in the last")
        print(f"memory: {memory / 1e6:.1f} MB in the first third, {memory_end / 1e6:.1f} MB in the last")
        if fds_end > fds + DESCRIPTORS_BAR:
            ledger.violation("descriptors leak")
        if memory_end > memory + MEMORY_BAR:
            ledger.violation("memory grows")
        peak = max(sample[2] for sample in self.samples)
        print(f"most memory at any moment: {peak / 1e6:.1f} MB")
        if peak > memory + PEAK_BAR:
            ledger.violation(f"{(peak - memory) / 1e6:.0f} MB more at one moment than in the first third")
        if complaint := self.gateway.complaints():
            ledger.violation(complaint)
        print(f"\nviolations: {len(ledger.violations)}")
        print("\n".join(ledger.violations[:40]))
        return not ledger.violations


def configured(folder, server, relay):
    """One listener with two databases: one straight, one through the relay."""
    def address(port):
        return {"host": "127.0.0.1", "port": port, "dbname": "app"}

    listener = {
        "primary": f"postgres://{USER}@127.0.0.1:{server.port}/app",
        "auth": {"method": "trust", "users": {USER: "unused"}}, "server_tls": {"mode": "disable"},
        "databases": {"app": address(server.port), "relayed": address(relay.port)}}
    return Sluice(folder, server, mode="transaction", max=POOL, wait="10s", listener=listener)


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--only", help="names of faults, parted by commas")
    chosen = parser.parse_args()
    names = chosen.only.split(",") if chosen.only else [fault.__name__ for fault in Soak.FAULTS]
    chosen.faults = [fault for fault in Soak.FAULTS if fault.__name__ in names]
    return chosen


def main():
    chosen = options()
    print(f"seed {chosen.seed}", flush=True)
    faulthandler.dump_traceback_later(chosen.minutes * 60 + 120, exit=True)  # this itself mustn't hang
    with contextlib.ExitStack() as stack:
        park = stack.enter_context(contextlib.closing(ServerPark()))
        server = park.server(max_connections=100, ssl="off")
        relay = stack.enter_context(contextlib.closing(Relay(server.port)))
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="sluice-soak-"))
        gateway = configured(folder, server, relay).start()
        stack.callback(gateway.stop)
        soak = Soak(server, gateway, relay, chosen.seed)
        asyncio.run(soak.run(chosen.minutes * 60, chosen.faults))
        holds = soak.report()
        if not holds:
            print(f"\nSluice's log, its end:\n{gateway.log()[-3000:]}")
        return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
