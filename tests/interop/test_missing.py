"""A client that is missing is a failed test, unless one says that it may be skipped."""
import json
import os
import subprocess
import sys

import pytest

RUN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "run.py")
NPM = """#!/bin/sh
echo "npm error code %s"
exit 1
"""


def run(folder, npm=None, **variables):
    """Its exit status and what the table says, with nothing on the path but an npm that fails with this code."""
    tools = folder / "bin"
    tools.mkdir(exist_ok=True)
    if npm:
        for name in ("npm", "node"):
            (tools / name).write_text(NPM % npm)
            (tools / name).chmod(0o755)
    environment = {"PATH": str(tools), **variables}
    done = subprocess.run([sys.executable, "-B", RUN, "xmpp.js", "--out", str(folder)], env=environment,
                          stdout=subprocess.PIPE, text=True, timeout=30)
    with open(folder / "cells" / "xmpp.js.json") as f:
        return done.returncode, json.load(f)["cells"]["starttls"]


@pytest.mark.parametrize("variables", [{}, {"CI": "true"}])
def test_without_its_tools_it_fails(tmp_path, variables):
    status, cell = run(tmp_path, **variables)
    assert status == 1 and cell["state"] == "fail" and "node is not installed" in cell["text"]


@pytest.mark.parametrize("variables", [{}, {"CI": "true"}])
def test_what_the_registry_does_not_have_fails(tmp_path, variables):
    status, cell = run(tmp_path, "E404", **variables)
    assert status == 1 and cell["state"] == "fail" and "E404" in cell["text"]


@pytest.mark.parametrize("npm", [None, "E404", "ENOTFOUND"])
def test_it_is_skipped_if_one_says_so(tmp_path, npm):
    status, cell = run(tmp_path, npm, IMP_MAY_SKIP="1", CI="true")
    assert status == 77 and cell["state"] == "n/a" and cell["text"].startswith("skipped: ")


def test_without_a_network_it_is_skipped_except_by_ci(tmp_path):
    assert run(tmp_path, "ENOTFOUND")[0] == 77
    assert run(tmp_path, "ENOTFOUND", CI="true")[0] == 1


def test_the_lock_file_says_what_and_not_where():
    """Versions and hashes; where packages come from is the machine's own affair."""
    with open(os.path.join(os.path.dirname(RUN), "agents", "package-lock.json")) as f:
        packages = json.load(f)["packages"]
    assert len(packages) > 50
    for name, package in packages.items():
        if name:
            assert package["version"] and package["integrity"].startswith("sha"), name
            assert "resolved" not in package, name
