"""Each transcript against a gateway of its own: servers that misbehave as no real one does on demand."""
import socket
from pathlib import Path

import pytest
from gateway import Sluice, binary
from transcript import PATIENCE, Transcript

TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))


class Listener:
    """What Sluice takes for a server: connections wait until the transcript accepts them."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.settimeout(PATIENCE)
        self.port = self.socket.getsockname()[1]


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_transcript(path, tmp_path):
    assert binary().exists(), f"{binary()} isn't built; ./dev build first"
    transcript, server = Transcript(path), Listener()
    options = dict(transcript.options)
    sslmode = options.pop("sslmode", "disable")
    password = options.pop("password", "secret")
    pool = {key: int(value) if value.isdigit() else value for key, value in options.items()}
    gateway = Sluice(tmp_path, server, listener={
        "primary": f"postgres://app:{password}@127.0.0.1:{server.port}/app?sslmode={sslmode}",
        "pool": {"mode": "transaction", "min": 0, "max": 2, "wait": "3s", **pool},
        "auth": {"method": "trust"},
    }, top={"drain_timeout": "100ms"}).start()
    try:
        transcript.play(gateway, server.socket)
    except AssertionError as failure:
        pytest.fail(f"{transcript.about}\n{failure}\nlog:\n{gateway.log()[-2000:]}", pytrace=False)
    finally:
        server.socket.close()
        gateway.stop()
    assert not gateway.complaints(), gateway.complaints()


def test_every_transcript_says_what_it_is_about():
    assert TRANSCRIPTS
    assert all(Transcript(path).about for path in TRANSCRIPTS)
