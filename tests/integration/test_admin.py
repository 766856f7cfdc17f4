"""The admin listener: health, Prometheus text, pools, the first page; and the command line."""
import json
import re
import signal
import subprocess
import urllib.error
import urllib.request

import pytest

from gateway import binary
from servers import wait_until

pytestmark = pytest.mark.sluice_only
SAMPLE = re.compile(r'^[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-zA-Z_][a-zA-Z0-9_]*="(\\.|[^"\\])*",?)*\})? [^ ]+( \d+)?$')


def get(gateway, path):
    """Status and text."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{gateway.admin_port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def samples(gateway):
    """{metric with labels: value}; every line has to be one that Prometheus reads."""
    out = {}
    for line in get(gateway, "/metrics")[1].splitlines():
        if line and not line.startswith("#"):
            assert SAMPLE.match(line), line
            name, value = line.rsplit(" ", 1)
            out[name] = float(value)
    return out


def test_health_is_ready(sluice):
    status, text = get(sluice, "/health")
    assert status == 200 and json.loads(text)


def test_health_tells_of_a_missing_server(gateways, own_server):
    gateway = gateways.start(own_server)
    assert get(gateway, "/health")[0] == 200
    own_server.stop()
    wait_until(lambda: get(gateway, "/health")[0] == 503, 15, "bad health")
    own_server.start()
    wait_until(lambda: get(gateway, "/health")[0] == 200, 15, "good health")


def test_metrics_are_prometheus_text_and_count(sluice, wire):
    client = wire(sluice.endpoint)
    client.ask("SELECT 1")
    before = samples(sluice)
    for _ in range(50):
        client.ask("SELECT 1")
    grown = lambda: [name for name, value in samples(sluice).items() if value >= before.get(name, 0) + 50]
    assert wait_until(grown, 3, "a counter of requests")
    kinds = {line.split()[3] for line in get(sluice, "/metrics")[1].splitlines() if line.startswith("# TYPE")}
    assert {"counter", "gauge", "histogram"} <= kinds


def test_pools_are_shown(sluice, wire):
    wire(sluice.endpoint).ask("SELECT 1")
    status, text = get(sluice, "/performance/pools")
    assert status == 200 and "app" in text and json.loads(text)


def test_first_page_is_html(sluice):
    status, text = get(sluice, "/")
    assert status == 200 and "<html" in text.lower()


@pytest.mark.parametrize("path, status", [("/nothing", 404), ("/../etc/passwd", 404), ("/%00", None)])
def test_unknown_pages_say_so(sluice, path, status):
    got, text = get(sluice, path)
    assert got == status or (status is None and 400 <= got < 500)
    assert "root:" not in text


def test_version(sluice):
    done = subprocess.run([binary(), "--version"], check=True, capture_output=True, text=True)
    assert re.search(r"\d+\.\d+\.\d+", done.stdout)


def test_check_names_file_line_key_and_mend(gateways, server, tmp_path):
    path = tmp_path / "broken.toml"
    path.write_text('[[postgres]]\nlisten = "127.0.0.1:1"\nprimary = "postgres://h/d"\npool = { mdoe = "session" }\n')
    done = subprocess.run([binary(), "check", "--config", path], capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0 and f"{path}:4" in said and "mdoe" in said and "mode" in said


def test_serve_refuses_a_broken_configuration(tmp_path):
    path = tmp_path / "broken.toml"
    path.write_text("[[postgres]\n")
    done = subprocess.run([binary(), "serve", "--config", path], capture_output=True, text=True, timeout=20,
                          check=False)
    assert done.returncode != 0 and f"{path}:1" in done.stdout + done.stderr


def test_hangup_reloads_and_keeps_the_old_on_a_mistake(gateways, server, wire):
    gateway = gateways.start(server, max=1, wait="300ms")
    holder, other = wire(gateway.endpoint), wire(gateway.endpoint)
    holder.ask("BEGIN")
    assert other.ask("SELECT 1").sqlstates == ["53300"]
    gateway.listener["pool"]["max"] = 2
    gateway.write_config()
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: other.ask("SELECT 1").errors == [], 5, "the new maximum")
    gateway.config_path.write_text("nonsense")
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: "nonsense" in gateway.log() or "sluice.toml" in gateway.log(), 5, "a complaint")
    assert other.ask("SELECT 1").value == "1"
    assert holder.ask("COMMIT").status == "I"
