"""Servers on the loopback interface, and the client under test."""
import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ALICE = {"user": "alice", "secret": "wonderl4nd"}


def pytest_addoption(parser):
    parser.addoption("--request", required=True, help="the program that request.c is")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(port, process, log=None):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text() if log and log.exists() else "it ended"
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("does not listen: " + str(process.args))


@pytest.fixture(scope="session")
def folder():
    """One that a server may read which has given up root's rights."""
    path = Path(tempfile.mkdtemp(prefix="imp-http-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def start():
    """start(port, program, ...): a server that is stopped at the end."""
    running = []

    def run(port, *command, env=None, log=None):
        out = open(log, "w", encoding="utf-8") if log else subprocess.DEVNULL
        process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                   env={**os.environ, **(env or {})}, start_new_session=True)
        running.append(process)
        wait_for(port, process, log)
        return process
    yield run
    for process in reversed(running):
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def backend(folder):
    """server.py: its ports by name, and `ca`."""
    with subprocess.Popen([sys.executable, "-B", "-W", "ignore", HERE / "server.py", folder], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as process:
        ports = dict(pair.split("=") for pair in process.stdout.readline().split())
        yield {**ports, "ca": folder / "ca.pem"}
        process.stdin.close()


class Answers(list):
    """What became of the requests; `stats` of the client; `log`, its lines."""
    stats = None
    log = ""


@pytest.fixture
def request_(pytestconfig):
    """request_("--auth", "ntlm", URL, ...): see request.c."""
    def run(*args, env=None):
        done = subprocess.run([pytestconfig.getoption("--request"), *map(str, args)], capture_output=True, text=True,
                              timeout=60, check=False, env={**os.environ, **(env or {})})
        assert done.returncode == 0, done.stdout + done.stderr
        answers = Answers(json.loads(line) for line in done.stdout.splitlines())
        answers.stats = answers.pop()
        answers.log = done.stderr
        text = done.stdout + done.stderr
        for secret in (a for option, a in zip(args, args[1:]) if option in ("--secret", "--proxy-secret") and a):
            assert secret not in answers.log
            assert all(secret not in a["error"] for a in answers), text
            assert base64.b64encode(secret.encode()).decode().rstrip("=") not in answers.log
        return answers
    return run


def needs(*programs):
    for program in programs:
        if not shutil.which(program) and not Path(program).exists():
            pytest.skip(f"there is no {program}")
