"""Tables for people, and the generated blocks of docs/benchmarks.md.

A block stands between <!-- NAME --> and <!-- /NAME -->; the words around it are written by hand.
"""
import os
import platform
import re
import subprocess
import time
from pathlib import Path

from stage import ROOT

PAGE = ROOT / "docs/benchmarks.md"


def first_line(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).strip().splitlines()[0]


def machine():
    """Processor, memory, system, versions and date, as lines of a list."""
    processor = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())[1]) >> 20
    sluice = ROOT / os.environ["SLUICE_BINARY"]
    versions = [first_line(sluice, "--version"), first_line("/usr/sbin/pgbouncer", "--version"),
                "PostgreSQL " + first_line("/usr/lib/postgresql/15/bin/postgres", "--version").split()[2]]
    return [f"- {time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC",
            f"- {os.cpu_count()} x {processor[1] if processor else platform.machine()}, {memory} GB, "
            f"Linux {platform.release()}",
            f"- {', '.join(versions)}"]


def table(head, rows):
    """Markdown, columns aligned so that it reads well in a terminal too."""
    rows = [[str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def verdict(holds):
    return "PASS" if holds else "MISS"


def replace_block(name, text):
    """Puts the text into its block of the page."""
    page = PAGE.read_text()
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, _, rest = page.partition(start)
    _, _, after = rest.partition(end)
    PAGE.write_text(f"{before}{start}\n{text.strip()}\n{end}{after}")
