#!/usr/bin/env python3
"""One process of the nonce test: raw asyncio clients, each asking for values that only it knows.

Argument: a plan as JSON. Prints sums as JSON. `foreign` are answers that carry somebody else's value,
`lost` are statements that got neither answer nor error, `errors` those that a fault explains.
"""
import asyncio
import json
import random
import struct
import sys

import wire as w

HANG_SECONDS = 60
FAULT_CHANCE = 0.01


class Sums:
    def __init__(self):
        self.foreign, self.lost = [], []
        self.answered = self.errors = self.vanished = self.cancelled = self.reconnected = 0


class Client:
    """One connection at a time; reconnects when it is lost."""

    def __init__(self, plan, number, sums):
        self.plan, self.sums = plan, sums
        self.random = random.Random(f"{plan['seed']}/{number}")
        self.name = f"{plan['seed']}-{number}"
        self.asked = 0
        self.writer = None

    async def run(self, statements):
        while self.asked < statements:
            try:
                if self.writer is None:
                    await self.connect()
                await asyncio.wait_for(self.step(), HANG_SECONDS)
            except asyncio.TimeoutError:
                self.sums.lost.append(f"{self.name}: no answer in {HANG_SECONDS} s")
                self.drop()
            except (OSError, EOFError, w.LoginRefused):
                self.sums.errors += 1
                self.drop()
                await asyncio.sleep(0.01)
        self.drop()

    def drop(self):
        if self.writer:
            self.writer.transport.abort()
        self.writer = None

    async def connect(self):
        """Logs in with the blocking client in a thread, because SCRAM lives there, and takes its socket."""
        plan = self.plan

        def login():
            client = w.Wire.connect(plan["host"], plan["port"])
            try:
                return client.login(plan["user"], plan["password"], plan["database"])
            except Exception as failure:
                client.close()
                raise (failure if not isinstance(failure, w.Closed) else OSError(str(failure)))

        client = await asyncio.to_thread(login)
        self.process, self.secret = client.process, client.secret
        client.socket.setblocking(False)
        self.reader, self.writer = await asyncio.open_connection(sock=client.socket)
        self.statement = 0
        self.sums.reconnected += 1

    async def ready(self):
        """Rows and SQLSTATEs up to ReadyForQuery."""
        rows, states = [], []
        while True:
            kind, size = struct.unpack("!cI", await self.reader.readexactly(5))
            message = w.Message(kind.decode(), await self.reader.readexactly(size - 4))
            if message.kind == "D":
                rows.append(message.row())
            elif message.kind == "E":
                states.append(message.fields()["C"])
            elif message.kind == "Z":
                return rows, states

    async def step(self):
        if self.plan["faults"] and self.random.random() < FAULT_CHANCE:
            await self.random.choice([self.vanish, self.cancel, self.time_out])()
            return
        ways = [self.simple, self.simple, self.extended, self.prepared, self.prepared, self.pipeline,
                self.transaction]
        await self.random.choice(ways)()

    def nonce(self):
        self.asked += 1
        return f"{self.name}:{self.asked}:{self.random.getrandbits(64):016x}"

    async def expect(self, *expected):
        """The next reply has exactly these values, or an error."""
        rows, states = await self.ready()
        got = [row[0] for row in rows]
        if states:
            self.sums.errors += 1
            if any(value not in expected for value in got):
                self.sums.foreign.append(f"{self.name}: {got} beside {states}")
        elif got != list(expected):
            kind = self.sums.lost if all(value in expected for value in got) else self.sums.foreign
            kind.append(f"{self.name}: {got} instead of {expected}")
        else:
            self.sums.answered += len(expected)
        return not states

    async def simple(self):
        value = self.nonce()
        self.writer.write(w.query(f"SELECT '{value}'"))
        await self.expect(value)

    async def extended(self):
        value = self.nonce()
        self.writer.write(w.parse("", "SELECT $1::text") + w.bind("", "", [value]) + w.execute() + w.SYNC)
        await self.expect(value)

    async def prepared(self):
        """One of a few names, each with a text of this client's own."""
        value, number = self.nonce(), self.random.randrange(4)
        frames = b""
        if not self.statement >> number & 1:
            frames = w.parse(f"s{number}", f"SELECT '{self.name}/{number}/' || $1::text")
            self.statement |= 1 << number
        self.writer.write(frames + w.bind("", f"s{number}", [value]) + w.execute() + w.SYNC)
        if not await self.expect(f"{self.name}/{number}/{value}") and frames:
            self.drop()

    async def pipeline(self):
        values = [self.nonce() for _ in range(self.random.randrange(2, 9))]
        for value in values:
            self.writer.write(w.parse("", "SELECT $1::text") + w.bind("", "", [value]) + w.execute() + w.SYNC)
        for value in values:
            await self.expect(value)

    async def transaction(self):
        values = [self.nonce() for _ in range(2)]
        self.writer.write(w.query("BEGIN") + w.query(f"SELECT '{values[0]}'"))
        await self.expect()
        await self.expect(values[0])
        self.writer.write(w.query(f"SELECT '{values[1]}'; COMMIT"))
        if not await self.expect(values[1]):
            self.writer.write(w.query("ROLLBACK"))
            await self.expect()

    async def vanish(self):
        self.writer.write(self.random.choice([
            w.query("BEGIN; SELECT 'left behind'"), w.query("SELECT pg_sleep(0.05), 'left behind'"),
            w.parse("", "SELECT 'left behind'") + w.bind("", "") + w.execute(), w.query("SELECT 'left'")[:7]]))
        await self.writer.drain()
        await asyncio.sleep(self.random.random() * 0.01)
        self.drop()
        self.sums.vanished += 1

    async def cancel(self):
        value = self.nonce()
        self.writer.write(w.query(f"SELECT '{value}' FROM pg_sleep(0.05)"))
        await asyncio.sleep(self.random.random() * 0.06)
        _, writer = await asyncio.open_connection(self.plan["host"], self.plan["port"])
        writer.write(w.cancel_request(self.process, self.secret))
        await writer.drain()
        await self.expect(value)
        writer.close()
        self.sums.cancelled += 1

    async def time_out(self):
        value = self.nonce()
        self.writer.write(w.query("SET statement_timeout = 20") + w.query(f"SELECT pg_sleep(0.5), '{value}'")
                          + w.query("RESET statement_timeout"))
        for _ in range(3):
            rows, states = await self.ready()
            if any(value not in row for row in rows):
                self.sums.foreign.append(f"{self.name}: {rows}")
            self.sums.errors += len(states)


async def main():
    plan, sums = json.loads(sys.argv[1]), Sums()
    each = -(-plan["statements"] // plan["clients"])
    await asyncio.gather(*(Client(plan, n, sums).run(each) for n in range(plan["clients"])))
    print(json.dumps(vars(sums)))


asyncio.run(main())
