"""What the servers of these tests have in common."""
import os
import shutil
import socket
import time
from pathlib import Path

import pytest

ALICE = {"user": "alice", "secret": "wonderl4nd"}


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


def ntlm(user="TEST\\alice", secret=ALICE["secret"]):
    return ["--auth", "ntlm", "--user", user, "--secret", secret]


def missing(reason):
    (pytest.skip if os.environ.get("IMP_MAY_SKIP") else pytest.fail)(reason)


def needs(*programs):
    for program in programs:
        if not shutil.which(program) and not Path(program).exists():
            missing(f"there is no {program}")
