"""A PostgreSQL client at the level of frames, for what drivers would never send or would hide.

Blocking, with a timeout on everything. Replies are Message(kind, body); the helpers below it read
rows, errors and tags from them.
"""
import base64
import hashlib
import hmac
import os
import socket
import ssl
import struct
from dataclasses import dataclass

SSL_REQUEST, GSS_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102
PROTOCOL_3_0, PROTOCOL_3_2 = 196608, 196610
TIMEOUT = 15


def cstring(text):
    return (text if isinstance(text, bytes) else text.encode()) + b"\0"


def frame(kind, body=b""):
    return kind.encode() + struct.pack("!I", len(body) + 4) + body


def packet(body):
    """A frame without type byte, as the first one is."""
    return struct.pack("!I", len(body) + 4) + body


def startup(version=PROTOCOL_3_0, **parameters):
    body = b"".join(cstring(k) + cstring(v) for k, v in parameters.items())
    return packet(struct.pack("!I", version) + body + b"\0")


def cancel_request(process, secret):
    return packet(struct.pack("!II", CANCEL_REQUEST, process) + secret)


def query(text):
    return frame("Q", cstring(text))


def parse(name, text, types=()):
    return frame("P", cstring(name) + cstring(text) + struct.pack(f"!H{len(types)}I", len(types), *types))


def bind(portal, name, values=(), binary_results=False):
    body = cstring(portal) + cstring(name) + struct.pack("!HH", 0, len(values))
    for value in values:
        data = None if value is None else str(value).encode()
        body += struct.pack("!i", -1) if data is None else struct.pack("!i", len(data)) + data
    return frame("B", body + (struct.pack("!HH", 1, 1) if binary_results else struct.pack("!H", 0)))


def describe(what, name):
    return frame("D", what.encode() + cstring(name))


def execute(portal="", limit=0):
    return frame("E", cstring(portal) + struct.pack("!I", limit))


def close(what, name):
    return frame("C", what.encode() + cstring(name))


def copy_data(data):
    return frame("d", data)


def copy_fail(reason):
    return frame("f", cstring(reason))


COPY_DONE, SYNC, FLUSH, TERMINATE = frame("c"), frame("S"), frame("H"), frame("X")


@dataclass
class Message:
    kind: str
    body: bytes

    def fields(self):
        """Of an ErrorResponse or NoticeResponse: {'C': sqlstate, 'M': text, 'S': severity, ...}."""
        return {part[:1].decode(): part[1:].decode() for part in self.body.split(b"\0") if part}

    def row(self):
        """Of a DataRow: a list of texts, None for null."""
        count, = struct.unpack_from("!H", self.body)
        values, at = [], 2
        for _ in range(count):
            size, = struct.unpack_from("!i", self.body, at)
            at += 4
            values.append(None if size < 0 else self.body[at:at + size].decode())
            at += max(size, 0)
        return values

    def text(self):
        return self.body.rstrip(b"\0").decode()

    def pair(self):
        """Of a ParameterStatus: name and value."""
        return tuple(part.decode() for part in self.body.split(b"\0")[:2])


class Replies(list):
    """What came up to and including a ReadyForQuery."""

    @property
    def kinds(self):
        return "".join(message.kind for message in self if message.kind not in "SNA")

    @property
    def rows(self):
        return [message.row() for message in self if message.kind == "D"]

    @property
    def errors(self):
        return [message.fields() for message in self if message.kind == "E"]

    @property
    def sqlstates(self):
        return [error["C"] for error in self.errors]

    @property
    def tags(self):
        return [message.text() for message in self if message.kind == "C"]

    @property
    def settings(self):
        return dict(message.pair() for message in self if message.kind == "S")

    @property
    def status(self):
        return self[-1].body.decode()

    @property
    def value(self):
        assert not self.errors, self.errors
        return self.rows[0][0]


class Closed(Exception):
    """The other side closed the connection; `seen` are the messages before."""

    def __init__(self, seen):
        super().__init__(f"closed after {[(m.kind, m.body[:80]) for m in seen]}")
        self.seen = Replies(seen)


class Wire:
    def __init__(self, sock):
        self.socket, self.buffer = sock, b""
        self.process = self.secret = None
        self.settings = {}

    @classmethod
    def connect(cls, host, port):
        sock = socket.create_connection((host, port), TIMEOUT)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(sock)

    def close(self):
        self.socket.close()

    def start_tls(self, context=None):
        self.send(packet(struct.pack("!I", SSL_REQUEST)))
        assert self.read_bytes(1) == b"S"
        self.wrap_tls(context)

    def wrap_tls(self, context=None):
        if context is None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")

    def send(self, *frames):
        self.socket.sendall(b"".join(frames))

    def read_bytes(self, count):
        while len(self.buffer) < count:
            got = self.socket.recv(65536)
            if not got:
                raise Closed([])
            self.buffer += got
        out, self.buffer = self.buffer[:count], self.buffer[count:]
        return out

    def read(self):
        kind, size = struct.unpack("!cI", self.read_bytes(5))
        return Message(kind.decode(), self.read_bytes(size - 4))

    def until(self, kinds):
        """Reads up to and including a message of one of these kinds."""
        seen = Replies()
        try:
            while not seen or seen[-1].kind not in kinds:
                seen.append(self.read())
        except (Closed, ConnectionError):
            raise Closed(seen) from None
        return seen

    def ready(self):
        return self.until("Z")

    def ask(self, *frames):
        """Sends texts as simple queries and bytes as they are; one list of replies for one Ready."""
        self.send(*(query(f) if isinstance(f, str) else f for f in frames))
        return self.ready()

    def extended(self, text, values=(), name="", types=()):
        return self.ask(parse(name, text, types), bind("", name, values), describe("P", ""), execute(), SYNC)

    def rest(self):
        """Everything up to the end of the connection."""
        seen = Replies()
        try:
            while True:
                seen.append(self.read())
        except (Closed, ConnectionError):
            return seen

    def rest_or_ready(self):
        """Up to a ReadyForQuery or to the end of the connection, whichever comes first."""
        try:
            return self.ready()
        except Closed as closed:
            return closed.seen

    def quiet(self, seconds=0.2):
        """True if nothing arrives for so long."""
        if self.buffer:
            return False
        self.socket.settimeout(seconds)
        try:
            self.buffer += self.socket.recv(65536)
            return False
        except (TimeoutError, BlockingIOError):
            return True
        finally:
            self.socket.settimeout(TIMEOUT)

    def login(self, user, password, database, version=PROTOCOL_3_0, **parameters):
        self.send(startup(version, user=user, database=database, **parameters))
        self.finish_login(user, password)
        return self

    def finish_login(self, user, password):
        """Answers what the server asks for; raises Closed or LoginRefused."""
        greeting = Replies(self.authenticate(user, password))
        greeting += self.until("ZE")
        if greeting[-1].kind == "E":
            raise LoginRefused(greeting[-1].fields())
        key = next(message for message in greeting if message.kind == "K")
        self.process, self.secret = struct.unpack_from("!I", key.body)[0], key.body[4:]
        self.settings = greeting.settings
        return greeting

    def authenticate(self, user, password):
        seen = []
        while True:
            message = self.read()
            seen.append(message)
            if message.kind == "E":
                raise LoginRefused(message.fields())
            if message.kind != "R":
                continue
            method, = struct.unpack_from("!I", message.body)
            if method == 0:
                return seen
            if method == 3:
                self.send(frame("p", cstring(password)))
            elif method == 5:
                self.send(frame("p", cstring(md5_answer(user, password, message.body[4:8]))))
            elif method == 10:
                self.scram(password)
            else:
                raise AssertionError(f"authentication {method}")

    def scram(self, password, nonce=None):
        nonce = nonce or base64.b64encode(os.urandom(18)).decode()
        first = f"n=,r={nonce}"
        hello = b"n,," + first.encode()
        self.send(frame("p", cstring("SCRAM-SHA-256") + struct.pack("!I", len(hello)) + hello))
        challenge = self.expect_auth(11)
        server = dict(part.split("=", 1) for part in challenge.split(","))
        assert server["r"].startswith(nonce)
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(server["s"]),
                                     int(server["i"]))
        proof, signature = scram_proof(salted, first, challenge, f"c=biws,r={server['r']}")
        self.send(frame("p", f"c=biws,r={server['r']},p={proof}".encode()))
        assert self.expect_auth(12) == f"v={signature}", "the server doesn't know the password"

    def expect_auth(self, method):
        message = self.read()
        if message.kind == "E":
            raise LoginRefused(message.fields())
        assert message.kind == "R" and struct.unpack_from("!I", message.body)[0] == method, message
        return message.body[4:].decode()


class LoginRefused(Exception):
    def __init__(self, fields):
        super().__init__(str(fields))
        self.fields, self.sqlstate = fields, fields.get("C")


def md5_answer(user, password, salt):
    inner = hashlib.md5((password + user).encode()).hexdigest()
    return "md5" + hashlib.md5(inner.encode() + salt).hexdigest()


def scram_proof(salted, first, challenge, final):
    """Proof and server signature, base64 (RFC 5802)."""
    def mac(key, text):
        return hmac.new(key, text, "sha256").digest()

    message = f"{first},{challenge},{final}".encode()
    key = mac(salted, b"Client Key")
    signature = mac(hashlib.sha256(key).digest(), message)
    proof = bytes(a ^ b for a, b in zip(key, signature))
    server = mac(mac(salted, b"Server Key"), message)
    return base64.b64encode(proof).decode(), base64.b64encode(server).decode()
