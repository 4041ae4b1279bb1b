"""Finds the package and the library: ctest sets LIBIMP_LIBRARY to the build directory."""
import asyncio
import functools
import gc
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TREE / "bindings" / "python"))
sys.path.insert(0, str(TREE / "bindings" / "python" / "tools"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import libimp                                                   # noqa: E402
from libimp import core                                         # noqa: E402


def pytest_pyfunc_call(pyfuncitem):
    """Tests that are coroutines run on a loop of their own, for half a minute at most."""
    if asyncio.iscoroutinefunction(pyfuncitem.obj):
        pyfuncitem.obj = functools.partial(_play, pyfuncitem.obj)


def _play(coroutine, **arguments):
    async def play():
        await asyncio.wait_for(coroutine(**arguments), 30)
    asyncio.run(play())


@pytest.fixture(autouse=True)
def no_silent_errors(caplog, request):
    """What callbacks raise is reported: tests that do not expect it fail."""
    caplog.set_level(logging.ERROR, "libimp")
    yield
    gc.collect()
    if not request.node.get_closest_marker("reports"):
        reported = [r for r in caplog.records if r.name == "libimp"]
        assert not reported, [r.getMessage() for r in reported]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """(certificate, key) as paths."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key,
                    "-out", cert], check=True, capture_output=True)
    return cert, key


def pytest_report_header(config):
    return f"libimp {libimp.version()} ({core.lib._name})"


assert os.environ.get("LIBIMP_LIBRARY") is None or Path(os.environ["LIBIMP_LIBRARY"]).exists()
