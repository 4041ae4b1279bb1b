"""examples/echo.py as a process: what its terminal says, login over every door, signals, kill and resume."""
import asyncio
import json
import os
import signal
import socket
import sys

import pytest
from conftest import TREE
from test_aio import Slix

ECHO = TREE / "examples" / "echo.py"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Echo:
    """The server in a folder of its own."""

    def __init__(self, folder, *options):
        self.folder, self.options = folder, options
        self.port, self.direct_port, self.ws_port = (free_port() for _ in range(3))
        self.certificate = folder / "certificate.pem"

    async def __aenter__(self):
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-B", str(ECHO), "--data", str(self.folder), "--port", str(self.port), "--direct-port",
            str(self.direct_port), "--ws-port", str(self.ws_port), *self.options, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE)
        self.said = []
        while True:
            line = (await asyncio.wait_for(self.process.stdout.readline(), 15)).decode()
            if not line:
                raise AssertionError((await self.process.stderr.read()).decode())
            self.said.append(line.strip())
            if line.startswith("ready"):
                return self

    async def stop(self, signum=signal.SIGTERM):
        if self.process.returncode is None:
            self.process.send_signal(signum)
        out, err = await asyncio.wait_for(self.process.communicate(), 15)
        return out.decode(), err.decode()

    async def __aexit__(self, *exc):
        _, err = await self.stop()
        assert self.process.returncode == 0 and "Traceback" not in err, err


async def test_echo(tmp_path):
    async with Echo(tmp_path, "--account", "juliet:secret", "--account", "romeo:secret", "--log", "json") as server:
        assert server.said[-1] == (f"ready localhost port={server.port} direct-port={server.direct_port} "
                                   f"ws-port={server.ws_port}")
        assert "certificate " in server.said[0]
        juliet = await Slix("juliet@localhost/r", "secret", server.certificate, server.port).online()
        romeo = await Slix("romeo@localhost/r", "secret", server.certificate, server.direct_port, direct=True).online()
        juliet.send_message("echo@localhost", "Wherefore?", mtype="chat")
        juliet.send_message("romeo@localhost/r", "Romeo", mtype="chat")
        await juliet.until(lambda: juliet.got == ["Wherefore?"])
        await romeo.until(lambda: romeo.got == ["Romeo"])
        received = asyncio.get_running_loop().create_future()
        juliet.register_plugin("xep_0184")
        juliet.add_event_handler("receipt_received", received.set_result)
        juliet.send_raw("<message to='echo@localhost' type='chat' id='r1'><body>x</body>"
                        "<request xmlns='urn:xmpp:receipts'/></message>")
        await asyncio.wait_for(received, 10)
        juliet.send_presence_subscription("echo@localhost")
        await juliet.until(lambda: juliet.client_roster["echo@localhost"].resources)
        server.process.send_signal(signal.SIGUSR1)
        stats = json.loads(await server.process.stdout.readline())
        assert stats["sessions"] == 2 and stats["messages.balance"] == 1 and stats["sm.enabled"] == 2
        server.process.send_signal(signal.SIGHUP)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.ws_port)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                     b"Sec-WebSocket-Protocol: xmpp\r\n\r\n")
        assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
        writer.close()
        _, err = await server.stop()
        assert all(json.loads(line)["level"] for line in err.splitlines())
        await juliet.seen("disconnected")


async def test_kill_and_resume(tmp_path):
    options = "--account", "juliet:secret", "--durable", "--quiet"
    first = Echo(tmp_path, *options)
    await first.__aenter__()
    assert len(first.said) == 1
    juliet = await Slix("juliet@localhost/r", "secret", first.certificate, first.port).online()
    juliet.send_message("echo@localhost", "before", mtype="chat")
    await juliet.until(lambda: juliet.got == ["before"])
    await first.stop(signal.SIGKILL)
    await juliet.seen("disconnected")
    second = Echo(tmp_path, *options)
    second.port = first.port
    async with second:
        juliet.go()
        await juliet.seen("session_resumed")
        juliet.send_message("echo@localhost", "after", mtype="chat")
        await juliet.until(lambda: juliet.got == ["before", "after"])


@pytest.mark.parametrize("options", [
    ["--any-account", "x", "--listen", "192.0.2.1"], ["--any-account", "", "--listen", "192.0.2.1"], ["--cert", "x"],
    ["--account", "x"], ["--account", ":x"], ["--port", "70000"], ["--ws-port", "-1"], ["--listen", "nowhere"],
    ["--port", "0", "--direct-port", "0", "--ws-port", "0"]])
async def test_wrong_options(options):
    process = await asyncio.create_subprocess_exec(sys.executable, "-B", str(ECHO), *options,
                                                   stderr=asyncio.subprocess.PIPE)
    _, err = await process.communicate()
    assert process.returncode == 2 and b"error:" in err


async def test_no_port_no_certificate(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        for options, word in ((["--port", str(taken.getsockname()[1])], b"address already in use"),
                              (["--cert", "/nowhere", "--key", "/nowhere"], b"nowhere"),
                              (["--sm-timeout", "5"], b"sm timeout 5: must be 30 to 90")):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-B", str(ECHO), "--data", str(tmp_path), "--any-account", "x", *options,
                stderr=asyncio.subprocess.PIPE, env=os.environ)
            _, err = await process.communicate()
            assert process.returncode == 1 and word in err and b"Traceback" not in err, err


async def test_any_account(tmp_path):
    async with Echo(tmp_path, "--any-account", "sesame", "--quiet") as server:
        anybody = await Slix("anybody@localhost/r", "sesame", server.certificate, server.port).online()
        anybody.send_message("somebody@localhost", "hello", mtype="chat")
        somebody = await Slix("somebody@localhost/r", "sesame", server.certificate, server.port).online()
        await somebody.until(lambda: somebody.got == ["hello"])


async def test_demonstration(tmp_path):
    """Without any option but the ports: alice and bob, with a password that stays."""
    said = []
    for _ in range(2):
        async with Echo(tmp_path) as server:
            said.append(server.said[0])
            password = server.said[0].split()[-1]
            alice = await Slix("alice@localhost/r", password, server.certificate, server.port).online()
            alice.disconnect()
    assert said[0] == said[1] and len(password) == 12


def test_shorter_than_the_original():
    def lines(path):
        return len(path.read_text().splitlines())
    assert lines(ECHO) < lines(ECHO.with_suffix(".c"))
