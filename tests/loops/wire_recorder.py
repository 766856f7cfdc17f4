"""A relay for PostgreSQL's protocol that writes down each statement as a line of JSON.

It stands where the gateway will be told to listen: a program connects here, the gateway is behind. What
it writes is what a recording is made of: the text as it came, the values (of a simple query none: they are
literals in the text), when it arrived and how long it took in microseconds, the columns' names and types
and the first rows. A portal that is read in parts is one statement.
"""
import json
import socket
import struct
import threading
import time

MAX_ROWS = 128


def field(data, form, oid):
    """One value: text as it is, null as null, binary as {"hex", "type"}."""
    if data is None:
        return None
    if form == 0:
        return data.decode(errors="replace")
    return {"hex": data.hex(), "type": oid}


class Take:
    """Reads a message's body field by field."""

    def __init__(self, body):
        self.body, self.at = body, 0

    def number(self, kind):
        (value,) = struct.unpack_from(kind, self.body, self.at)
        self.at += struct.calcsize(kind)
        return value

    def text(self):
        end = self.body.index(b"\0", self.at)
        value, self.at = self.body[self.at:end].decode(errors="replace"), end + 1
        return value

    def data(self):
        size = self.number("!i")
        if size < 0:
            return None
        self.at += size
        return self.body[self.at - size:self.at]

    def numbers(self, kind):
        return [self.number(kind) for _ in range(self.number("!H"))]


class Conversation:
    """One session: what the client asked and hasn't been answered yet, in order."""

    def __init__(self, session, write):
        self.session, self.write, self.lock = session, write, threading.Lock()
        self.queue = []         # statements, and None for each Sync
        self.statements = {}    # name -> {"text", "types", "columns"}
        self.portals = {}       # name -> statement under way
        self.parsed = []        # described statements whose answers are awaited, as names
        self.application = ""

    # ---- from the client

    def asked(self, kind, body, at):
        take = Take(body)
        with self.lock:
            if kind == b"Q":
                self.queue += [self.start(take.text(), [], at), None]
            elif kind == b"P":
                name, text = take.text(), take.text()
                self.statements[name] = {"text": text, "types": take.numbers("!I"), "columns": None}
            elif kind == b"B":
                self.bound(take, at)
            elif kind == b"D":
                what, name = take.number("!c"), take.text()
                described = self.statements.get(name) if what == b"S" else self.portals.get(name, {}).get("of")
                self.queue.append({"describes": described})
            elif kind == b"E":
                portal = self.portals[take.text()]
                if not portal.get("begun"):
                    portal.update(begun=True, arrived=at)
                    self.queue.append(portal)
                else:
                    self.queue.append({"goes_on": portal})
            elif kind == b"S":
                self.queue.append(None)

    def bound(self, take, at):
        portal, name = take.text(), take.text()
        statement = self.statements[name]
        forms = take.numbers("!H")
        values = [take.data() for _ in range(take.number("!H"))]
        types = statement["types"]
        said = []
        for n, data in enumerate(values):
            form = forms[n] if len(forms) > 1 else (forms or [0])[0]
            said.append(field(data, form, types[n] if n < len(types) else 0))
        run = self.start(statement["text"], said, at)
        run.update(of=statement, forms=take.numbers("!H"))
        self.portals[portal] = run

    def start(self, text, values, at):
        return {"text": text, "values": values, "arrived": at, "columns": None, "sample": [], "rows": 0,
                "of": None, "forms": []}

    # ---- from the server

    def answered(self, kind, body, at):
        with self.lock:
            if kind == b"t":
                self.awaited_description()["types"] = Take(body).numbers("!I")
            elif kind == b"T":
                self.described(Take(body))
            elif kind == b"n" and self.queue and self.queue[0] and "describes" in self.queue[0]:
                self.queue.pop(0)
            elif kind == b"D":
                self.row(Take(body))
            elif kind in (b"C", b"I", b"s"):
                self.ended(kind, body, at, None)
            elif kind == b"E":
                self.failed(body, at)
            elif kind == b"Z":
                while self.queue and self.queue.pop(0) is not None:
                    pass

    def awaited_description(self):
        return (self.queue[0] or {}).get("describes") or {} if self.queue else {}

    def described(self, take):
        if not self.queue:
            return
        columns = []
        for _ in range(take.number("!H")):
            name, _table, _number, oid = take.text(), take.number("!I"), take.number("!h"), take.number("!I")
            take.number("!h"), take.number("!i"), take.number("!h")
            columns.append((name, oid))
        head = self.queue[0]
        if head and "describes" in head:
            if head["describes"] is not None:
                head["describes"]["columns"] = columns
            self.queue.pop(0)
        elif head:
            head["columns"] = columns

    def row(self, take):
        run = self.queue[0] if self.queue else None
        if run is None or "describes" in run:  # of a text's second statement
            return
        run = run.get("goes_on", run)
        run["rows"] += 1
        if len(run["sample"]) == MAX_ROWS:
            return
        columns = run["columns"] or (run["of"] or {}).get("columns") or []
        forms, row = run["forms"], []
        for n in range(take.number("!H")):
            form = forms[n] if len(forms) > 1 else (forms or [0])[0]
            row.append(field(take.data(), form, columns[n][1] if n < len(columns) else 0))
        run["sample"].append(row[:8])

    def ended(self, kind, body, at, failed):
        run = self.queue[0] if self.queue else None
        if run is None or "describes" in run:  # a text's second statement
            return
        count = body.rstrip(b"\0").split()[-1:]
        if kind == b"C" and "rows" in run and run["rows"] == 0 and count and count[0].isdigit():
            run["rows"] = int(count[0])
        self.queue.pop(0)
        if "goes_on" not in run:
            self.tell(run, at, failed)

    def failed(self, body, at):
        if self.queue and self.queue[0] and "text" in self.queue[0]:
            run = self.queue[0]
            if run.get("begun") or run["of"] is None:
                self.tell(run, at, True)
        while self.queue and self.queue[0] is not None:
            self.queue.pop(0)

    def tell(self, run, at, failed):
        columns = run["columns"] or (run["of"] or {}).get("columns") or []
        line = {"session": self.session, "arrived": run["arrived"], "took": at - run["arrived"],
                "text": run["text"], "values": run["values"], "rows": run["rows"]}
        if run["sample"]:
            line.update(columns=[name for name, _ in columns][:8], sample=run["sample"])
        if self.application:
            line["application"] = self.application
        if failed:
            line["failed"] = True
        self.write(line)


class WireRecorder:
    """Listens, relays to `target` (host, port) and calls write(line) for each statement that ended."""

    def __init__(self, target, write):
        self.target, self.sessions, self.began = target, 0, time.monotonic_ns()
        self.lock, self.out = threading.Lock(), write
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def now(self):
        return (time.monotonic_ns() - self.began) // 1000

    def write(self, line):
        with self.lock:
            self.out(line)

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        server = socket.create_connection(self.target)
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.lock:
            self.sessions += 1
            conversation = Conversation(self.sessions, self.write)
        while True:  # requests for encryption first
            size = struct.unpack("!I", self.exactly(client, 4))[0]
            body = self.exactly(client, size - 4)
            if size == 8 and struct.unpack("!I", body)[0] in (80877103, 80877104):
                client.sendall(b"N")
                continue
            break
        words = body[4:].split(b"\0")
        if b"application_name" in words:
            conversation.application = words[words.index(b"application_name") + 1].decode()
        server.sendall(struct.pack("!I", size) + body)
        other = threading.Thread(target=self.relay, args=(server, client, conversation.answered), daemon=True)
        other.start()
        self.relay(client, server, conversation.asked)

    @staticmethod
    def exactly(source, size):
        data = b""
        while len(data) < size:
            more = source.recv(size - len(data))
            if not more:
                raise ConnectionError
            data += more
        return data

    def relay(self, source, sink, hear):
        """Hands on what came, after its whole messages were heard, those from one read at one time."""
        pending = b""
        try:
            while data := source.recv(1 << 16):
                at = self.now()
                pending += data
                while len(pending) >= 5 and len(pending) > struct.unpack_from("!I", pending, 1)[0]:
                    size = struct.unpack_from("!I", pending, 1)[0]
                    hear(pending[:1], pending[5:size + 1], at)
                    pending = pending[size + 1:]
                sink.sendall(data)
        except OSError:
            pass
        finally:
            for end in (source, sink):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
