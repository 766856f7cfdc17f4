"""Programs with loops and without, live: /performance/n1 says what the label in each program's source says.

All of the programs are replayed from recordings by a unit test; here a few of each kind send through Sluice.
With --long: all of them.
"""
import json
import subprocess
import sys
from pathlib import Path

import psycopg2
import pytest

from servers import wait_until
from test_queries import ask

pytestmark = [pytest.mark.sluice_only, pytest.mark.parametrize("mode", ["transaction"], scope="module")]

LOOPS = Path(__file__).resolve().parents[1] / "loops"
PROGRAMS = sorted([*LOOPS.glob("*_programs.py"), *LOOPS.glob("*_programs.mjs")])
CHOSEN = ["django_collection", "django_nested", "django_select_related", "sqlalchemy_lazy_many_to_one",
          "sqlalchemy_selectinload", "psycopg_pipeline", "asyncpg_cursor", "psycopg2_named_cursor", "pg_promise_all",
          "postgresjs_in_turns", "sequelize_collection", "pgbench_prepared"]
SENTINEL = "SELECT city FROM publishers WHERE id = %s"


def command(program, *arguments):
    return [sys.executable if program.suffix == ".py" else "node", str(program), *arguments]


def program_of(name):
    return next(program for program in PROGRAMS if name.startswith(program.name.split("_programs")[0] + "_"))


def names(program):
    return json.loads(subprocess.run(command(program, "--list"), check=True, capture_output=True, text=True).stdout)


def pytest_generate_tests(metafunc):
    if "name" in metafunc.fixturenames:
        everything = metafunc.config.getoption("--long")
        metafunc.parametrize("name", [name for program in PROGRAMS for name in names(program)] if everything else CHOSEN)


@pytest.fixture
def shop(server):
    server.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public AUTHORIZATION app; "
               "GRANT USAGE ON SCHEMA public TO PUBLIC")
    server.sql(f"SET ROLE app; {(LOOPS / 'schema.sql').read_text()}")


def a_loop_of_our_own(endpoint):
    """Once it's found, whatever came before it has been judged."""
    connection = psycopg2.connect(endpoint.dsn)
    cursor = connection.cursor()
    cursor.execute("SELECT id FROM publishers ORDER BY id")
    for key in cursor.fetchall():
        cursor.execute(SENTINEL, key)
    connection.close()


def a_loop_that_is_found(sluice):
    """On a busy machine its queries may be too small a share of their burst, so it's tried more than once."""
    for attempt in range(6):
        a_loop_of_our_own(sluice.endpoint)
        try:
            return wait_until(lambda: any(map(is_sentinel, found(sluice))), 5, "the sentinel's loop")
        except TimeoutError:
            if attempt == 5:
                raise


def found(sluice):
    status, body = ask(sluice, "/performance/n1?limit=100")
    assert status == 200, body
    return body["items"]


def is_sentinel(item):
    return item["statement"]["query"] == "select city from publishers where id = ?"


def agrees(item, label):
    source = item["source"] or {}
    return (item["kind"] == label["kind"] and label["statement"] in item["statement"]["query"]
            and label.get("source", "") in source.get("query", "")
            and label.get("column", source.get("column")) == source.get("column")
            and label.get("calls", item["n"]["max"]) == item["n"]["max"])


def judged(sluice, program, name, label):
    """What the gateway says of one run of a program: loops of the label that it missed, and what isn't in it."""
    assert ask(sluice, "/performance/queries/reset", "POST")[0] == 200
    done = subprocess.run(command(program, name), env=sluice.endpoint.environment, capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    a_loop_that_is_found(sluice)
    if "traced" in name:  # traces are waited for
        wait_until(lambda: len(found(sluice)) > len(label["loops"]), 30, "the trace's end")
    items, missed = [item for item in found(sluice) if not is_sentinel(item)], []
    for expected in label["loops"]:
        matching = [item for item in items if agrees(item, expected)]
        items.remove(matching[0]) if matching else missed.append(expected)
    return missed, items


def test_program(sluice, shop, name):
    program = program_of(name)
    label = names(program)[name]
    for _ in range(3):  # on a busy machine a loop may be too small a share of its burst
        missed, others = judged(sluice, program, name, label)
        if not missed:
            break
    assert not missed, json.dumps({"missed": missed, "found instead": others}, indent=1)
    assert not others, f"false alarms: {json.dumps(others, indent=1)}"


def test_advice_is_told(sluice, shop):
    assert ask(sluice, "/performance/queries/reset", "POST")[0] == 200
    a_loop_that_is_found(sluice)
    [item] = found(sluice)
    assert item["kind"] == "proven"
    assert item["sql"] == "select id, city from publishers where id = any($1)"
    assert "(N+1), 24 statements each time" in item["sentence"]
    assert item["n"] == {"p50": 24, "p95": 24, "max": 24}
