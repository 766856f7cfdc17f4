"""Fixtures: servers, gateways in both pool modes, clients.

Run with /usr/bin/python3 -m pytest tests/integration (Debian's drivers). --direct sends every test
straight to PostgreSQL, which proves the tests themselves; those that only make sense for a proxy
carry the mark sluice_only and are left out there.
"""
import os
import socket
import sys
import threading
import uuid
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from gateway import PATIENCE, Direct, Sluice, binary  # noqa: E402
from servers import ServerPark  # noqa: E402
from wire import Wire  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--direct", action="store_true", help="without Sluice: test the tests")
    parser.addoption("--long", action="store_true", help="the runs of minutes as well")


def pytest_configure(config):
    config.addinivalue_line("markers", "sluice_only: says something about a proxy")
    config.addinivalue_line("markers", "long: takes minutes, only with --long")


def pytest_collection_modifyitems(config, items):
    direct, long_runs = config.getoption("--direct"), config.getoption("--long")
    for item in items:
        if direct and item.get_closest_marker("sluice_only"):
            item.add_marker(pytest.mark.skip(reason="needs Sluice"))
        if not long_runs and item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="needs --long"))


def pytest_generate_tests(metafunc):
    chosen = any("mode" in mark.args[0] for mark in metafunc.definition.iter_markers("parametrize"))
    if "mode" in metafunc.fixturenames and not chosen:
        direct = metafunc.config.getoption("--direct")
        modes = ["direct"] if direct else ["transaction", "session"]
        metafunc.parametrize("mode", modes, scope="module")


@pytest.fixture(scope="session")
def direct(request):
    return request.config.getoption("--direct")


@pytest.fixture(scope="session")
def park():
    park = ServerPark()
    yield park
    park.close()


@pytest.fixture(scope="session")
def server(park):
    """The PostgreSQL that most tests share; who breaks a server takes one of its own."""
    return park.server()


@pytest.fixture
def own_server(park):
    server = park.server(max_connections=50)
    yield server
    if server.process:
        server.resume()
        server.stop()


class Gateways:
    """Starts gateways and looks after them."""

    def __init__(self, folder, direct):
        self.folder, self.direct, self.running = folder, direct, []

    def start(self, server, **options):
        if self.direct:
            return Direct(server)
        assert binary().exists(), f"{binary()} isn't built; ./dev build first"
        gateway = Sluice(self.folder / f"sluice{len(self.running)}", server, **options)
        self.running.append(gateway)
        return gateway.start()

    def close(self):
        failures = []
        for gateway in self.running:
            try:
                gateway.stop()
            except AssertionError as failure:
                failures.append(str(failure))
            if gateway.complaints():
                failures.append(gateway.complaints())
        assert not failures, "\n".join(failures)


@pytest.fixture
def gateways(tmp_path, direct):
    """For tests that want a configuration of their own: gateways.start(server, max=1, ...)."""
    gateways = Gateways(tmp_path, direct)
    yield gateways
    gateways.close()


@pytest.fixture(scope="module")
def sluice(server, mode, direct, tmp_path_factory):
    """The module's gateway, once in transaction mode and once in session mode."""
    gateways = Gateways(tmp_path_factory.mktemp("gateway"), direct)
    yield gateways.start(server, mode=mode)
    gateways.close()


@pytest.fixture(scope="module")
def single(server, direct, tmp_path_factory):
    """Transaction mode with one server connection: whatever a client leaves there, the next one meets."""
    gateways = Gateways(tmp_path_factory.mktemp("single"), direct)
    yield gateways.start(server, mode="transaction", max=1).endpoint
    gateways.close()


@pytest.fixture(scope="module")
def pair(server, direct, tmp_path_factory):
    """Transaction mode with two server connections: one may be pinned, the others share the second."""
    gateways = Gateways(tmp_path_factory.mktemp("pair"), direct)
    yield gateways.start(server, mode="transaction", max=2).endpoint
    gateways.close()


@pytest.fixture(scope="module")
def encrypted(server, park, direct, tmp_path_factory):
    """A gateway that offers TLS and takes client certificates."""
    gateways = Gateways(tmp_path_factory.mktemp("encrypted"), direct)
    files = park.certificates
    tls = {"mode": "prefer", "cert": files / "server.crt", "key": files / "server.key", "ca": files / "ca.crt"}
    yield gateways.start(server, listener={"tls": tls}).endpoint
    gateways.close()


@pytest.fixture
def endpoint(sluice):
    return sluice.endpoint


@pytest.fixture
def wire(request):
    """wire(endpoint, **startup parameters): a raw protocol client, logged in; closed at the end."""
    opened = []

    def connect(endpoint, **parameters):
        client = Wire.connect(endpoint.host, endpoint.port)
        opened.append(client)
        client.login(endpoint.user, endpoint.password, endpoint.database, **parameters)
        return client

    yield connect
    for client in opened:
        client.close()


@pytest.fixture
def raw():
    """raw(endpoint): a connected socket of frames that hasn't said anything yet."""
    opened = []

    def connect(endpoint):
        opened.append(Wire.connect(endpoint.host, endpoint.port))
        return opened[-1]

    yield connect
    for client in opened:
        client.close()


HANG_SECONDS = 60 * PATIENCE


def cut_connections():
    """Ends every TCP connection of this process: a driver that waits for ever in C gives up."""
    for number in map(int, os.listdir("/proc/self/fd")):
        try:
            with socket.socket(fileno=os.dup(number)) as copy:
                if copy.family == socket.AF_INET and copy.type == socket.SOCK_STREAM:
                    copy.shutdown(socket.SHUT_RDWR)
        except OSError:
            continue


@pytest.fixture(autouse=True)
def watchdog():
    """A test that hangs loses its connections and fails, instead of holding up all that follow."""
    timer = threading.Timer(HANG_SECONDS, cut_connections)
    timer.daemon = True
    timer.start()
    yield
    timer.cancel()


@pytest.fixture
def table(server):
    """A table name of the test's own; the table is dropped afterwards."""
    name = f"t_{uuid.uuid4().hex[:12]}"
    yield name
    server.sql(f"DROP TABLE IF EXISTS {name}")
