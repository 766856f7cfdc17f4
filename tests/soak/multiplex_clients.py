#!/usr/bin/python3
"""One process of the multiplexing soak: raw clients that send reads, writes and mischief, and check each byte.

Argument: a plan as JSON. Prints one line of JSON: counts, violations, and those errors that only a fault can
explain, with the times between which their statements ran; who made the faults judges them. What became of each
write goes to the plan's ledger file: "+id" acknowledged, "?id" nobody knows, "-id" rolled back.
Long because a client's mischief and the judgement of what comes back for it are one protocol, read side by side.
"""
import asyncio
import collections
import json
import random
import struct
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

import wire as w  # noqa: E402
from multiplex_shapes import (FAILURES, IN_TRANSACTION, NAMED, PARSED, READS, READY, ROWS, WIDEST,  # noqa: E402
                              WRITES, Table, Unit)

USER = "trusted"
HANG_SECONDS = 60
CANCEL_GRACE = 1.0  # seconds behind the end of a cancel connection in which it may still hit
DEPTHS = (1, 1, 2, 8)  # statements that a client sends in one go at most; a client has one of them
ZONES = ("UTC", "UTC", "UTC", "Europe/Berlin")
# Per step, of all steps; the rest are reads and writes.
MISCHIEF = (("vanish", .002), ("cancel", .004), ("run_into_own_timeout", .001), ("run_into_query_timeout", .0002),
            ("break_protocol", .002), ("slow", .004), ("transaction", .02), ("group", .08))


class Lost(Exception):
    """The connection is gone."""


class Reply:
    """One reply up to ReadyForQuery, read frame by frame; nothing of it is trusted."""

    def __init__(self):
        self.rows, self.kept, self.error, self.end = [], [], None, 0

    @classmethod
    def read(cls, buffer, at):
        """None if it isn't complete yet. kept: everything but messages that come on their own."""
        self = cls()
        while len(buffer) - at >= 5:
            kind, size = struct.unpack_from("!cI", buffer, at)
            end = at + 1 + size
            if end > len(buffer):
                return None
            if kind not in (b"S", b"N", b"A"):
                self.kept.append(bytes(buffer[at:end]))
            if kind == b"D":
                self.rows.append(self.kept[-1])
            elif kind == b"E":
                self.error = w.Message("E", self.kept[-1][5:]).fields()
            elif kind == b"Z":
                self.rows, self.kept, self.end = b"".join(self.rows), b"".join(self.kept), end
                return self
            at = end
        return None


class Sums:
    def __init__(self):
        self.counts, self.states = collections.Counter(), collections.Counter()
        self.violations, self.events = [], []

    def violation(self, text):
        self.counts["violations"] += 1
        if len(self.violations) < 50:
            self.violations.append(f"{time.strftime('%H:%M:%S')} {text}")


class Client(asyncio.Protocol):
    """One connection at a time; reconnects when it is lost. One event loop."""

    def __init__(self, plan, number, sums, table, ledger):
        self.plan, self.sums, self.table, self.ledger = plan, sums, table, ledger
        self.name = f"{plan['seed']}-{plan['process']}-{number}"
        self.random = random.Random(self.name)
        self.depth, self.zone = DEPTHS[number % len(DEPTHS)], ZONES[number // 2 % len(ZONES)]
        self.asked, self.transport, self.units = 0, None, collections.deque()
        self.cancelled_until, self.leaving = 0.0, False

    # ---- the connection

    async def run(self, end):
        loop = asyncio.get_running_loop()
        while self.asked < self.plan["statements"] and time.monotonic() < end:
            began = time.monotonic()
            try:
                if self.transport is None:
                    await self.connect(loop)
                await self.step()
            except Lost:
                continue
            except OSError as failure:
                self.event("no listener", began, str(failure))
                await asyncio.sleep(0.02)
        self.drop()

    async def connect(self, loop):
        self.buffer, self.waiter, self.logging_in = bytearray(), None, True
        self.leaving, self.began = False, time.monotonic()
        await loop.create_connection(lambda: self, "127.0.0.1", self.plan["port"])
        self.transport.write(w.startup(user=USER, database="app", TimeZone=self.zone))
        try:
            await self.wait()
        except Lost:
            await asyncio.sleep(0.02)  # the server may be away
            raise
        self.sums.counts["logins"] += 1
        shapes = list(NAMED.values())
        self.random.shuffle(shapes)  # the same names mean other statements to other clients
        self.names = {shape.name: f"s{number}" for number, shape in enumerate(shapes)}
        unit = Unit("prepare")
        for number, shape in enumerate(shapes):
            unit.add(w.parse(f"s{number}", shape.numbered), PARSED)
        if not await self.ask(unit.add(w.SYNC, b"")):
            self.drop()
            raise Lost

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        if self.logging_in:
            self.greeted()
            return
        at = 0
        while self.units and at < len(self.buffer):
            unit, left = self.units[0], len(self.buffer) - at
            if unit.whole is not None:
                if self.buffer.startswith(unit.whole, at):
                    at += len(unit.whole)
                    self.units.popleft()
                    self.answered(unit)
                    continue
                if left < len(unit.whole) and unit.whole.startswith(bytes(self.buffer[at:])):
                    break
            reply = Reply.read(self.buffer, at)
            if reply is None:
                break
            at = reply.end
            self.units.popleft()
            self.judge(unit, reply)
        del self.buffer[:at]
        if not self.units:
            self.told_without_asking()
            self.wake()

    def greeted(self):
        reply = Reply.read(self.buffer, 0)
        if reply is None:
            return
        at = reply.kept.index(b"K\0\0\0\x0c")
        self.process, self.secret = struct.unpack_from("!I", reply.kept, at + 5)[0], reply.kept[at + 9:at + 13]
        del self.buffer[:reply.end]
        self.logging_in = False
        self.wake()

    def told_without_asking(self):
        """What comes while nothing is asked: settings and notices, or the reason of an end."""
        at = 0
        while len(self.buffer) - at >= 5:
            kind, size = struct.unpack_from("!cI", self.buffer, at)
            if kind not in b"SNAE":
                self.sums.violation(f"{self.name}: {bytes(self.buffer[at:at + 200])} to no question")
                self.drop()
                return
            if len(self.buffer) < at + 1 + size:
                return
            if kind == b"E":
                return  # read by connection_lost
            at += 1 + size

    def connection_lost(self, failure):
        if self.transport is None:
            return
        self.transport = None
        if not self.leaving:
            how, text = self.last_words()
            began = self.units[0].began if self.units else self.began if self.logging_in else time.monotonic()
            self.event(how, began, text)
        for unit in self.units:
            self.unknown(unit)
        self.units.clear()
        self.wake()

    def last_words(self):
        """SQLSTATE and message of the error that came last, or how else it ended."""
        at, said = 0, None
        while len(self.buffer) - at >= 5:
            kind, size = struct.unpack_from("!cI", self.buffer, at)
            if len(self.buffer) < at + 1 + size:
                return "cut in a message", ""
            if kind == b"E":
                said = w.Message("E", bytes(self.buffer[at + 5:at + 1 + size])).fields()
            at += 1 + size
        if said:
            return said["C"], said.get("M", "")
        return "cut in a message" if at < len(self.buffer) else "closed silently", ""

    def drop(self):
        if self.transport:
            self.leaving = True
            transport, self.transport = self.transport, None
            transport.abort()
        for unit in self.units:
            self.unknown(unit)
        self.units.clear()

    def wake(self):
        if self.waiter and not self.waiter.done():
            self.waiter.set_result(None)

    async def wait(self):
        self.waiter = asyncio.get_running_loop().create_future()
        await self.waiter
        if self.transport is None:
            raise Lost

    async def ask(self, *units):
        """Sends them in one go. True once all replies have come as expected."""
        if self.transport is None:
            raise Lost
        self.good = True
        self.send(*units)
        await self.wait()
        if not self.good:
            await asyncio.sleep(0.01)  # the server may be away
        return self.good

    def send(self, *units):
        self.asked += len(units)
        self.units.extend(units)
        self.transport.write(b"".join(unit.close() for unit in units))

    def hang_check(self, now):
        began = self.units[0].began if self.units else self.began if self.transport and self.logging_in else now
        if now - began > HANG_SECONDS:
            what = self.units[0].what if self.units else "login"
            self.sums.violation(f"{self.name}: no answer in {HANG_SECONDS} s to {what}")
            self.sums.counts["lost"] += 1
            self.drop()
            self.wake()

    # ---- verdicts

    def answered(self, unit):
        self.sums.counts["answered"] += 1
        for name in unit.writes:
            self.ledger.write(f"+{name}\n")
            self.sums.counts["writes"] += 1

    def unknown(self, unit):
        for name in unit.writes:
            self.ledger.write(f"?{name}\n")
        unit.writes = []

    def judge(self, unit, reply):
        """A reply that isn't byte for byte the expected one: an error, or a notice in between, or wrong."""
        if reply.error is None:
            if unit.error is None and reply.kept == unit.whole:
                self.answered(unit)
                return
            kind = "lost" if unit.rows.startswith(reply.rows) else "foreign"
            self.sums.counts[kind] += 1
            self.sums.violation(f"{self.name}: {kind}: {unit.what} got {reply.kept[:300]}, expected "
                                f"{unit.error or unit.whole[:300]}")
            self.unknown(unit)
            return
        state, text = reply.error["C"], reply.error.get("M", "")
        if not unit.rows.startswith(reply.rows):
            self.sums.counts["foreign"] += 1
            self.sums.violation(f"{self.name}: foreign rows before {state}: {reply.rows[:300]}")
        if state == unit.error:
            self.expected_error(unit, text)
        else:
            self.good = False
            self.event(state, unit.began, f"{unit.what}: {text}")
            self.unknown(unit)

    def expected_error(self, unit, text):
        self.sums.states[f"{unit.error} asked for"] += 1
        if unit.proof and unit.proof not in text:
            self.sums.counts["foreign"] += 1
            self.sums.violation(f"{self.name}: foreign error {text!r} for {unit.proof}")
        self.sums.counts["answered"] += 1
        for name in unit.writes:
            self.ledger.write(f"-{name}\n")

    def event(self, how, began, text):
        """An error that nobody asked for; those of one's own making are explained here."""
        now = time.monotonic()
        if how == "57014" and now < self.cancelled_until:
            self.sums.states["57014 by own cancel"] += 1
        elif how == "57014" and now - began >= self.plan["query_timeout"] * 0.95:
            self.sums.states["57014 by the query timeout"] += 1
        elif how == "57014":
            self.sums.states["57014 unexplained"] += 1
            self.sums.violation(f"{self.name}: 57014 after {now - began:.3f} s, but it neither cancelled nor waited: "
                                f"{text!r}")
        else:
            self.sums.states[how] += 1
            if len(self.sums.events) < 100_000:
                self.sums.events.append([how, began, now, f"{self.name}: {text[:200]}"])

    # ---- what is asked

    def nonce(self):
        return f"{self.name}:{self.asked}:{self.random.getrandbits(48):012x}"

    def values(self, shape):
        roll, nonce = self.random.random, self.nonce()
        first, count = int(roll() * (ROWS - WIDEST)), int(roll() * (WIDEST + 1))
        return {
            "span": lambda: (nonce, first, first + count), "point": lambda: (nonce, first),
            "sum": lambda: (nonce, first), "big": lambda: (nonce, first, first + count // 4),
            "zone": lambda: (nonce, first, self.zone), "lazy": lambda: (nonce, 0),
            "heavy": lambda: (nonce, 1 + first % 3),
            "division": lambda: (nonce, first + count, first), "input": lambda: (nonce,),
        }.get(shape.name, lambda: (nonce,))()

    def choose(self):
        roll = self.random.random()
        if roll < 0.1:
            return self.random.choice(WRITES)
        if roll < 0.15:
            return self.random.choice(FAILURES)
        if roll < 0.16:
            return NAMED["big"]
        return NAMED[("point", "point", "span", "sum", "zone", "lazy", "heavy")[int(self.random.random() * 7)]]

    def slow_one(self):
        """A statement whose shape is known to be quick, but for this value: it sleeps, or has millions of rows to
        count (only such a one may share)."""
        if self.random.random() < 0.3:
            return self.statement(NAMED["lazy"], (self.nonce(), self.random.choice((2, 10, 30, 100, 300))))
        return self.statement(NAMED["heavy"], (self.nonce(), self.random.choice((20, 40, 60, 80, 100, 130))))

    def statement(self, shape, values=None, unit=None, way=None, **options):
        """A unit with that statement by a way of its own choice, or one more for a group."""
        way = way or ("simple", "unnamed", "named")[int(self.random.random() * 3)]
        values, own = values or self.values(shape), unit is None
        unit = unit or Unit(shape.name, **options)
        unit.shape(shape, self.table, values, way, self.random.random() < 0.5,
                   self.names[shape.name] if way == "named" else "")
        if shape in WRITES:
            unit.writes.append(values[0])
        return unit.add(w.SYNC, b"") if own and way != "simple" else unit

    async def step(self):
        roll = self.random.random()
        for name, chance in MISCHIEF:
            roll -= chance
            if roll < 0:
                self.sums.counts[name] += 1
                await getattr(self, name)()
                return
        await self.ask(*(self.statement(self.choose()) for _ in range(self.random.randint(1, self.depth))))

    async def group(self):
        """Several statements before one Sync: one transaction, and behind an error there is nothing."""
        unit = Unit("group")
        for _ in range(self.random.randint(2, 5)):
            self.asked += 1
            self.statement(self.choose(), unit=unit, way=self.random.choice(["unnamed", "named"]))
        await self.ask(unit.add(w.SYNC, b""))

    async def transaction(self):
        """A write that its own transaction sees; every second one is taken back."""
        name = self.nonce()
        begin = Unit("begin", IN_TRANSACTION).add(w.query("BEGIN"), w.frame("C", b"BEGIN\0"))
        read = Unit("read", IN_TRANSACTION)
        read.shape(NAMED["zone"], self.table, self.values(NAMED["zone"]), "simple")
        write = Unit("write", IN_TRANSACTION)
        write.shape(NAMED["insert"], self.table, (name,), "simple")
        for unit in (begin, read, write):
            if not await self.ask(unit):
                self.drop()
                raise Lost
        back = self.random.random() < 0.5
        end = Unit("rollback").add(w.query("ROLLBACK"), w.frame("C", b"ROLLBACK\0")) if back else \
            Unit("commit").add(w.query("COMMIT"), w.frame("C", b"COMMIT\0"))
        if back:
            self.ledger.write(f"-{name}\n")
        else:
            end.writes.append(name)
        if not await self.ask(end):
            self.drop()

    async def slow(self):
        await self.ask(self.slow_one())

    async def vanish(self):
        """Gone with questions open, in a message, or in a transaction."""
        self.transport.pause_reading()  # nothing of this is judged
        if self.random.random() < 0.3:
            self.transport.write(w.query("BEGIN"))
        self.send(*(self.statement(self.choose()) for _ in range(self.random.randint(1, 8))))
        if self.random.random() < 0.5:
            self.transport.write(w.query("SELECT 'half a message'")[:self.random.randint(1, 20)])
        await asyncio.sleep(self.random.choice((0, 0.001, 0.01)))
        self.drop()

    async def cancel(self):
        units = [self.statement(self.choose()) for _ in range(self.random.randint(0, 3))]
        if self.random.random() < 0.7:
            units.insert(0, self.slow_one())
        self.cancelled_until = float("inf")
        self.good = True
        self.send(*units)
        process, secret = self.process, self.secret
        await asyncio.sleep(self.random.random() * 0.07)
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.plan["port"])
            writer.write(w.cancel_request(process, secret))
            try:
                await asyncio.wait_for(reader.read(), 10)
            finally:
                writer.transport.abort()
        except (OSError, asyncio.TimeoutError):
            self.sums.counts["cancel requests that failed"] += 1
        self.cancelled_until = time.monotonic() + CANCEL_GRACE
        if self.units:
            await self.wait()

    async def run_into_own_timeout(self):
        """statement_timeout is the client's own; nobody else's statements end by it."""
        say = lambda text, tag: Unit(text).add(w.query(text), w.frame("C", w.cstring(tag)))
        late = self.statement(NAMED["heavy"], (self.nonce(), ROWS), way="simple").fails("57014")
        late.rows = []
        units = say("SET statement_timeout = 30", "SET"), late, say("RESET statement_timeout", "RESET")
        self.cancelled_until = float("inf")  # a stopped server may let it strike at SET's or RESET's end
        try:
            if not await self.ask(*units):
                self.drop()
        finally:
            self.cancelled_until = time.monotonic()

    async def run_into_query_timeout(self):
        too_long = int(self.plan["query_timeout"] * 1000) + 2000
        lazy = self.statement(NAMED["lazy"], (self.nonce(), too_long)).fails("57014")
        lazy.rows = []
        await self.ask(lazy)

    async def break_protocol(self):
        bad = self.random.randrange(6)
        neighbours = [self.statement(self.choose()) for _ in range(self.random.randint(0, 3))]
        if bad < 4:
            frames, state = (
                (w.bind("", "nobody") + w.execute() + w.SYNC, "26000"), (w.execute("nobody") + w.SYNC, "34000"),
                (w.query("SELECT FROM WHERE"), "42601"),
                (w.bind("", self.names["point"], ["too few"]) + w.execute() + w.SYNC, "08P01"))[bad]
            neighbours.insert(len(neighbours) // 2, Unit("broken").fails(state).add(frames, b""))
            await self.ask(*neighbours)
            return
        self.send(*neighbours)
        self.leaving = True  # the gateway has to close, and may say why
        self.transport.write((w.frame("?", b"what is this"), b"Q\xff\xff\xff\xffSELECT 1\0")[bad - 4])
        await self.wait()
        await asyncio.wait([asyncio.create_task(self.wait_for_end())], timeout=HANG_SECONDS)
        if self.transport:
            self.sums.violation(f"{self.name}: {HANG_SECONDS} s after a broken frame the connection still stands")
        self.drop()

    async def wait_for_end(self):
        while self.transport:
            await asyncio.sleep(0.001)


def learn(plan):
    """Descriptions and the table's rows, from the server itself, which may just be away."""
    for _ in range(100):
        try:
            return learn_at_once(plan)
        except (OSError, w.Closed, w.LoginRefused):
            time.sleep(0.1)
    raise RuntimeError("the server doesn't answer")


def learn_at_once(plan):
    client = w.Wire.connect("127.0.0.1", plan["server_port"]).login(USER, "", "app")
    for shape in READS + FAILURES + WRITES:
        shape.learn(client)
    table = Table(client.ask("SELECT k, v FROM nonce_rows ORDER BY k").rows)
    client.close()
    return table


async def watch(clients):
    while True:
        await asyncio.sleep(1)
        for client in clients:
            client.hang_check(time.monotonic())


async def main():
    plan, sums = json.loads(sys.argv[1]), Sums()
    table = learn(plan)
    with open(plan["ledger"], "w") as ledger:
        clients = [Client(plan, number, sums, table, ledger) for number in range(plan["clients"])]
        watching = asyncio.create_task(watch(clients))
        await asyncio.gather(*(client.run(time.monotonic() + plan["seconds"]) for client in clients))
        watching.cancel()
    sums.counts["asked"] = sum(client.asked for client in clients)
    print(json.dumps(vars(sums)))


if __name__ == "__main__":
    asyncio.run(main())
