#!/usr/bin/python3
"""What the server's Unix socket saves: pgbench -S through two gateways, in turns.

    ./dev bench unix_upstream [--quick] [--rounds N] [--seconds N]

Both have one worker and the same loopback address of the server; one finds the socket beside it
(server_socket = "auto"), the other stays with TCP ("off"). Ratios are taken within a round and their median is
shown. A full run writes docs/benchmarks.md. There is no bar: it says what the default is worth.
"""
import argparse
import contextlib
import statistics
import subprocess
import sys

from report import machine, replace_block, table
from stage import Gateway, Server, client_environment, pgbench

CASES = [(protocol, 16) for protocol in ("simple", "extended", "prepared")]


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="2 rounds of 2 s, doesn't write the page")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=int)
    chosen = parser.parse_args()
    chosen.rounds = chosen.rounds or (2 if chosen.quick else 6)
    chosen.seconds = chosen.seconds or (2 if chosen.quick else 4)
    return chosen


def by_socket(gateway):
    """True if the gateway's connections to the server are local ones."""
    done = subprocess.run(["psql", "-X", "-A", "-t", "-c", "SELECT inet_server_addr() IS NULL"],
                          env=client_environment(gateway.port), check=True, capture_output=True, text=True)
    return done.stdout.strip() == "t"


def measure(server, targets, chosen):
    readings = {case: {target.name: [] for target in targets} for case in CASES}
    for turn in range(chosen.rounds):
        for protocol, clients in CASES:
            for target in targets if turn % 2 else targets[::-1]:
                readings[protocol, clients][target.name].append(
                    pgbench(target, server, protocol=protocol, clients=clients, seconds=chosen.seconds))
            print(f"round {turn + 1} of {chosen.rounds}: {protocol}", file=sys.stderr)
    return readings


def main():
    chosen = options()
    with contextlib.ExitStack() as running:
        server = running.enter_context(contextlib.closing(Server(unix_socket_in_tmp=True)))
        tcp, unix = [running.enter_context(contextlib.closing(
            Gateway(server, 1, name=name, listener={"server_socket": choice})))
            for name, choice in (("TCP", "off"), ("Unix", "auto"))]
        if by_socket(tcp) or not by_socket(unix):
            raise RuntimeError("the gateways don't reach the server as they should")
        readings = measure(server, [tcp, unix], chosen)
    rows = []
    for (protocol, clients), of in readings.items():
        median = lambda name, key: statistics.median(reading[key] for reading in of[name])
        ratio = lambda key: statistics.median(a[key] / b[key] for a, b in zip(of["Unix"], of["TCP"]))
        both = lambda key: f"{median('TCP', key):.1f} / {median('Unix', key):.1f} ({ratio(key):.2f})"
        rows.append([protocol, clients, both("cpu"), both("postgres"), f"{ratio('tps'):.2f}",
                     f"{median('TCP', 'others'):.0%} / {median('Unix', 'others'):.0%}"])
    text = "\n\n".join([
        "\n".join(machine()),
        f"`./dev bench unix_upstream`, {chosen.rounds} rounds of {chosen.seconds} s, medians, TCP / Unix (ratio):",
        table(["protocol", "clients", "CPU µs", "PostgreSQL's CPU µs", "tps", "others"], rows)])
    print(text)
    if not chosen.quick:
        replace_block("unix_upstream", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
