#!/usr/bin/python3
"""What the query stage costs: pgbench -S through two gateways, one with it and one without, in turns.

    ./dev bench query_stage [--quick] [--rounds N] [--seconds N]

Both have one worker and share no connection, which only the one with the stage could. Without the stage a statement is still read for its effects on the session, as
pooling needs it. Ratios are taken within a round and their median is judged: CPU time a transaction of the
whole process, the thread that parses and looks for loops included. Also told: how many of the statements went
through the parser. A full run writes docs/benchmarks.md. Exit status 1 if a bar is missed.
"""
import argparse
import contextlib
import json
import statistics
import sys
import urllib.request

from report import machine, replace_block, table, verdict
from stage import POOL, Gateway, Server, pgbench

CPU_BAR, PARSE_BAR = 1.03, 0.001
CASES = [(protocol, clients) for protocol in ("simple", "extended", "prepared") for clients in (16, 64)]


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="2 rounds of 2 s, doesn't write the page")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=int)
    chosen = parser.parse_args()
    chosen.rounds = chosen.rounds or (2 if chosen.quick else 8)
    chosen.seconds = chosen.seconds or (2 if chosen.quick else 4)
    return chosen


def totals(gateway):
    url = f"http://127.0.0.1:{gateway.sluice.admin_port}/performance/queries?limit=1"
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.loads(answer.read())["totals"]


def measure(server, targets, chosen):
    readings = {case: {target.name: [] for target in targets} for case in CASES}
    for protocol, clients in CASES:
        for target in targets:
            pgbench(target, server, protocol=protocol, clients=clients, seconds=1)
    for turn in range(chosen.rounds):
        for case in CASES:
            for target in targets if turn % 2 else targets[::-1]:
                readings[case][target.name].append(
                    pgbench(target, server, protocol=case[0], clients=case[1], seconds=chosen.seconds))
            print(f"round {turn + 1} of {chosen.rounds}: {case[0]}, {case[1]} clients", file=sys.stderr)
    return readings


def main():
    chosen = options()
    with contextlib.ExitStack() as running:
        server = running.enter_context(contextlib.closing(Server()))
        plain = {"pool": {"mode": "transaction", "min": 0, "max": POOL, "wait": "10s", "multiplex": "off",
                          "auto_prepare": "off"}}
        on = running.enter_context(contextlib.closing(Gateway(server, 1, name="with", listener=plain)))
        off = running.enter_context(contextlib.closing(
            Gateway(server, 1, name="without", listener=plain, **{"query.enabled": False})))
        readings = measure(server, [on, off], chosen)
        seen = totals(on)
    rows, all_hold = [], True
    for (protocol, clients), of in readings.items():
        median = lambda name, key: statistics.median(reading[key] for reading in of[name])
        ratio = statistics.median(a["cpu"] / b["cpu"] for a, b in zip(of["with"], of["without"]))
        speed = statistics.median(a["tps"] / b["tps"] for a, b in zip(of["with"], of["without"]))
        all_hold = all_hold and ratio <= CPU_BAR
        rows.append([protocol, clients, f"{median('without', 'cpu'):.2f}", f"{median('with', 'cpu'):.2f}",
                     f"{ratio:.3f} {verdict(ratio <= CPU_BAR)}", f"{speed:.3f}",
                     f"{median('with', 'others'):.0%}"])
    share = seen["parsed"] / max(1, seen["calls"])
    all_hold = all_hold and share <= PARSE_BAR
    text = "\n\n".join([
        "\n".join(machine()),
        f"`./dev bench query_stage`, {chosen.rounds} rounds of {chosen.seconds} s, medians:",
        table(["protocol", "clients", "CPU µs without", "with", f"ratio (<= {CPU_BAR})", "tps", "others"], rows),
        f"{seen['calls']} statements were counted, {seen['parsed']} parsed: a share of {share:.1e} "
        f"(<= {PARSE_BAR}) {verdict(share <= PARSE_BAR)}; {seen['events_lost']} events for the loop detector lost."])
    print(text)
    if not chosen.quick:
        replace_block("query_stage", text)
    return 0 if all_hold else 1


if __name__ == "__main__":
    sys.exit(main())
