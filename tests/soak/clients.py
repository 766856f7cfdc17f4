"""Clients of the soak: those that work and check every answer, and those that misbehave.

All of them write what they met into one Ledger. A worker's error is excused if its statement began while
a fault was on, or within RECOVERY seconds after the server's return; any other error is a violation, and so
is any error whose SQLSTATE isn't one that a client can act upon.
"""
import asyncio
import collections
import random
import struct
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

import wire as w  # noqa: E402

USER = "trusted"
RECOVERY = 1.0
HANG_SECONDS = 30
THINKING = 0.02  # seconds between a worker's statements, at most

# What a client may be told when a server goes away, and of its own cancel.
ALLOWED = {"57P01", "57P02", "57P03", "08000", "08001", "08003", "08004", "08006", "53300", "57014"}


class Ledger:
    """What happened. One event loop."""

    def __init__(self):
        self.fault, self.excused_until = "none", 0.0
        self.errors = collections.Counter()  # (fault, how it showed): count
        self.violations = []
        self.answered = collections.Counter()  # by kind of client
        self.last_success = {}  # worker: monotonic time at which its last successful step began
        self.longest_gap = collections.Counter()  # by fault, between a worker's successes

    def begin(self, fault):
        self.fault, self.excused_until = fault, float("inf")

    def returned(self, now):
        self.excused_until = now + RECOVERY

    def success(self, worker, began):
        now = time.monotonic()
        before = self.last_success.get(worker)
        if before:
            self.longest_gap[self.fault] = max(self.longest_gap[self.fault], now - before)
        self.last_success[worker] = began
        self.answered["worker"] += 1

    def error(self, who, how, began, text=""):
        self.errors[self.fault, how] += 1
        if began > self.excused_until:
            self.violation(f"{who}: {how} {text!r} {began - self.excused_until:.3f} s after all was well again")
        elif how not in ALLOWED and how != "cut in a message":
            self.violation(f"{who}: {how} {text!r} during {self.fault}")

    def violation(self, text):
        self.violations.append(f"{time.strftime('%H:%M:%S')} [{self.fault}] {text}")


class Lost(Exception):
    """The connection is gone; `how` is the FATAL's SQLSTATE or how it ended without one."""

    def __init__(self, how, text=""):
        super().__init__(how)
        self.how, self.text = how, text


class Connection:
    """A raw client that tells the ends of a connection apart."""

    @classmethod
    async def open(cls, port, database):
        self = cls()
        self.said = None  # the last ErrorResponse
        try:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError as failure:
            raise Lost("no listener", str(failure)) from None
        self.send(w.startup(user=USER, database=database))
        try:
            while (message := await self.read()).kind != "Z":
                if message.kind == "K":
                    self.process, self.secret = struct.unpack_from("!I", message.body)[0], message.body[4:]
        except BaseException:
            self.drop()
            raise
        return self

    def send(self, *frames):
        self.writer.write(b"".join(frames))

    def drop(self):
        self.writer.transport.abort()

    async def read(self):
        began = False
        try:
            header = await self.reader.readexactly(5)
            began = True
            kind, size = struct.unpack("!cI", header)
            message = w.Message(kind.decode(), await self.reader.readexactly(size - 4))
        except asyncio.IncompleteReadError as end:
            raise self.lost("cut in a message" if began or end.partial else "closed silently") from None
        except OSError as failure:
            raise self.lost("cut in a message" if began else f"reset ({failure.strerror})") from None
        if message.kind == "E":
            self.said = message.fields()
        return message

    def lost(self, how):
        if self.said:
            return Lost(self.said["C"], self.said.get("M", ""))
        return Lost(how)

    async def reply(self):
        """First columns of the rows, and the error's fields or None, up to ReadyForQuery."""
        rows, error = [], None
        self.said = None
        while True:
            message = await self.read()
            if message.kind == "D":
                rows.append(message.row()[0])
            elif message.kind == "E":
                error = message.fields()
            elif message.kind == "Z":
                self.said = None
                return rows, error


class Worker:
    """Asks for values of its own by every protocol path, for ever."""

    def __init__(self, ledger, port, database, number):
        self.ledger, self.port, self.database = ledger, port, database
        self.name = f"{database}-{number}"
        self.random = random.Random(self.name)
        self.count, self.connection = 0, None

    async def run(self):
        while True:
            began = time.monotonic()
            try:
                async with asyncio.timeout(HANG_SECONDS):
                    await self.step(began)
            except TimeoutError:
                self.ledger.violation(f"{self.name}: no answer in {HANG_SECONDS} s")
                self.drop()
            except Lost as lost:
                self.ledger.error(self.name, lost.how, began, lost.text)
                self.drop()
            await asyncio.sleep(self.random.random() * THINKING)

    def drop(self):
        if self.connection:
            self.connection.drop()
        self.connection = None

    async def step(self, began):
        if self.connection is None:
            self.connection = await Connection.open(self.port, self.database)
            self.known = set()
        way = self.random.choice([self.simple, self.extended, self.prepared, self.pipeline, self.transaction,
                                  self.many_rows])
        if await way(began):
            self.ledger.success(self.name, began)

    def nonce(self):
        self.count += 1
        return f"{self.name}:{self.count}:{self.random.getrandbits(48):x}"

    async def expect(self, began, expected):
        rows, error = await self.connection.reply()
        if error:
            self.ledger.error(self.name, error["C"], began, error["M"])
        if error and [row for row in rows if row not in expected] or not error and rows != expected:
            self.ledger.violation(f"{self.name}: {rows[:3]} for {expected[:3]}, {error}")
        return error is None

    async def simple(self, began):
        value = self.nonce()
        self.connection.send(w.query(f"SELECT '{value}'"))
        return await self.expect(began, [value])

    async def extended(self, began):
        value = self.nonce()
        self.connection.send(w.parse("", "SELECT $1::text"), w.bind("", "", [value]), w.execute(), w.SYNC)
        return await self.expect(began, [value])

    async def prepared(self, began):
        value, name = self.nonce(), f"s{self.random.randrange(4)}"
        text = f"SELECT '{self.name}/{name}/' || $1::text"
        parse = b"" if name in self.known else w.parse(name, text)
        self.connection.send(parse, w.bind("", name, [value]), w.execute(), w.SYNC)
        good = await self.expect(began, [f"{self.name}/{name}/{value}"])
        if good:
            self.known.add(name)
        elif parse:
            self.drop()  # it can't know whether the statement exists
        return good

    async def pipeline(self, began):
        values = [self.nonce() for _ in range(4)]
        # One write: asyncio forgets what it has received once a later write meets a closed connection.
        self.connection.send(*(frame for value in values for frame in (
            w.parse("", "SELECT $1::text"), w.bind("", "", [value]), w.execute(), w.SYNC)))
        return all([await self.expect(began, [value]) for value in values])

    async def transaction(self, began):
        value = self.nonce()
        self.connection.send(w.query("BEGIN"))
        if not await self.expect(began, []):
            return False
        self.connection.send(w.query(f"SELECT '{value}'"))
        good = await self.expect(began, [value])
        self.connection.send(w.query("COMMIT"))
        return await self.expect(began, []) and good

    async def many_rows(self, began):
        """Rows that don't fit into one read, which is where a reset hurts most."""
        self.connection.send(w.query("SELECT n || repeat('.', 3000) FROM generate_series(1, 100) n"))
        return await self.expect(began, [f"{n}" + "." * 3000 for n in range(1, 101)])


async def misbehave(ledger, port, database, number, act):
    """Repeats one kind of mischief for ever; that the server is away at times is its own business."""
    chance = random.Random(f"{act.__name__}{number}")
    while True:
        try:
            connection = await Connection.open(port, database)
            try:
                async with asyncio.timeout(HANG_SECONDS):
                    await act(connection, chance, port)
                ledger.answered[act.__name__] += 1
            finally:
                connection.drop()
        except TimeoutError:
            ledger.violation(f"{act.__name__}: no answer in {HANG_SECONDS} s")
        except (Lost, OSError):
            await asyncio.sleep(0.1)


async def vanish(connection, chance, _port):
    """Gone in a transaction, in a query, or in the middle of a message."""
    connection.send(w.query("BEGIN"))
    await connection.reply()
    connection.send(chance.choice([
        w.query("SELECT pg_advisory_xact_lock_shared(1)"), w.query("SELECT pg_sleep(0.3)"),
        w.query("SELECT 'half a message'")[:9], w.parse("", "SELECT 1") + w.bind("", "") + w.execute()]))
    await connection.writer.drain()
    await asyncio.sleep(chance.random() * 0.05)


async def stop_reading(connection, chance, _port):
    """Asks for a gigabyte, reads a little of it, and leaves it lying for seconds."""
    connection.send(w.query("SELECT generate_series(1, 1000000), repeat('x', 1000)"))
    await connection.read()
    connection.writer.transport.pause_reading()
    await asyncio.sleep(3 + 4 * chance.random())


async def cancel(connection, chance, port):
    """Cancels a statement; it ends with 57014 or with its row, if the cancel was late."""
    connection.send(w.query("SELECT pg_sleep(0.2), 'slept'"))
    await asyncio.sleep(chance.random() * 0.25)
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(w.cancel_request(connection.process, connection.secret))
    writer.close()
    _, error = await connection.reply()
    if error and error["C"] not in ALLOWED:
        raise RuntimeError(error)
    await asyncio.sleep(0.1)
