"""Transcripts: who says what, in order, between a client, Sluice and a server that we play.

One line a step; `#` begins a comment, the first lines of which say what the transcript is about.

    options max=1 wait=2s sslmode=require      of the gateway's pool, and of its login at the server
    client connect                             `client 2`, `server 2`, ... are further ones
    client -> Q "SELECT 1"                     it says so
    server accept                              the next connection that Sluice makes
    server login                               reads the startup packet, answers with a plain greeting
    server <- Q "SELECT 1"                     it must be told exactly this
    client <- T c | D 1 | C "SELECT 1" | Z I   ParameterStatus and BackendKeyData may stand between
    client <- end                              the connection is closed, and nothing was said before
    server quiet                               nothing more arrives for a moment
    server close, server reset                 with FIN, with RST
    pause 0.3                                  seconds

Messages are a type letter and words; E and N: severity, SQLSTATE and text (a part of it when expected,
`-` for "not sent"). `startup`, `ssl`, `R 10 SCRAM-SHA-256`, `raw 53..` (hex) stand for themselves, `half D xyz`
is a message without its last bytes. `client login` is startup, its answers and the first ReadyForQuery.
"""
import shlex
import socket
import struct
import time

import wire as w

PATIENCE = 10


class Mismatch(AssertionError):
    pass


def encode(words):
    """One message in bytes."""
    kind, *rest = words
    if kind == "raw":
        return bytes.fromhex("".join(rest))
    if kind == "half":
        whole = encode(rest)
        return whole[:len(whole) - 2]
    if kind == "startup":
        return w.startup(user="app", database="app")
    if kind == "ssl":
        return w.packet(struct.pack("!I", w.SSL_REQUEST))
    if kind == "byte":
        return rest[0].encode()
    body = {
        "Z": lambda: rest[0].encode(),
        "R": lambda: struct.pack("!I", int(rest[0])) + b"".join(w.cstring(x) for x in rest[1:]) + b"\0" * (rest[0] == "10"),
        "K": lambda: struct.pack("!I", 77) + b"key4",
        "S": lambda: b"".join(w.cstring(x) for x in rest[0].split("=", 1)) if rest else b"",
        "T": lambda: struct.pack("!H", len(rest)) + b"".join(
            w.cstring(name) + struct.pack("!IHIhih", 0, 0, 25, -1, -1, 0) for name in rest),
        "D": lambda: struct.pack("!H", len(rest)) + b"".join(
            struct.pack("!i", len(v.encode())) + v.encode() for v in rest),
        "E": lambda: fields(rest), "N": lambda: fields(rest),
        "A": lambda: struct.pack("!I", 7) + w.cstring(rest[0]) + w.cstring(""),
        "d": lambda: rest[0].encode(),
        "G": lambda: b"\0\0\0",
    }.get(kind, lambda: w.cstring(rest[0]) if rest else b"")
    return w.frame(kind, body())


def fields(words):
    severity, state, text = words
    parts = [("S", severity), ("V", severity), ("C", state), ("M", text)]
    return b"".join(code.encode() + w.cstring(value) for code, value in parts if value != "-") + b"\0"


def words_of(message):
    """A message that was received, in the notation above."""
    kind = message.kind
    if kind in "EN":
        got = message.fields()
        return [kind, got.get("S", "-"), got.get("C", "-"), got.get("M", "-")]
    if kind == "D" and len(message.body) >= 2:
        return [kind, *(value or "" for value in message.row())]
    if kind == "T":
        count, = struct.unpack_from("!H", message.body)
        names, at = [], 2
        for _ in range(count):
            end = message.body.index(b"\0", at)
            names.append(message.body[at:end].decode())
            at = end + 19
        return [kind, *names]
    if kind == "S" and message.body:
        return [kind, "=".join(message.pair())]
    if kind == "R":
        return [kind, str(struct.unpack_from("!I", message.body)[0])]
    text = message.body.split(b"\0")[0].decode(errors="replace")
    return [kind, text] if text else [kind]


def same(expected, got):
    if expected[0] in "EN" and len(expected) == 4:
        return expected[:3] == got[:3] and expected[3] in got[3]
    return expected == got[:len(expected)] if expected[0] in "EN" else expected == got


class Party:
    """One end of a connection that the transcript plays."""

    def __init__(self, name, sock):
        sock.settimeout(PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.name, self.wire, self.seen = name, w.Wire(sock), []

    def say(self, messages):
        self.wire.send(b"".join(encode(words) for words in messages))

    def hear(self, expected):
        for words in expected:
            if words == ["end"]:
                got = self._next()
                if got is not None:
                    raise Mismatch(f"{self.name}: the end was expected, not {got}")
            elif words[0] in ("startup", "ssl"):
                size, = struct.unpack("!I", self.wire.read_bytes(4))
                code, = struct.unpack_from("!I", self.wire.read_bytes(size - 4))
                wanted = w.SSL_REQUEST if words[0] == "ssl" else w.PROTOCOL_3_0
                if code != wanted:
                    raise Mismatch(f"{self.name}: {words[0]} was expected, not code {code}")
            elif words[0] == "byte":
                got = self.wire.read_bytes(1).decode()
                if got != words[1]:
                    raise Mismatch(f"{self.name}: {words[1]} was expected, not {got}")
            else:
                got = self._next(skip="SKR".replace(words[0], ""))
                while words[0] == "S" and got and got[0] == "S" and got != words:
                    got = self._next(skip="KR")
                if got is None or not same(words, got):
                    raise Mismatch(f"{self.name}: {words} was expected, not {got or 'the end'}; before: {self.seen}")

    def _next(self, skip=""):
        while True:
            try:
                message = self.wire.read()
            except (w.Closed, ConnectionError):
                return None
            except TimeoutError:
                raise Mismatch(f"{self.name}: nothing arrived; before: {self.seen}") from None
            words = words_of(message)
            self.seen.append(words)
            if message.kind not in skip:
                return words

    def quiet(self):
        if not self.wire.quiet():
            raise Mismatch(f"{self.name}: something arrived: {self._next()}")

    def close(self, abruptly=False):
        if abruptly:
            self.wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.wire.close()


class Transcript:
    def __init__(self, path):
        self.path = path
        self.steps, self.options, about = [], {}, []
        for number, line in enumerate(path.read_text().splitlines(), 1):
            words = shlex.split(line, comments=True)
            if line.startswith("#") and not self.steps:
                about.append(line[1:].strip())
            if not words:
                continue
            if words[0] == "options":
                self.options.update(word.split("=", 1) for word in words[1:])
            else:
                self.steps.append((number, words))
        self.about = " ".join(about)

    def play(self, gateway, listener):
        """REQUIRES: the gateway's server is whoever accepts from `listener`."""
        play = Play(gateway, listener)
        try:
            for number, words in self.steps:
                try:
                    play.step(words)
                except Exception as failure:
                    raise AssertionError(f"{self.path.name}:{number}: {shlex.join(words)}: {failure}") from failure
        finally:
            play.close()


class Play:
    def __init__(self, gateway, listener):
        self.gateway, self.listener, self.parties = gateway, listener, {}

    def step(self, words):
        if words[0] == "pause":
            return time.sleep(float(words[1]))
        name, words = words[0], words[1:]
        if words[0].isdigit():
            name, words = f"{name} {words[0]}", words[1:]
        verb, rest = words[0], messages(words[1:])
        party = self.parties.get(name)
        match verb:
            case "connect":
                self.parties[name] = Party(name, socket.create_connection(("127.0.0.1", self.gateway.port), PATIENCE))
            case "accept":
                self.parties[name] = Party(name, self.listener.accept()[0])
            case "login" if name.startswith("server"):
                party.hear([["startup"]])
                party.say(messages("R 0 | S server_version=15.1 | S client_encoding=UTF8 | K | Z I".split()))
            case "login":
                party.say([["startup"]])
                party.hear([["Z", "I"]])
            case "->":
                party.say(rest)
            case "<-":
                party.hear(rest)
            case "quiet":
                party.quiet()
            case "close":
                self.parties.pop(name).close()
            case "reset":
                self.parties.pop(name).close(abruptly=True)
            case _:
                raise ValueError(f"what is {verb}?")

    def close(self):
        for party in self.parties.values():
            party.close()


def messages(words):
    """Words, with | between messages."""
    split = [[]]
    for word in words:
        if word == "|":
            split.append([])
        else:
            split[-1].append(word)
    return [message for message in split if message]
