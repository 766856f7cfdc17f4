#!/usr/bin/python3
"""What several clients' reads on one server connection bring: pgbench -S through PgBouncer and Sluice, in turns.

    ./dev bench multiplex [--quick] [--rounds N] [--seconds N] [--protocols simple,...] [--clients 1,16,64]
                          [--tcp] [--mix-seconds N] [--no-speed | --no-mix]

Clients come over TCP; the way to the server is its Unix socket for all (--tcp: TCP for all). PgBouncer has
transaction mode, and every pool has 16 connections. Judged is Sluice with two workers and multiplexing (`auto`),
against PgBouncer, which has one thread, for throughput and for CPU time a transaction alike; one worker is shown.
With one client, p50 is compared with the same Sluice without multiplexing. Then the mixes of mixed_load.py, with
and without. Targets take turns, ratios are taken within a round, and their median is judged.

A full run writes docs/benchmarks.md, --quick only prints. Exit status 1 if a bar is missed.
"""
import argparse
import contextlib
import json
import statistics
import sys
import urllib.request

import mixed_load
from report import machine, replace_block, table, verdict
from stage import POOL, Gateway, PgBouncer, Server, pgbench
from multiplexing import accepts  # tests/integration, which stage has put on the path

TPS_BARS = {("simple", 64): 1.8, ("extended", 64): 2.2, ("simple", 16): 1.3, ("extended", 16): 1.3}
CPU_BAR, POSTGRES_BAR = 0.65, 0.6  # of PgBouncer's run, a transaction, wherever throughput is judged
P50_BAR = 1.05  # of plain pooling's, with one client
MIX_P99_BAR, MIX_TPS_BAR = 2.0, 1.0  # of plain pooling's, short reads only
MIXES = {"by statements": False, "by clients": True}  # and whether throughput is judged


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="1 round of 2 s, doesn't write the page")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--mix-seconds", type=int)
    parser.add_argument("--protocols", default="simple,extended")
    parser.add_argument("--clients", default="1,16,64")
    parser.add_argument("--tcp", action="store_true", help="TCP to the server, for all")
    parser.add_argument("--no-speed", action="store_true", help="only the mixes")
    parser.add_argument("--no-mix", action="store_true", help="only pgbench -S")
    chosen = parser.parse_args()
    chosen.rounds = chosen.rounds or (1 if chosen.quick else 5)
    chosen.seconds = chosen.seconds or (2 if chosen.quick else 4)
    chosen.mix_seconds = chosen.mix_seconds or (6 if chosen.quick else 15)
    chosen.cases = [(p, int(c)) for p in chosen.protocols.split(",") for c in chosen.clients.split(",")]
    chosen.whole = not (chosen.quick or chosen.tcp or chosen.no_speed or chosen.no_mix)
    return chosen


class Stage:
    """The server and every proxy, all running for the whole time; those not in turn are idle."""

    def __init__(self, tcp, known):
        with contextlib.ExitStack() as starting:
            self.server = starting.enter_context(contextlib.closing(Server(unix_socket_in_tmp=True)))
            add = lambda target: starting.enter_context(contextlib.closing(target))
            bouncer = PgBouncer(self.server, "transaction", POOL,
                                host="127.0.0.1" if tcp else self.server.postgres.socket_folder)
            self.targets = {"bouncer": add(bouncer)}
            for name, workers, multiplex in (("on", 2, "auto"), ("off", 2, "off"), ("one", 1, "auto")):
                pool = {"mode": "transaction", "min": 0, "max": POOL, "wait": "10s"}
                listener = {"server_socket": "off" if tcp else "auto",
                            "pool": {**pool, **({"multiplex": multiplex} if known else {})}}
                self.targets[name] = add(Gateway(self.server, workers, name=f"Sluice {workers}w {multiplex}",
                                                 listener=listener))
            mixed_load.prepare(self.server)
            self.running = starting.pop_all()

    def close(self):
        self.running.close()


def in_turns(targets, turn):
    shift = turn % len(targets)
    items = list(targets.items())
    return items[shift:] + items[:shift]


def measure_speed(stage, chosen):
    """{case: {target: [reading of each round]}}"""
    readings = {case: {name: [] for name in stage.targets} for case in chosen.cases}
    for protocol, clients in chosen.cases:  # connections opened, caches warm, statements known
        for target in stage.targets.values():
            pgbench(target, stage.server, protocol=protocol, clients=clients, seconds=1)
    for turn in range(chosen.rounds):
        for case in chosen.cases:
            for name, target in in_turns(stage.targets, turn):
                readings[case][name].append(pgbench(target, stage.server, protocol=case[0], clients=case[1],
                                                    seconds=chosen.seconds))
            print(f"round {turn + 1} of {chosen.rounds}: {case[0]}, {case[1]} clients", file=sys.stderr)
    return readings


def measure_mixes(stage, chosen):
    """{(mix, protocol): {target: [reading of each round]}}"""
    targets = {name: stage.targets[name] for name in ("on", "off")}
    protocols = chosen.protocols.split(",")
    readings = {(mix, protocol): {name: [] for name in targets} for mix in MIXES for protocol in protocols}
    for turn in range(chosen.rounds):
        for (mix, protocol), of in readings.items():
            for name, target in in_turns(targets, turn):
                of[name].append(mixed_load.run(mix, target, protocol=protocol, seconds=chosen.mix_seconds,
                                               seed=turn + 1))
            print(f"round {turn + 1} of {chosen.rounds}: mix {mix}, {protocol}", file=sys.stderr)
    return readings


def median(readings, key):
    return statistics.median(reading[key] for reading in readings)


def ratio(of, to, key):
    """Median over the rounds of the ratio within a round."""
    return statistics.median(a[key] / b[key] for a, b in zip(of, to))


class Bars:
    """Judges ratios and remembers whether all held."""

    def __init__(self):
        self.all_hold = True

    def at_least(self, value, bar):
        return self._say(value, value >= bar, f">= {bar:.2f}")

    def at_most(self, value, bar):
        return self._say(value, value <= bar, f"<= {bar:.2f}")

    def _say(self, value, holds, bar):
        self.all_hold = self.all_hold and holds
        return f"{value:.2f} ({bar}) {verdict(holds)}"


def speed_table(stage, readings):
    rows = []
    for (protocol, clients), of in readings.items():
        for name, rounds in of.items():
            rows.append([protocol, clients, stage.targets[name].name, f"{median(rounds, 'tps'):.0f}",
                         f"{median(rounds, 'p50'):.3f}", f"{median(rounds, 'p99'):.2f}",
                         f"{median(rounds, 'cpu'):.2f}", f"{median(rounds, 'postgres'):.1f}",
                         f"{median(rounds, 'others'):.0%}"])
    return table(["protocol", "clients", "through", "tps", "p50 ms", "p99 ms", "CPU µs", "PostgreSQL µs",
                  "others"], rows)


def judge_speed(readings, bars):
    rows = []
    for (protocol, clients), of in readings.items():
        on, one, off, bouncer = of["on"], of["one"], of["off"], of["bouncer"]
        tps, cpu, postgres = (ratio(on, bouncer, key) for key in ("tps", "cpu", "postgres"))
        beside = f"{ratio(on, off, 'p50'):.2f}"
        if (protocol, clients) in TPS_BARS:
            cells = [bars.at_least(tps, TPS_BARS[protocol, clients]), bars.at_most(cpu, CPU_BAR),
                     bars.at_most(postgres, POSTGRES_BAR), beside]
        else:
            if clients == 1:
                beside = bars.at_most(ratio(on, off, "p50"), P50_BAR)
            cells = [f"{tps:.2f}", f"{cpu:.2f}", f"{postgres:.2f}", beside]
        alone = " / ".join(f"{ratio(one, bouncer, key):.2f}" for key in ("tps", "cpu", "postgres"))
        rows.append([protocol, clients, *cells, alone, f"{ratio(on, off, 'tps'):.2f}"])
    return table(["protocol", "clients", "tps", "CPU", "PostgreSQL's CPU", "p50 to off", "1w: tps / CPU / PostgreSQL's",
                  "tps to off"], rows)


def judge_mixes(readings, bars):
    rows = []
    for (mix, protocol), of in readings.items():
        on, off = of["on"], of["off"]
        both = lambda key, form: f"{median(off, key):{form}} / {median(on, key):{form}}"
        tps = ratio(on, off, "tps")
        rows.append([mix, protocol, both("tps", ".0f"), both("p50", ".2f"), both("p99", ".2f"), both("slow", ".0f"),
                     bars.at_most(ratio(on, off, "p99"), MIX_P99_BAR),
                     bars.at_least(tps, MIX_TPS_BAR) if MIXES[mix] else f"{tps:.2f}"])
    return table(["mix", "protocol", "tps", "p50 ms", "p99 ms", "slow ones", "p99", "throughput"], rows)


def figures(gateway):
    """What Sluice says about its multiplexing, a sentence for each pool."""
    url = f"http://127.0.0.1:{gateway.sluice.admin_port}/performance/pools"
    with urllib.request.urlopen(url, timeout=5) as answer:
        pools = json.loads(answer.read())["pools"]
    for said in (pool["multiplex"] for pool in pools if "multiplex" in pool):
        counts = ", ".join(f"{said[key]} {key}" for key in ("statements", "stalls", "rescues", "reruns", "prepared",
                                                            "reverted") if key in said)
        yield f"{gateway.name}: {said.get('share', 0):.1%} of the statements shared a connection; {counts}."


def main():
    chosen = options()
    known = accepts("multiplex")
    if not known:
        print("this build knows no multiplexing: a rehearsal, nothing is written", file=sys.stderr)
    bars, parts = Bars(), ["\n".join(machine())]
    stage = Stage(chosen.tcp, known)
    try:
        if not chosen.no_speed:
            readings = measure_speed(stage, chosen)
            parts += [f"`./dev bench multiplex{' --tcp' if chosen.tcp else ''}`, {chosen.rounds} rounds of "
                      f"{chosen.seconds} s, medians:", speed_table(stage, readings),
                      "Sluice with two workers (beside them: with one) / PgBouncer, median of the ratios within each "
                      "round:", judge_speed(readings, bars)]
            parts += list(figures(stage.targets["on"]))
        if not chosen.no_mix:
            parts += [f"Short reads among slow statements, {mixed_load.CLIENTS} clients, {chosen.rounds} rounds of "
                      f"{chosen.mix_seconds} s, without / with multiplexing:",
                      judge_mixes(measure_mixes(stage, chosen), bars)]
            parts += list(figures(stage.targets["on"]))
    finally:
        stage.close()
    text = "\n\n".join(parts)
    print(text)
    if chosen.whole and known:
        replace_block("multiplex", text)
    return 0 if bars.all_hold else 1


if __name__ == "__main__":
    sys.exit(main())
