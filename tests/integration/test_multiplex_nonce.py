"""With multiplexing no row reaches the wrong client, no write is lost or done twice: a short run of
tests/soak/multiplex.py, and proofs that its clients would notice.
"""
import io
import subprocess
import sys
import time

import pytest

import wire as w
from gateway import ROOT, sanitized
from multiplexing import accepts

SOAK = ROOT / "tests/soak"
sys.path.insert(0, str(SOAK))

import multiplex_clients as mc  # noqa: E402
import multiplex_shapes as ms  # noqa: E402

needs_multiplexing = pytest.mark.skipif(not accepts("multiplex"), reason="the gateway knows no multiplexing")


def soak(*options, seconds):
    done = subprocess.run([sys.executable, SOAK / "multiplex.py", *map(str, options)], text=True,
                          capture_output=True, timeout=seconds, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-3000:]
    assert "violations: 0" in done.stdout


@pytest.mark.sluice_only
@needs_multiplexing
@pytest.mark.parametrize("mode", ["reads", "all"])
def test_no_row_is_foreign_and_no_write_is_done_twice(mode):
    soak("--quick", "--multiplex", mode, "--seconds", 20 if sanitized() else 9, seconds=120)


@pytest.mark.sluice_only
@needs_multiplexing
@pytest.mark.long
@pytest.mark.parametrize("mode", ["reads", "all"])
def test_a_million_statements_with_faults(mode):
    soak("--statements", 1_000_000, "--multiplex", mode, seconds=3600)


# --- whoever checks is checked ----------------------------------------------------------------------


@pytest.fixture
def client():
    """A client of the soak that is fed by hand."""
    plan = {"seed": 1, "process": 0, "port": 0, "query_timeout": 2.0, "statements": 1}
    table = ms.Table([(k, f"v{k}") for k in range(ms.ROWS)])
    client = mc.Client(plan, 0, mc.Sums(), table, io.StringIO())
    client.buffer, client.waiter, client.logging_in = bytearray(), None, False
    return client


def asks(client, name, values):
    """The unit of a simple query that the client now waits for."""
    unit = mc.Unit(name).shape(ms.NAMED[name], client.table, values, "simple")
    if name == "insert":
        unit.writes.append(values[0])
    unit.close()
    client.units.append(unit)
    return unit


def failure(state, text):
    return w.frame("E", b"SERROR\0C" + state.encode() + b"\0M" + text.encode() + b"\0\0") + ms.READY


def test_the_right_answer_in_pieces_is_right(client):
    unit = asks(client, "span", ("mine", 3, 9))
    for byte in unit.whole:
        client.data_received(bytes([byte]))
    assert client.sums.counts == {"answered": 1} and not client.units


def test_notices_between_change_nothing(client):
    unit = asks(client, "point", ("mine", 3))
    client.data_received(w.frame("S", b"TimeZone\0UTC\0") + unit.whole)
    assert client.sums.counts == {"answered": 1}


@pytest.mark.parametrize("values, kind", [(("foreign", 3, 9), "foreign"), (("mine", 4, 9), "foreign"),
                                          (("mine", 3, 8), "lost"), (("mine", 3, 10), "foreign")])
def test_another_answer_is_noticed(client, values, kind):
    other = asks(client, "span", values)
    client.units.clear()
    asks(client, "span", ("mine", 3, 9))
    client.data_received(other.whole)
    assert client.sums.counts[kind] == 1 and client.sums.counts["violations"] == 1


def test_an_answer_to_no_question_is_noticed(client):
    unit = asks(client, "point", ("mine", 3))
    dropped = []
    client.drop = lambda: dropped.append(True)
    client.data_received(unit.whole + ms.data_row("more", "x"))
    assert client.sums.counts["violations"] == 1 and dropped


def test_foreign_rows_before_an_error_are_noticed(client):
    asks(client, "span", ("mine", 3, 9))
    client.data_received(ms.data_row("foreign", 3, "v3") + failure("57P01", "terminated"))
    assert client.sums.counts["foreign"] == 1


def test_a_foreign_error_is_noticed(client):
    asks(client, "input", ("mine",))
    client.data_received(failure("22P02", 'invalid input syntax for type integer: "foreign"'))
    assert client.sums.counts["foreign"] == 1


def test_a_foreign_cancel_is_noticed(client):
    asks(client, "point", ("mine", 3))
    client.data_received(failure("57014", "canceling statement due to user request"))
    assert client.sums.counts["violations"] == 1


def test_an_error_that_didn_t_come_is_noticed(client):
    asks(client, "input", ("mine",))
    client.data_received(w.frame("C", b"SELECT 0\0") + ms.READY)
    assert client.sums.counts["violations"] == 1


def test_an_error_without_a_fault_is_noticed(client):
    import multiplex
    asks(client, "insert", ("mine",))
    client.data_received(failure("57P01", "terminated"))
    assert client.ledger.getvalue() == "?mine\n" and not client.sums.violations
    now = time.monotonic()
    for happened, violations in (([["terminate", now - 1, now + 1]], 0), ([["stop", now - 1, now + 1]], 1),
                                 ([["terminate", now - 9, now - 8]], 1), ([], 1)):
        verdict = multiplex.Verdict()
        verdict.take(vars(client.sums), happened)
        assert verdict.counts["violations"] == violations


@pytest.mark.parametrize("told, there, violations", [
    ("+a", ["a"], 0), ("+a", [], 1), ("+a", ["a", "a"], 1), ("?a", [], 0), ("?a", ["a"], 0), ("?a", ["a", "a"], 1),
    ("-a", [], 0), ("-a", ["a"], 1), ("+a", ["a", "b"], 1)])
def test_the_ledger_is_audited(tmp_path, told, there, violations):
    import multiplex

    class Server:
        def sql(self, _):
            return [(name,) for name in there]

    (tmp_path / "ledger0").write_text(told + "\n")
    verdict = multiplex.Verdict()
    verdict.audit(Server(), tmp_path)
    assert verdict.counts["violations"] == violations
