#!/usr/bin/python3
"""Sluice beside PgBouncer: pgbench -S through each of them, in turns, on one private PostgreSQL.

    ./dev bench postgres [--quick] [--rounds N] [--seconds N] [--protocols simple,...] [--clients 16,...]

Every round runs each case through each target once, the order shifted by one, so that a slow minute of the
machine hits all alike; ratios are taken within a round and their median is judged. A full run writes
docs/benchmarks.md, --quick only prints. Exit status 1 if a bar is missed.

PgBouncer 1.18 can't keep prepared statements in transaction mode, so for `prepared` it runs in session
mode with a server connection for every client, which spares it all sharing; Sluice stays in transaction
mode with its 16.
"""
import argparse
import contextlib
import statistics
import sys

from report import machine, replace_block, table, verdict
from stage import POOL, Direct, Gateway, PgBouncer, Server, pgbench

CPU_BAR, TPS_BAR, P99_BAR = 1.10, 1.0, 1.0
CPU_JUDGED = ("simple", "prepared")  # extended is shown without a bar on CPU time


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="1 round of 2 s, doesn't write the page")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--protocols", default="simple,extended,prepared")
    parser.add_argument("--clients", default="16,64")
    chosen = parser.parse_args()
    chosen.rounds = chosen.rounds or (1 if chosen.quick else 5)
    chosen.seconds = chosen.seconds or (2 if chosen.quick else 4)
    chosen.cases = [(p, int(c)) for p in chosen.protocols.split(",") for c in chosen.clients.split(",")]
    return chosen


class Stage:
    """The server and every proxy, all running for the whole time; those not in turn are idle."""

    def __init__(self, cases):
        with contextlib.ExitStack() as starting:
            self.server = starting.enter_context(contextlib.closing(Server()))
            self.direct = Direct(self.server)
            add = lambda target: starting.enter_context(contextlib.closing(target))
            self.transaction = add(PgBouncer(self.server, "transaction", POOL))
            self.session = add(PgBouncer(self.server, "session", max(clients for _, clients in cases)))
            self.one = add(Gateway(self.server, workers=1))
            self.two = add(Gateway(self.server, workers=2))
            self.running = starting.pop_all()

    def targets(self, protocol):
        bouncer = self.session if protocol == "prepared" else self.transaction
        return {"direct": self.direct, "bouncer": bouncer, "one": self.one, "two": self.two}

    def close(self):
        self.running.close()


def measure(stage, chosen):
    """{case: {target: [reading of each round]}}"""
    readings = {case: {name: [] for name in stage.targets(case[0])} for case in chosen.cases}
    for case in chosen.cases:  # connections opened, caches warm
        for target in stage.targets(case[0]).values():
            pgbench(target, stage.server, protocol=case[0], clients=case[1], seconds=1)
    for turn in range(chosen.rounds):
        for case in chosen.cases:
            targets = list(stage.targets(case[0]).items())
            shift = turn % len(targets)
            for name, target in targets[shift:] + targets[:shift]:
                readings[case][name].append(pgbench(target, stage.server, protocol=case[0], clients=case[1],
                                                    seconds=chosen.seconds))
            print(f"round {turn + 1} of {chosen.rounds}: {case[0]}, {case[1]} clients", file=sys.stderr)
    return readings


def median(readings, key):
    return statistics.median(reading[key] for reading in readings)


def ratio(of, to, key):
    """Median over the rounds of the ratio within a round."""
    return statistics.median(a[key] / b[key] for a, b in zip(of, to))


def readings_table(stage, readings):
    rows = []
    for (protocol, clients), targets in readings.items():
        names = {name: target.name for name, target in stage.targets(protocol).items()}
        for name, rounds in targets.items():
            cpu = f"{median(rounds, 'cpu'):.2f}" if name != "direct" else "-"
            rows.append([protocol, clients, names[name], f"{median(rounds, 'tps'):.0f}",
                         f"{median(rounds, 'p50'):.2f}", f"{median(rounds, 'p99'):.2f}", cpu,
                         f"{median(rounds, 'postgres'):.1f}", f"{median(rounds, 'others'):.0%}"])
    return table(["protocol", "clients", "through", "tps", "p50 ms", "p99 ms", "CPU µs", "PostgreSQL µs",
                  "others"], rows)


def judge(readings):
    """Rows of the table of bars, and whether all of them hold."""
    rows, all_hold = [], True
    for (protocol, clients), targets in readings.items():
        bouncer, one, two = targets["bouncer"], targets["one"], targets["two"]
        cpu = ratio(one, bouncer, "cpu")
        tps = ratio(two, bouncer, "tps")
        p99_one, p99_two = ratio(one, bouncer, "p99"), ratio(two, bouncer, "p99")
        judged = protocol in CPU_JUDGED
        holds = [cpu <= CPU_BAR or not judged, tps >= TPS_BAR, p99_one <= P99_BAR, p99_two <= P99_BAR]
        all_hold = all_hold and all(holds)
        rows.append([protocol, clients, f"{cpu:.2f} {verdict(holds[0]) if judged else ''}".strip(),
                     f"{ratio(one, bouncer, 'tps'):.2f}", f"{tps:.2f} {verdict(holds[1])}",
                     f"{p99_one:.2f} {verdict(holds[2])}", f"{p99_two:.2f} {verdict(holds[3])}"])
    head = ["protocol", "clients", f"CPU 1w (<= {CPU_BAR:.2f})", "tps 1w", f"tps 2w (>= {TPS_BAR:.2f})",
            f"p99 1w (<= {P99_BAR:.2f})", f"p99 2w (<= {P99_BAR:.2f})"]
    return table(head, rows), all_hold


def main():
    chosen = options()
    stage = Stage(chosen.cases)
    try:
        readings = measure(stage, chosen)
    finally:
        stage.close()
    bars, all_hold = judge(readings)
    text = "\n\n".join([
        "\n".join(machine()),
        f"`./dev bench postgres`, {chosen.rounds} rounds of {chosen.seconds} s, medians:",
        readings_table(stage, readings), "Sluice / PgBouncer, median of the ratios within each round:", bars])
    print(text)
    if not chosen.quick:
        replace_block("postgres", text)
    return 0 if all_hold else 1


if __name__ == "__main__":
    sys.exit(main())
