"""A simple query and its prepared form, both run by PostgreSQL itself: the same answers.

The forms come from the program of tests/prepared_form, so what is tested is what prepare() says. A form
may fail where its text doesn't; nothing else may differ. Each form runs planned for its values and with
a generic plan, which doesn't know them.
"""
import collections
import os
import struct
import subprocess

import pytest

import prepared_statements as statements
import wire as w
from gateway import binary

COUNT = int(os.environ.get("PREPARED_STATEMENTS", 20000))
SEED = os.environ.get("PREPARED_SEED", "")
BATCH = 40


def program():
    path = binary().parent / "tests/prepared_form/prepared_form"
    assert path.exists(), f"{path} isn't built; ./dev build first"
    return path


class Form:
    def __init__(self, text, types, values):
        self.name, self.text, self.types, self.values = "", text, types, values

    def bound(self):
        """Bind, Describe, Execute."""
        values = b"".join(struct.pack("!i", len(value)) + value for value in self.values)
        body = w.cstring("") + w.cstring(self.name) + struct.pack("!HH", 0, len(self.values)) + values + b"\0\0"
        return w.frame("B", body) + w.describe("P", "") + w.execute()

    def frames(self):
        return w.parse("", self.text, self.types) + self.bound() + w.SYNC


def forms_of(texts):
    """For each text its Form, or None."""
    data = b"".join(struct.pack("<I", len(text)) + text for text in map(str.encode, texts))
    out = subprocess.run([program()], input=data, stdout=subprocess.PIPE, check=True, timeout=60).stdout
    at = 0

    def number():
        nonlocal at
        at += 4
        return struct.unpack_from("<I", out, at - 4)[0]

    def string():
        nonlocal at
        size = number()
        at += size
        return out[at - size:at]

    forms = []
    for _ in texts:
        at += 1
        if not out[at - 1]:
            forms.append(None)
            continue
        text, types = string(), string()
        values = [string() for _ in range(number())]
        forms.append(Form(text, struct.unpack(f"!{len(types) // 4}I", types), values))
    assert at == len(out)
    return forms


class Answer:
    """What a client sees of a statement; of the last run, if it runs several times."""

    def __init__(self, messages, ordered):
        self.error = next((body for kind, body in messages if kind == b"E"), None)
        described = [at for at, (kind, _) in enumerate(messages) if kind == b"T"]
        messages = messages[described[-1]:] if described else messages
        self.columns = [body for kind, body in messages if kind == b"T"]
        rows = [body for kind, body in messages if kind == b"D"]
        self.rows = rows if ordered else sorted(rows)
        self.tags = [body for kind, body in messages if kind == b"C"]

    def seen(self):
        return self.columns, self.rows, self.tags

    def message(self):
        fields = w.Message("E", self.error).fields()
        return f"{fields['C']} {fields['M']}"


def answers(client, requests, ordered):
    """Of requests that end in a ReadyForQuery each, sent in batches."""
    out = []
    for first in range(0, len(requests), BATCH):
        batch = requests[first:first + BATCH]
        client.send(*batch)
        messages, data, at = [], bytearray(), 0
        while len(out) < first + len(batch):
            while len(data) - at >= 5 and len(data) - at > struct.unpack_from("!I", data, at + 1)[0]:
                size, = struct.unpack_from("!I", data, at + 1)
                messages.append((bytes(data[at:at + 1]), bytes(data[at + 5:at + 1 + size])))
                at += 1 + size
                if messages[-1][0] == b"Z":
                    out.append(Answer(messages, ordered[len(out)]))
                    messages = []
            if len(out) < first + len(batch):
                got = client.socket.recv(1 << 18)
                assert got, "the server is gone"
                data += got
    return out


@pytest.fixture(scope="module")
def filled(park):
    server = park.server()
    server.sql(statements.SCHEMA)
    yield server
    server.stop()


def connect(server, **settings):
    client = w.Wire.connect("127.0.0.1", server.port)
    client.login("app", "secret", "app", **settings)
    return client


def texts_and_forms(seed, count):
    """Statements that have a form, with it; how many had none."""
    writer = statements.Writer(SEED + seed)
    texts = [writer.statement() for _ in range(count)]
    forms = forms_of([statement.text for statement in texts])
    pairs = [(statement, form) for statement, form in zip(texts, forms) if form is not None]
    return pairs, len(texts) - len(pairs)


class Comparison:
    """Gathers what differs between the answers of texts and those of their forms."""

    def __init__(self, pairs, plain):
        self.pairs, self.plain = pairs, plain
        self.wrong, self.refused = [], collections.Counter()

    def add(self, how, prepared, allowed=()):
        """`allowed`: messages of texts that fail where the form need not."""
        assert len(prepared) == len(self.plain)
        for (statement, form), plain, answer in zip(self.pairs, self.plain, prepared):
            said = (statement.text, form.text, form.types, form.values)
            if answer.error is not None:
                if plain.error is None:
                    self.refused[f"{how}: {answer.message()[:60]}"] += 1
            elif plain.error is not None:
                if plain.message() not in allowed:
                    self.wrong.append((how, "fails", plain.message(), *said))
            elif plain.seen() != answer.seen():
                self.wrong.append((how, "differs", *said))

    def check(self):
        assert not self.wrong, "\n".join(map(str, self.wrong[:20])) + f"\n{len(self.wrong)} wrong"
        succeed = sum(answer.error is None for answer in self.plain)
        # Nothing is compared where all fail, and forms aren't worth much that do.
        assert succeed > len(self.plain) // 3
        assert sum(self.refused.values()) <= succeed // 50, self.refused
        return succeed


# Of a constant the cast to an oid is tried in planning, of a parameter in a generic plan perhaps never.
OUT_OF_RANGE = "22003 OID out of range"


@pytest.mark.sluice_only
@pytest.mark.parametrize("path", ["public", "odd, pg_catalog, public"])
def test_a_form_answers_as_its_text(filled, path):
    pairs, without = texts_and_forms(path, COUNT // 2)
    ordered = [statement.ordered for statement, _ in pairs]
    client = connect(filled, search_path=path)
    generic = connect(filled, search_path=path, plan_cache_mode="force_generic_plan")
    frames = [form.frames() for _, form in pairs]
    comparison = Comparison(pairs, answers(client, [w.query(statement.text) for statement, _ in pairs], ordered))
    comparison.add("planned for its values", answers(client, frames, ordered))
    comparison.add("generic plan", answers(generic, frames, ordered), allowed=[OUT_OF_RANGE])
    succeed = comparison.check()
    with_parameters = sum(bool(form.values) for _, form in pairs)
    print(f"{path}: {len(pairs)} forms, {with_parameters} with parameters, {succeed} succeed, {without} texts without")
    assert with_parameters > (len(pairs) + without) // 3


@pytest.mark.sluice_only
@pytest.mark.parametrize("path", ["public", "odd, pg_catalog, public"])
def test_a_form_keeps_its_meaning_when_it_is_run_again(filled, path):
    """What stays in a prepared text is read once: nothing in it may depend on a setting. When the server
    reads it again, types of parameters are known that weren't before: that may change nothing either."""
    pairs, _ = texts_and_forms(f"again, {path}", COUNT // 8)
    ordered = [statement.ordered for statement, _ in pairs]
    client = connect(filled, timezone="UTC", datestyle="ISO, MDY", search_path=path)
    for number, (_, form) in enumerate(pairs):
        form.name = f"s{number}"
    parsed = answers(client, [w.parse(form.name, form.text, form.types) + w.SYNC for _, form in pairs], ordered)

    def compare(how, times, chosen=range(len(pairs))):
        some, order = [pairs[at] for at in chosen], [ordered[at] for at in chosen]
        comparison = Comparison(some, answers(client, [w.query(statement.text) for statement, _ in some], order))
        comparison.add(how, answers(client, [form.bound() * times + w.SYNC for _, form in some], order))
        comparison.check()

    compare("run seven times", 7)  # from the sixth on with a generic plan
    for name, value in (("timezone", "Asia/Tokyo"), ("datestyle", "German, DMY"), ("intervalstyle", "sql_standard"),
                        ("transform_null_equals", "on"), ("array_nulls", "off"), ("xmloption", "document"),
                        ("bytea_output", "escape")):
        assert not client.ask(f"SELECT set_config('{name}', '{value}', false)").errors
    compare("run with other settings", 1)
    client.ask("DISCARD PLANS")
    compare("read again", 1)
    # Types that were found when it was read first aren't those that another search_path would give, but
    # those of numbers were declared.
    other = {"public": "odd, pg_catalog, public"}.get(path, "public")
    client.ask(f"SELECT set_config('search_path', '{other}', false)")
    numbers = [at for at, (_, form) in enumerate(pairs) if 0 not in form.types and parsed[at].error is None]
    compare("numbers with another search_path", 1, numbers)


@pytest.mark.sluice_only
def test_an_oid_out_of_range_fails_every_time(filled):
    """Though no row comes by whose oid would be compared: such a form never gets a generic plan."""
    text = "SELECT relname FROM pg_class WHERE relname = 'nobody' AND oid = {}"
    client = connect(filled)
    fitting, beyond = forms_of([text.format(4294967295), text.format(4294967296)])
    fitting.name, beyond.name = "fitting", "beyond"
    assert fitting.text != beyond.text
    for form in (fitting, beyond):
        client.ask(w.parse(form.name, form.text, form.types), w.SYNC)
    for _ in range(8):
        assert not client.ask(fitting.bound(), w.SYNC).errors
        assert client.ask(beyond.bound(), w.SYNC).sqlstates == ["22003"]
