"""What the tests, the soak and the benchmark of multiplexing ask a gateway: does it know the setting, and what
does it say about what was shared.
"""
import functools
import json
import subprocess
import tempfile
import urllib.request
from pathlib import Path

from gateway import binary, toml


@functools.cache
def accepts(key, value="auto"):
    """True if the gateway under test takes pool.<key>."""
    with tempfile.TemporaryDirectory(prefix="sluice-test-") as folder:
        config = Path(folder) / "sluice.toml"
        config.write_text("\n".join([
            "[[postgres]]", 'listen = "127.0.0.1:6432"', 'primary = "postgres://app:secret@127.0.0.1:5432/app"',
            f"pool = {toml({'mode': 'transaction', key: value})}", 'auth = { method = "trust", users = { app = "x" } }',
            ""]))
        config.chmod(0o600)
        try:
            done = subprocess.run([binary(), "check", "--config", config], capture_output=True, check=False)
        except OSError:  # not built
            return False
        return done.returncode == 0


def pools(gateway):
    """The multiplex figures of each pool of the gateway that has served somebody."""
    url = f"http://127.0.0.1:{gateway.admin_port}/performance/pools"
    with urllib.request.urlopen(url, timeout=5) as answer:
        return [pool["multiplex"] for pool in json.load(answer)["pools"]]


def total(gateway, name):
    """Sum of one of the counts over all pools."""
    return sum(figures[name] for figures in pools(gateway))
