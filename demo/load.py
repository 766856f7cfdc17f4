#!/usr/bin/python3
"""A bounded sample load: a bot's workers, each with a connection of its own, as applications have them.

Every worker does what a chat command does (look up, list, write, bet in a transaction), then waits for
the next one. The same load runs straight at PostgreSQL and through Sluice; printed are latencies as the
workers saw them and how many connections the server had to carry (from pg_stat_activity).

    load.py --watch URL straight=URL sluice=URL [--workers 60] [--rate 8] [--seconds 5]
"""
import argparse
import random
import statistics
import threading
import time

import psycopg

GUILDS, USERS = 200, 10000


def look_up_user(db, rng):
    db.execute("SELECT name, balance FROM users WHERE id = %s", (rng.randint(1, USERS),)).fetchone()


def latest_messages(db, rng):
    db.execute("SELECT user_id, content, sent_at FROM messages WHERE guild_id = %s ORDER BY sent_at DESC LIMIT 10",
               (rng.randint(1, GUILDS),)).fetchall()


def richest_users(db, rng):
    db.execute("SELECT name, balance FROM users WHERE guild_id = %s ORDER BY balance DESC LIMIT 5",
               (rng.randint(1, GUILDS),)).fetchall()


def write_message(db, rng):
    db.execute("INSERT INTO messages (guild_id, user_id, content, sent_at) "
               "SELECT guild_id, id, %s, now() FROM users WHERE id = %s", ("sample load", rng.randint(1, USERS)))


def place_bet(db, rng):
    user, stake = rng.randint(1, USERS), rng.randint(1, 5)
    with db.transaction():
        paid = db.execute("UPDATE users SET balance = balance - %s WHERE id = %s AND balance >= %s",
                          (stake, user, stake)).rowcount
        if paid:
            db.execute("INSERT INTO bets (user_id, game, stake, odds, outcome, placed_at) "
                       "VALUES (%s, 'sample load', %s, 1.5, 'open', now())", (user, stake))


COMMANDS = [look_up_user] * 5 + [latest_messages] * 3 + [richest_users] + [write_message] * 2 + [place_bet]


class Load:
    """One run against one URL."""

    def __init__(self, url, options):
        self.url, self.options = url, options
        self.latencies, self.errors, self.peak = [], [], 0
        self.lock = threading.Lock()
        self.started = threading.Barrier(options.workers + 1)

    def worker(self, number):
        rng = random.Random(number)
        mine, failures = [], []
        db = None
        try:
            db = psycopg.connect(self.url, autocommit=True)
        except psycopg.Error as failure:
            failures.append(str(failure))
        self.started.wait()
        end = time.monotonic() + self.options.seconds
        time.sleep(rng.random() / self.options.rate)
        while db and time.monotonic() < end:
            start = time.perf_counter()
            try:
                rng.choice(COMMANDS)(db, rng)
                mine.append(time.perf_counter() - start)
            except psycopg.Error as failure:
                failures.append(str(failure))
                break
            time.sleep(max(0.0, rng.expovariate(self.options.rate) - mine[-1]))
        if db:
            db.close()
        with self.lock:
            self.latencies += mine
            self.errors += failures

    def run(self):
        threads = [threading.Thread(target=self.worker, args=(n,)) for n in range(self.options.workers)]
        for thread in threads:
            thread.start()
        with psycopg.connect(self.options.watch, autocommit=True) as watch:
            self.started.wait()
            while any(thread.is_alive() for thread in threads):
                self.peak = max(self.peak, server_connections(watch))
                time.sleep(0.2)
        return self


def server_connections(watch):
    return watch.execute("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' "
                         "AND datname = current_database() AND pid <> pg_backend_pid()").fetchone()[0]


def percentile(values, percent):
    return statistics.quantiles(values, n=1000)[percent * 10 - 1] * 1000 if len(values) > 1 else float("nan")


def report(names, loads):
    def line(title, cell):
        print(f"  {title:<28}" + "".join(f"{cell(load):>18}" for load in loads))

    print(f"  {'':<28}" + "".join(f"{name:>18}" for name in names))
    line("requests", lambda load: len(load.latencies))
    line("errors", lambda load: len(load.errors))
    for percent in (50, 95, 99):
        line(f"p{percent}, ms", lambda load, p=percent: f"{percentile(load.latencies, p):.2f}")
    line("connections of the workers", lambda load: load.options.workers)
    line("connections on the server", lambda load: load.peak)
    for load in loads:
        for message in sorted(set(load.errors))[:3]:
            print(f"  error: {message.strip()}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="+", metavar="NAME=URL")
    parser.add_argument("--watch", required=True, metavar="URL", help="where pg_stat_activity is read, directly")
    parser.add_argument("--workers", type=int, default=60)
    parser.add_argument("--rate", type=float, default=8, help="requests a second of each worker")
    parser.add_argument("--seconds", type=float, default=5)
    options = parser.parse_args()
    targets = [target.split("=", 1) for target in options.targets]
    loads = [Load(url, options).run() for _, url in targets]
    report([name for name, _ in targets], loads)
    return 1 if any(load.errors or not load.latencies for load in loads) else 0


if __name__ == "__main__":
    raise SystemExit(main())
