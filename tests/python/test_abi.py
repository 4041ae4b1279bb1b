"""The mirror of the headers cannot drift: a compiler confirms it."""
import ctypes
import os
import shutil
import subprocess
import sys

import pytest
from conftest import TREE

import generate
import headers
from libimp import _abi, core, node, sm, sqlite
from libimp._lib import lib

PYTHON = TREE / "bindings" / "python"


@pytest.fixture(scope="module")
def found():
    return headers.read(TREE / "include")


def test_mirror_is_up_to_date():
    done = subprocess.run([sys.executable, "-B", PYTHON / "tools" / "generate.py", "--check"], capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_change_is_noticed(tmp_path):
    """The check itself: an appended member, another value, a new function."""
    shutil.copytree(TREE / "include", tmp_path / "include")
    changes = {"op.h": ("uint32_t iterations;", "uint64_t iterations;"), "core.h": ("IMP_ERR_RANGE = -102", "IMP_ERR_RANGE = -152"),
               "jid.h": ("IMP_EXTERN void imp_jid_del(imp_jid *jid);", "IMP_EXTERN void imp_jid_bell(imp_jid *jid);")}
    for name, (old, new) in changes.items():
        path = tmp_path / "include" / "imp" / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        done = subprocess.run([sys.executable, "-B", PYTHON / "tools" / "generate.py", "--check", "--include",
                               tmp_path / "include"], capture_output=True, text=True)
        assert done.returncode == 1 and done.stdout, name
        path.write_text(text)


def test_every_function_is_bound_or_listed(found):
    bound = {name for library in _abi.FUNCTIONS.values() for name in library}
    assert set(found.functions) == bound | set(generate.UNBOUND)
    assert not bound & set(generate.UNBOUND)
    assert all(generate.UNBOUND.values()), "a reason each"
    # nothing was overlooked by the reader of headers
    text = "".join(p.read_text() for p in sorted((TREE / "include").rglob("*.h")))
    assert sum(line.startswith("IMP_EXTERN ") for line in text.splitlines()) == len(found.functions)


def test_compiler_agrees(tmp_path, found):
    """Sizes, offsets, enumerators, macros; the probe compiles only if every prototype is as it was read."""
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
    source, program = tmp_path / "probe.c", tmp_path / "probe"
    source.write_text(generate.probe(found))
    subprocess.run([compiler, "-std=c11", "-Werror", "-Wno-deprecated", "-I", TREE / "include", source, "-o", program,
                    "-fsyntax-only"], check=True)
    # The functions are not called: only their types are looked at, so nothing has to be linked.
    subprocess.run([compiler, "-std=c11", "-I", TREE / "include", source, "-o", program], check=True)
    seen = {"struct": 0, "member": 0, "value": 0, "number": 0, "function": 0}
    enumerators = {}
    for name, (python, prefixes) in generate.ENUMS.items():
        for c_name, _ in found.enums[name]:
            if c_name not in generate.COUNTS:
                prefix = next(p for p in prefixes if c_name.startswith(p))
                enumerators[c_name] = getattr(_abi, python)[c_name.removeprefix(prefix)]
    functions = {name: rest for library in _abi.FUNCTIONS.values() for name, rest in library.items()}
    for line in subprocess.run([program], check=True, capture_output=True, text=True).stdout.splitlines():
        kind, name, *rest = line.split(" ")
        seen[kind] = seen.get(kind, 0) + 1
        if kind == "struct":
            assert ctypes.sizeof(getattr(_abi, name)) == int(rest[0]), name
        elif kind == "member":
            member = getattr(getattr(_abi, name), rest[0])
            assert (member.offset, member.size) == (int(rest[1]), int(rest[2])), line
        elif kind == "enum":
            assert int(rest[0]) == ctypes.sizeof(ctypes.c_int), name
        elif kind == "value" and name not in generate.COUNTS:
            assert enumerators[name] == int(rest[0]), name
        elif kind == "number":
            assert getattr(_abi, name) == int(rest[0]), name
        elif kind == "text":
            assert getattr(_abi, name) == rest[0], name
        elif kind == "function":
            assert len(functions[name][1]) == int(rest[0]), name
    assert seen["struct"] == len(found.structs) - len(generate.UNBOUND_STRUCTS)
    assert seen["function"] == len(functions) and seen["value"] > 100 and seen["member"] > 100


def test_no_member_is_missing_in_python(found):
    """Settings and statistics have every member that C has."""
    import dataclasses
    for struct, cls in (("imp_settings", node.Settings), ("imp_sm_settings", sm.Settings)):
        assert {m for m, _ in found.structs[struct]} - {"size"} == set(cls.__annotations__) | (
            {"sm"} if cls is node.Settings else set())
    for struct, cls in (("imp_stats", node.Stats), ("imp_session_info", node.SessionInfo), ("imp_sm_stats", sm.Stats),
                        ("imp_sqlite_stats", sqlite.SqliteStats)):
        assert [f.name for f in dataclasses.fields(cls)] == [m for m, _ in found.structs[struct] if m != "size"]
    assert [f.name.rstrip("_") for f in dataclasses.fields(sm.State)] == [
        m for m, _ in found.structs["imp_sm_state"] if m != "size"]
    assert [n for n, _ in _abi.imp_callbacks._fields_ if n != "size"] == list(node._THUNKS)


def test_every_error_has_its_exception():
    for code in _abi.Error:
        if code < 0:
            e = core.error(code)
            assert type(e) is not core.ImpError and e.code == code and str(e) == core.strerror(code)
            assert e.is_fatal == (code < -500)
            assert lib.imp_error_name(code).decode() == "IMP_ERR_" + code.name


def test_versions_agree():
    assert core.version() == _abi.IMP_VERSION
    assert f'version = "{_abi.IMP_VERSION}"' in (PYTHON / "pyproject.toml").read_text()
