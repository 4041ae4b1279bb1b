"""pytest's part of the interop tests: which server, and tests that are coroutines."""
import asyncio
import functools
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness.scene import Scene                                 # noqa: E402
from harness.servers import Echo, Prosody                       # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--echo", help="the echo server's executable")
    parser.addoption("--reference", help="the reference server's executable")
    parser.addoption("--out", default="interop-out", help="folder of JavaScript packages, pictures")
    parser.addoption("--prosody", action="store_true", help="Prosody stands in")
    parser.addoption("--kills", type=int, default=10, help="how often the server is killed")
    parser.addoption("--seed", type=int, default=198, help="of the timing")


def server_class(config):
    if config.getoption("prosody"):
        return Prosody
    executable = config.getoption("echo")
    if not executable:
        pytest.exit("say --echo EXECUTABLE or --prosody", 2)
    Echo.executable = executable
    return Echo


@pytest.fixture
def make_server(request, tmp_path):
    """make_server(options) starts a server that is stopped with the test."""
    servers = []

    def make(*options):
        server = server_class(request.config)(str(tmp_path / ("server%d" % len(servers))), options,
                                              salt=1 + len(servers))
        servers.append(server)
        server.start()
        return server

    yield make
    for server in servers:
        code = server.stop()
        assert code in (None, 0) or server.name == "Prosody", server.log_tail()


@pytest.fixture(scope="module")
def server(request, tmp_path_factory):
    """One server for the tests of a file."""
    server = server_class(request.config)(str(tmp_path_factory.mktemp("server")))
    server.start()
    yield server
    code = server.stop()
    assert code == 0 or server.name == "Prosody", server.log_tail()


def scenario(function):
    """A test that is a coroutine on a Scene with fresh accounts."""
    @functools.wraps(function)
    def test(server):
        async def play():
            async with Scene(server) as scene:
                await asyncio.wait_for(function(scene), 60)
        asyncio.run(play())
    del test.__wrapped__            # pytest must see the parameter `server`
    return test
