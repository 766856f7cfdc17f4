#!/usr/bin/python3
"""Runs the programs through Sluice and writes what they asked to tests/data/loops.

    tests/loops/record.py            all cases
    tests/loops/record.py NAME ...   some

Each case gets a fresh schema and a connection of its own. The first line of a recording is its label, as the
program's source has it: a recording never decides what is expected of it.
"""
import json
import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))

from gateway import Endpoint, Sluice  # noqa: E402
from servers import ServerPark  # noqa: E402
from wire_recorder import WireRecorder  # noqa: E402

DATA = HERE.parent / "data" / "loops"
PROGRAMS = sorted([*HERE.glob("*_programs.py"), *HERE.glob("*_programs.mjs")])


def command(program, *arguments):
    return [sys.executable if program.suffix == ".py" else "node", str(program), *arguments]


def labels(program):
    listed = subprocess.run(command(program, "--list"), check=True, capture_output=True, text=True)
    return json.loads(listed.stdout)


def fresh(server):
    server.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public AUTHORIZATION app")
    server.sql(f"SET ROLE app; {(HERE / 'schema.sql').read_text()}")


def main(wanted):
    park = ServerPark()
    lines = []
    try:
        server = park.server()
        sluice = Sluice(park.root / "sluice", server)
        sluice.start()
        recorder = WireRecorder(("127.0.0.1", sluice.port), lines.append)
        environment = Endpoint(recorder.port).environment
        DATA.mkdir(parents=True, exist_ok=True)
        for program in PROGRAMS:
            for name, label in labels(program).items():
                if wanted and name not in wanted:
                    continue
                fresh(server)
                lines.clear()
                done = subprocess.run(command(program, name), env=environment, capture_output=True, text=True,
                                      timeout=60, check=False)
                if done.returncode != 0:
                    print(f"{name} failed:\n{done.stdout[-500:]}{done.stderr[-1500:]}")
                    continue
                time.sleep(0.05)
                write(name, program.name, label, list(lines))
        sluice.stop()
    finally:
        park.close()


def write(name, program, label, statements):
    path = DATA / f"{name}.jsonl"
    statements.sort(key=lambda line: line["arrived"] + line["took"])
    first = statements[0]["arrived"] if statements else 0
    sessions = {}
    for line in statements:
        line["arrived"] -= first
        line["session"] = sessions.setdefault(line["session"], len(sessions) + 1)
    content = [{"case": name, "program": program, **label}, *statements]
    path.write_text("".join(json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n" for line in content))
    print(f"{name}: {len(statements)} statements, {path.stat().st_size // 1024} KB")


if __name__ == "__main__":
    os.environ.setdefault("SLUICE_BINARY", "build/release/sluice")
    main(set(sys.argv[1:]))
