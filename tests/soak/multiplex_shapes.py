"""The statements of the multiplexing soak, and byte for byte what the server answers to each.

Every answer can be told from all others: rows carry the nonce that was asked with, and so does the message of
the error that is asked for. A Shape makes one statement for three protocol paths (simple, unnamed, named); a Unit
is what was sent up to one ReadyForQuery and all that has to come back.
"""
import struct
import time

import wire as w

ROWS = 200  # of the table that reads ask; k from 0
WIDEST = 50  # rows of one answer, at most
READY, IN_TRANSACTION = w.frame("Z", b"I"), w.frame("Z", b"T")
PARSED, BOUND, NO_DATA = w.frame("1"), w.frame("2"), w.frame("n")

SCHEMA = f"""
CREATE TABLE nonce_rows (k int PRIMARY KEY, v text NOT NULL);
INSERT INTO nonce_rows SELECT g, md5(g::text) FROM generate_series(0, {ROWS - 1}) AS g;
CREATE TABLE ledger (id text NOT NULL);
CREATE INDEX ON ledger (id);
CREATE FUNCTION lazy(ms int) RETURNS int STABLE LANGUAGE plpgsql AS
  $$ BEGIN IF ms > 0 THEN PERFORM pg_sleep(ms / 1000.0); END IF; RETURN ms; END $$;
CREATE FUNCTION write_ledger(id text) RETURNS text LANGUAGE plpgsql AS
  $$ BEGIN INSERT INTO ledger VALUES (id); RETURN id; END $$;
GRANT SELECT ON nonce_rows TO trusted;
GRANT SELECT, INSERT ON ledger TO trusted;
ANALYZE nonce_rows;
"""


def field(value):
    data = value if isinstance(value, bytes) else str(value).encode()
    return struct.pack("!i", len(data)) + data


def data_row(*values):
    return w.frame("D", struct.pack("!H", len(values)) + b"".join(map(field, values)))


class Table:
    """nonce_rows as the server sends it; values are md5 sums, so they come from the server at the start."""

    def __init__(self, rows):
        self.v = [value.encode() for _, value in rows]
        self.tails = [field(k) + field(v) for k, v in enumerate(self.v)]

    def span(self, nonce, first, end):
        """Rows (nonce, k, v)."""
        head, out = b"\0\3" + field(nonce), []
        for tail in self.tails[first:end]:
            out.append(b"D" + struct.pack("!I", 4 + len(head) + len(tail)) + head + tail)
        return b"".join(out)


class Shape:
    """One statement: text with {0}, {1}... where the values stand, and what it answers.

    rows(table, values): the DataRows; tag(values): the command tag. error: the SQLSTATE that it always ends with.
    """

    def __init__(self, name, text, types, rows, tag, error=None):
        self.name, self.types, self.rows, self.tag, self.error = name, types, rows, tag, error
        self.template = text
        self.numbered = text.format(*(f"${n + 1}::{kind}" for n, kind in enumerate(types)))
        self.description = b""  # the RowDescription, once it has been learnt

    def literal(self, values):
        return self.template.format(*(f"'{v}'::text" if kind == "text" else str(v)
                                      for v, kind in zip(values, self.types)))

    def learn(self, client):
        """Asks the server itself for the description of the rows."""
        replies = client.ask(w.parse("", self.numbered), w.describe("S", ""), w.SYNC)
        assert not replies.errors, replies.errors
        self.description = next((w.frame("T", m.body) for m in replies if m.kind == "T"), b"")


def one(values):
    return "SELECT 1"


def quotients(table, values):
    """The rows before the one that divides by zero."""
    nonce, zero, first = values
    return b"".join(data_row(nonce, int(1000 / (k - zero))) for k in range(first, zero))


READS = [
    Shape("span", "SELECT {0} AS nonce, k, v FROM nonce_rows WHERE k >= {1} AND k < {2} ORDER BY k",
          ("text", "int", "int"), lambda t, v: t.span(*v), lambda v: f"SELECT {v[2] - v[1]}"),
    Shape("point", "SELECT {0} AS nonce, v FROM nonce_rows WHERE k = {1}", ("text", "int"),
          lambda t, v: data_row(v[0], t.v[v[1]]), one),
    Shape("sum", "SELECT {0} AS nonce, count(*) AS c, sum(k) AS s FROM nonce_rows WHERE k <= {1}", ("text", "int"),
          lambda t, v: data_row(v[0], v[1] + 1, v[1] * (v[1] + 1) // 2), one),
    Shape("big", "SELECT {0} AS nonce, repeat(v, 400) AS big FROM nonce_rows WHERE k >= {1} AND k < {2} ORDER BY k",
          ("text", "int", "int"), lambda t, v: b"".join(data_row(v[0], t.v[k] * 400) for k in range(v[1], v[2])),
          lambda v: f"SELECT {v[2] - v[1]}"),
    Shape("zone", "SELECT {0} AS nonce, current_setting('TimeZone') AS zone, {1} AS k", ("text", "int"),
          lambda t, v: data_row(v[0], v[2], v[1]), one),
    Shape("heavy", "SELECT {0} AS nonce, count(*) AS c FROM nonce_rows a, nonce_rows b, nonce_rows c "
          "WHERE a.k < {1} AND b.k < {1} AND c.k < {1}", ("text", "int"), lambda t, v: data_row(v[0], v[1] ** 3), one),
    Shape("lazy", "SELECT {0} AS nonce, lazy({1}) AS ms", ("text", "int"), lambda t, v: data_row(*v), one),
]
FAILURES = [
    Shape("division", "SELECT {0} AS nonce, 1000 / (k - {1}) AS q FROM nonce_rows WHERE k >= {2} ORDER BY k",
          ("text", "int", "int"), quotients, lambda v: "", error="22012"),
    Shape("input", "SELECT v FROM nonce_rows WHERE k = {0}::int", ("text",), lambda t, v: b"", lambda v: "",
          error="22P02"),
]
WRITES = [
    Shape("insert", "INSERT INTO ledger VALUES ({0})", ("text",), lambda t, v: b"", lambda v: "INSERT 0 1"),
    Shape("returning", "INSERT INTO ledger VALUES ({0}) RETURNING id AS nonce", ("text",),
          lambda t, v: data_row(v[0]), lambda v: "INSERT 0 1"),
    Shape("hidden", "WITH written AS (INSERT INTO ledger VALUES ({0}) RETURNING id) SELECT id AS nonce FROM written",
          ("text",), lambda t, v: data_row(v[0]), one),
    Shape("called", "SELECT write_ledger({0}) AS nonce", ("text",), lambda t, v: data_row(v[0]), one),
]
NAMED = {shape.name: shape for shape in READS + FAILURES + WRITES}


class Unit:
    """Frames up to one Sync or Query, and the reply to them."""

    __slots__ = ("frames", "parts", "rows", "error", "proof", "status", "writes", "what", "began", "whole")

    def __init__(self, what, status=READY):
        self.what, self.status = what, status
        self.frames, self.parts, self.rows, self.writes = [], [], [], []
        self.error = self.proof = self.whole = None
        self.began = 0.0

    def add(self, frames, reply, rows=b""):
        """Frames and what comes back for them; nothing does for those behind one that fails."""
        self.frames.append(frames)
        if self.error is None:
            self.parts.append(reply)
            self.rows.append(rows)
        return self

    def fails(self, state, proof=None):
        self.error, self.proof = state, proof
        return self

    def close(self):
        """Ready to be sent; the bytes."""
        self.rows = b"".join(self.rows)
        if self.error is None:
            self.whole = b"".join(self.parts) + self.status
        self.began = time.monotonic()
        return b"".join(self.frames)

    def shape(self, shape, table, values, way, describe=False, name=""):
        """One statement by one of the ways; the caller sets the Sync behind the extended ones."""
        rows = shape.rows(table, values)
        answer = shape.description if describe or way == "simple" else b""
        if way == "simple":
            frames, reply = w.query(shape.literal(values)), answer
        else:
            sent = values[:len(shape.types)]
            frames = w.bind("", name, sent) + (w.describe("P", "") if describe else b"") + w.execute()
            reply = BOUND + (answer or (NO_DATA if describe else b""))
            if way == "unnamed":
                frames, reply = w.parse("", shape.numbered) + frames, PARSED + reply
        self.add(frames, reply + rows + w.frame("C", w.cstring(shape.tag(values))), rows)
        if shape.error and self.error is None:
            self.fails(shape.error, values[0] if shape.name == "input" else None)
        return self
