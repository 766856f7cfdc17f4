#!/usr/bin/python3
"""What 10,000 idle clients cost: memory each, and speed of those that work.

    ./dev bench idle_clients [--quick] [--clients N] [--rounds N] [--seconds N]

Two Sluices stand before one PostgreSQL; the idle clients are logged in to one of them, each has asked one
question. Its memory is read before them and after it has settled. Then pgbench -S with 64 clients runs in
turns through both. A full run writes docs/benchmarks.md. Exit status 1 if a bar is missed.
"""
import argparse
import contextlib
import re
import socket
import statistics
import struct
import subprocess
import sys
import time
from pathlib import Path

from report import machine, replace_block, table, verdict
from stage import USER, Gateway, Server, pgbench

BYTES_BAR, SLOWER_BAR = 4096, 0.05
PROCESSES = 4
ACTIVE = 64
CALM_SECONDS = 4  # memory counts as settled when it hasn't moved for so long


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="2 rounds of 2 s, doesn't write the page")
    parser.add_argument("--clients", type=int, default=10_000)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--crowd", nargs=3, metavar=("PORT", "SOURCE", "COUNT"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    chosen.rounds = chosen.rounds or (2 if chosen.quick else 8)
    chosen.seconds = 2 if chosen.quick else chosen.seconds
    return chosen


def read_until_ready(connection):
    """Skips frames up to ReadyForQuery; an ErrorResponse is an exception."""
    data = b""
    while True:
        while len(data) >= 5 and len(data) > (size := struct.unpack_from("!I", data, 1)[0]):
            kind, data = data[:1], data[size + 1:]
            if kind == b"E":
                raise RuntimeError("refused")
            if kind == b"Z":
                return
        got = connection.recv(4096)
        if not got:
            raise RuntimeError("closed")
        data += got


def crowd(port, source, count):
    """A process of idle clients: says so when all have logged in, and ends with its standard input."""
    body = struct.pack("!I", 196608) + f"user\0{USER}\0database\0app\0\0".encode()
    connections = []
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", port), 30, (source, 0))
        connection.sendall(struct.pack("!I", len(body) + 4) + body)
        read_until_ready(connection)
        connection.sendall(b"Q\0\0\0\x0dSELECT 1\0")
        read_until_ready(connection)
        connections.append(connection)
    print("ready", flush=True)
    sys.stdin.read()


@contextlib.contextmanager
def idle_clients(port, count):
    """The crowd, in a few processes with addresses of their own, because ports are scarce."""
    each = [count // PROCESSES + (number < count % PROCESSES) for number in range(PROCESSES)]
    running = [subprocess.Popen([sys.executable, __file__, "--crowd", str(port), f"127.0.0.{number + 2}",
                                 str(size)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
               for number, size in enumerate(each)]
    try:
        for process in running:
            if process.stdout.readline() != "ready\n":
                raise RuntimeError("an idle client wasn't let in")
        yield
    finally:
        for process in running:
            process.stdin.close()
            process.wait(30)


def memory(pid):
    """Resident and proportional size in bytes."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return tuple(int(re.search(rf"^{name}:\s+(\d+)", text, re.M)[1]) * 1024 for name in ("Rss", "Pss"))


def settled_memory(pid):
    """Once it hasn't moved for a while; after a minute whatever it is."""
    last, since, end = memory(pid), time.monotonic(), time.monotonic() + 60
    while time.monotonic() < min(end, since + CALM_SECONDS):
        time.sleep(0.5)
        now = memory(pid)
        if now != last:
            last, since = now, time.monotonic()
    return last


def compare_speed(server, crowded, quiet, chosen):
    """Medians of the tps of both, and of the ratio within a round."""
    readings = []
    for turn in range(chosen.rounds):
        pair = {}
        for name, gateway in (("crowded", crowded), ("quiet", quiet))[::1 if turn % 2 else -1]:
            pair[name] = pgbench(gateway, server, protocol="simple", clients=ACTIVE, seconds=chosen.seconds)
        readings.append((pair["crowded"], pair["quiet"]))
        print(f"round {turn + 1} of {chosen.rounds}", file=sys.stderr)
    of = lambda which, key: statistics.median(pair[which][key] for pair in readings)
    ratio = statistics.median(pair[0]["tps"] / pair[1]["tps"] for pair in readings)
    return {"crowded": {key: of(0, key) for key in readings[0][0]},
            "quiet": {key: of(1, key) for key in readings[0][1]}, "ratio": ratio}


def run(chosen):
    with contextlib.ExitStack() as stack:
        add = lambda thing: stack.enter_context(contextlib.closing(thing))
        server = add(Server())
        crowded, quiet = add(Gateway(server, workers=2)), add(Gateway(server, workers=2))
        before = memory(crowded.pid)
        for gateway in (crowded, quiet):
            pgbench(gateway, server, protocol="simple", clients=ACTIVE, seconds=1)
        worked = memory(crowded.pid)
        with idle_clients(crowded.port, chosen.clients):
            at_once, after = memory(crowded.pid), settled_memory(crowded.pid)
            speed = compare_speed(server, crowded, quiet, chosen)
            busy = memory(crowded.pid)
        gone = settled_memory(crowded.pid)
    return {"before": before, "worked": worked, "at once": at_once, "after": after, "busy": busy,
            "gone": gone, "speed": speed}


def main():
    chosen = options()
    if chosen.crowd:
        port, source, count = chosen.crowd
        return crowd(int(port), source, int(count))
    got = run(chosen)
    moments = [["just started", "before"], [f"after pgbench with {ACTIVE} clients", "worked"],
               [f"{chosen.clients} clients, the last just in", "at once"], ["the same, settled", "after"],
               [f"the same, {ACTIVE} others at work", "busy"], ["all gone", "gone"]]
    sizes = table(["Sluice's memory", "RSS KB", "PSS KB"],
                  [[label, got[key][0] // 1024, got[key][1] // 1024] for label, key in moments])
    each = [(got["after"][i] - got["before"][i]) / chosen.clients for i in (0, 1)]
    slower = 1 - got["speed"]["ratio"]
    holds = [each[0] <= BYTES_BAR, each[1] <= BYTES_BAR, slower <= SLOWER_BAR]
    bars = table(["", "measured", "bar", ""], [
        ["RSS an idle client", f"{each[0]:.0f} bytes", f"<= {BYTES_BAR}", verdict(holds[0])],
        ["PSS an idle client", f"{each[1]:.0f} bytes", f"<= {BYTES_BAR}", verdict(holds[1])],
        [f"{ACTIVE} active clients slower by", f"{slower:.1%}", f"<= {SLOWER_BAR:.0%}", verdict(holds[2])]])
    speeds = table(["pgbench -S, 64 clients", "tps", "p99 ms", "CPU µs", "others"], [
        [label, f"{s['tps']:.0f}", f"{s['p99']:.2f}", f"{s['cpu']:.2f}", f"{s['others']:.0%}"]
        for label, s in (("beside the idle clients", got["speed"]["crowded"]),
                         ("without them", got["speed"]["quiet"]))])
    text = "\n\n".join(["\n".join(machine()), f"`./dev bench idle_clients`, {chosen.rounds} rounds of "
                        f"{chosen.seconds} s, two workers:", sizes, speeds, bars])
    print(text)
    if not chosen.quick:
        replace_block("idle_clients", text)
    return 0 if all(holds) else 1


if __name__ == "__main__":
    sys.exit(main())
