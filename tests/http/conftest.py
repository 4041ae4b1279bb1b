"""Servers on the loopback interface, and the client under test."""
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from apache import apache, kerberos  # noqa: F401  (fixtures)
from servers import ALICE, free_port, needs, wait_for

HERE = Path(__file__).resolve().parent


def pytest_addoption(parser):
    parser.addoption("--request", required=True, help="the program that request.c is")


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


def start_radicale(folder, start, name, auth):
    needs("/usr/lib/python3/dist-packages/radicale/__main__.py")
    port = free_port()
    (folder / f"{name}.conf").write_text(f"[server]\nhosts = 127.0.0.1:{port}\n[auth]\n{auth}\n"
                                         f"[storage]\nfilesystem_folder = {folder}/{name}\n")
    start(port, "/usr/bin/python3", "-m", "radicale", "--config", folder / f"{name}.conf", log=folder / f"{name}.log")
    return port


@pytest.fixture(scope="session")
def radicale(folder, start):
    """One that asks for passwords itself."""
    (folder / "users").write_text(f"alice:{ALICE['secret']}\n")
    port = start_radicale(folder, start, "radicale", f"type = htpasswd\nhtpasswd_filename = {folder}/users\n"
                          "htpasswd_encryption = plain\ndelay = 0")
    return f"http://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def trusting_radicale(folder, start):
    """One that believes whoever is in front of it; its port."""
    return start_radicale(folder, start, "trusting", "type = http_x_remote_user")


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
