"""sluice top and sluice report against a running gateway."""
import fcntl
import html.parser
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pytest

from gateway import PATIENCE, binary
from servers import free_port, wait_until

pytestmark = pytest.mark.sluice_only
HOSTILE = "SELECT '</code><script>alert(1)</script>' AS \"a|b`c\" /* \x1b[2J */"


def run(*arguments, environment=None, seconds=30):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_ADMIN")}
    done = subprocess.run([str(binary()), *map(str, arguments)], capture_output=True, text=True,
                          timeout=seconds * PATIENCE, env={**kept, **(environment or {})}, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr


def admin(gateway):
    return ["--admin", f"127.0.0.1:{gateway.admin_port}"]


@pytest.fixture(scope="module")
def busy(server, direct, tmp_path_factory):
    """A gateway that has seen something of everything."""
    import psycopg2

    from conftest import Gateways
    gateways = Gateways(tmp_path_factory.mktemp("busy"), direct)
    gateway = gateways.start(server, top={"query": {"slow": "100ms"}})
    with psycopg2.connect(gateway.endpoint.dsn) as conn, conn.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE reported (id int)")
        cursor.execute("INSERT INTO reported SELECT generate_series(1, 3000)")
        for _ in range(25):
            cursor.execute("SELECT id FROM reported")
            cursor.fetchall()
        cursor.execute("SELECT id FROM reported WHERE id < 20 ORDER BY id")
        for (key,) in cursor.fetchall():
            cursor.execute("SELECT id, pg_sleep(0.004) FROM reported WHERE id = %s", (key,))
            cursor.fetchall()
        cursor.execute("SELECT pg_sleep(0.2)")
        cursor.execute(HOSTILE.replace("%", "%%"))
    def ready():
        report = json.loads(run("report", "--format", "json", *admin(gateway))[1])
        return report["n1"]["count"] and report["recommendations"]["count"] and report["slow"]["count"]
    wait_until(ready, 10 * PATIENCE, "loops, slow ones and recommendations")
    yield gateway
    gateways.close()


def test_json_has_all_that_is_known(busy):
    status, out, err = run("report", "--format", "json", *admin(busy))
    assert status == 0 and err == ""
    report = json.loads(out)
    assert {"generated", "health", "pools", "queries", "slow", "n1", "recommendations"} <= report.keys()
    assert report["health"]["status"] == "ok"
    assert report["queries"]["items"] and report["pools"]["pools"]


def test_markdown_is_the_default_and_names_what_to_do(busy):
    status, out, _ = run("report", *admin(busy))
    assert status == 0
    for heading in ("# Sluice report", "## Recommendations", "## Costliest statements", "## Loops",
                    "## Slow ones, from 100 ms on", "## Pools"):
        assert heading in out, out
    assert "`select id from reported`" in out
    assert "pg\\_sleep" not in out.split("## Costliest")[1].split("## Loops")[0], "statements are code, not text"
    assert "\x1b" not in out


def test_markdown_tables_keep_their_columns(busy):
    columns = None
    for line in run("report", *admin(busy))[1].splitlines():
        bars = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else None
        assert columns is None or bars is None or bars == columns, line
        columns = bars


class Page(html.parser.HTMLParser):
    """Collects tags, and those that weren't closed in order."""

    void = {"meta", "link", "br", "img", "input", "hr"}

    def __init__(self):
        super().__init__()
        self.tags, self.open, self.wrong, self.text = set(), [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        if any(name.startswith("on") or name in ("src", "href") for name, _ in attributes):
            self.wrong.append((tag, attributes))
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(("/" + tag, self.getpos()))

    def handle_data(self, data):
        self.text.append(data)


def test_html_is_one_page_without_scripts(busy, tmp_path):
    path = tmp_path / "report.html"
    status, out, err = run("report", "--output", path, "--top", 50, *admin(busy))
    assert (status, out, err) == (0, "", "")
    page = Page()
    page.feed(path.read_text())
    assert not page.wrong and not page.open
    assert not page.tags & {"script", "img", "iframe", "link", "object"}
    assert "prefers-color-scheme" in path.read_text()
    assert "select id from reported" in page.text


def test_format_follows_the_files_name(busy, tmp_path):
    path = tmp_path / "report.json"
    assert run("report", "-o", path, *admin(busy))[0] == 0
    assert json.loads(path.read_text())["health"]
    assert run("report", "-o", tmp_path / "nowhere" / "report.md", *admin(busy))[0] == 1


def test_lists_are_as_long_as_asked(busy):
    report = json.loads(run("report", "--format", "json", "--top", 2, *admin(busy))[1])
    assert len(report["queries"]["items"]) == 2
    assert "and " in run("report", "--top", 2, *admin(busy))[1]


def test_top_prints_snapshots_where_there_is_no_terminal(busy, wire):
    client = wire(busy.endpoint)
    command = [str(binary()), "top", "--count", "2", "--interval", "1s", *admin(busy)]
    top = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 20 * PATIENCE
    while top.poll() is None and time.monotonic() < deadline:
        client.ask("SELECT 1 AS ticking")
        time.sleep(0.02)
    out, err = top.communicate(timeout=5)
    assert top.returncode == 0 and err == ""
    assert out.count("sluice top") == 2 and "\x1b" not in out
    assert "requests/s" in out and " app " in out
    line = next(line for line in out.splitlines() if line.endswith("select ? as ticking"))
    share, calls = line.split()[:2]
    assert 0 < float(share) <= 100 and 5 < float(calls) < 100


def test_top_gives_raw_numbers(busy):
    status, out, _ = run("top", "--json", *admin(busy))
    numbers = json.loads(out)
    assert status == 0 and numbers["queries"]["items"] and numbers["pools"]["pools"]


class Watched:
    """`sluice top` in a terminal of its own."""

    def __init__(self, gateway):
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 120, 0, 0))
        self.before = termios.tcgetattr(self.slave)
        command = [str(binary()), "top", "--interval", "200ms", *admin(gateway)]
        self.process = subprocess.Popen(command, stdin=self.slave, stdout=self.slave, stderr=subprocess.PIPE,
                                        start_new_session=True)
        self.seen = ""

    def until(self, text, seconds=10):
        deadline = time.monotonic() + seconds * PATIENCE
        while text not in self.seen and time.monotonic() < deadline:
            if select.select([self.master], [], [], 0.1)[0]:
                self.seen += os.read(self.master, 65536).decode(errors="replace")
        assert text in self.seen, repr(self.seen[-500:])

    def type(self, key):
        os.write(self.master, key)

    def ended(self):
        status = self.process.wait(10 * PATIENCE)
        self.until("\x1b[?1049l")
        assert termios.tcgetattr(self.slave) == self.before, "the terminal is as it was"
        return status

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stderr.close()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def watched(busy):
    top = Watched(busy)
    yield top
    top.close()


@pytest.mark.parametrize("end", ["key", "interrupt", "control-c", "terminate"])
def test_live_view_gives_the_terminal_back(watched, end):
    watched.until("\x1b[?1049h")
    watched.until("q quit")
    if end == "key":
        watched.type(b"q")
    elif end == "control-c":
        watched.type(b"\x03")
    else:
        watched.process.send_signal(signal.SIGINT if end == "interrupt" else signal.SIGTERM)
    assert watched.ended() == 0


def test_live_view_takes_keys_and_sizes(watched):
    watched.until("by time")
    watched.type(b"c")
    watched.until("by calls")
    fcntl.ioctl(watched.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 60, 0, 0))
    watched.process.send_signal(signal.SIGWINCH)
    frame = re.compile(r"\x1b\[H(?:[^\x1b]|\x1b\[[0-9;]*[mK])*\x1b\[J")

    def small():
        watched.seen = ""
        watched.until("\x1b[J")
        return any(shown.count("\r\n") == 9 for shown in frame.findall(watched.seen))

    wait_until(small, 10 * PATIENCE, "a screen of ten lines")
    watched.type(b"q")
    assert watched.ended() == 0


def test_live_view_outlives_the_gateway(gateways, server):
    gateway = gateways.start(server)
    watched = Watched(gateway)
    try:
        watched.until("by time")
        gateway.stop()
        watched.until("sluice serve")
        watched.type(b"q")
        assert watched.ended() == 0
    finally:
        watched.close()


@pytest.mark.parametrize("command", ["report", "top"])
def test_nobody_there_is_a_clear_failure(command):
    status, out, err = run(command, "--admin", f"127.0.0.1:{free_port()}")
    assert status == 1 and out == "" and "sluice serve" in err and "--admin" in err


@pytest.mark.parametrize("arguments", [["report", "--format", "pdf"], ["report", "--top", "0"], ["top", "--sort", "colour"],
                                       ["top", "--interval", "1ms"], ["top", "--interval", "soon"],
                                       ["report", "--admin", "nowhere:port"], ["top", "--token-file", "/nowhere/token"],
                                       ["top", "--config", "/nowhere/sluice.toml"]])
def test_wrong_options_are_usage_errors(arguments):
    status, out, err = run(*arguments)
    assert status == 2 and err and out == ""


def test_a_postgres_port_is_no_admin_listener(busy):
    status, _, err = run("report", "--admin", f"127.0.0.1:{busy.port}", seconds=20)
    assert status == 1 and "admin" in err


def test_token_is_needed_and_found(gateways, server, tmp_path, monkeypatch):
    monkeypatch.setenv("SLUICE_ADMIN_TOKEN", "slu_report_token")
    gateway = gateways.start(server)
    monkeypatch.delenv("SLUICE_ADMIN_TOKEN")
    for command in ("report", "top"):
        status, out, err = run(command, *admin(gateway))
        assert status == 1 and out == "" and "token" in err
        assert run(command, "--token", "slu_wrong", *admin(gateway))[0] == 1
    path = tmp_path / "token"
    path.write_text("slu_report_token\n")
    assert run("report", "--token-file", path, *admin(gateway))[0] == 0
    assert run("report", "--token", "slu_report_token", *admin(gateway))[0] == 0
    known = {"SLUICE_ADMIN_TOKEN": "slu_report_token", "SLUICE_ADMIN_LISTEN": f"127.0.0.1:{gateway.admin_port}"}
    assert run("report", environment=known)[0] == 0
    assert run("report", "--config", gateway.config_path, environment={"SLUICE_ADMIN_TOKEN": "slu_report_token"})[0] == 0


def test_completions_know_them():
    out = run("completions", "bash")[1]
    assert "top" in out and "report" in out and "--token-file" in out
