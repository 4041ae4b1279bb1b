"""What bindings/python/README.md shows, done as it stands there."""
import asyncio
import re
import subprocess
import textwrap
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace

import libimp
from libimp import Node, aio, sasl

README = Path(__file__).parents[2] / "bindings/python/README.md"
BLOCKS = re.findall(r"\n```python\n(.*?)```", README.read_text(), re.S)


def block(word):
    found = [b for b in BLOCKS if word in b]
    assert len(found) == 1, f"{len(found)} blocks with {word}"
    return found[0]


def run(code, **names):
    names["libimp"] = libimp
    exec(compile(code, str(README), "exec"), names)
    return names


def test_every_block_is_run_here():
    words = ("serve_forever", "database.fetch", "SqliteStore", "sm.Manager", "Composer", "roster.subscribe")
    assert sorted(BLOCKS) == sorted(block(word) for word in words)


def test_a_server(tmp_path, monkeypatch):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3",
                    "-subj", "/CN=localhost", "-out", "certificate.pem", "-keyout", "key.pem"], cwd=tmp_path, check=True,
                   capture_output=True)
    monkeypatch.chdir(tmp_path)
    served = []

    async def serve_forever(server):
        served.append(server)

    monkeypatch.setattr(aio.Server, "serve_forever", serve_forever)
    run(block("serve_forever").replace("5222", "0"))
    assert len(served) == 1


def test_users_of_ones_own():
    keys = sasl.scram_keys("secret")
    row = SimpleNamespace(n=keys.iterations, salt=keys.salt, stored=keys.stored_key, server=keys.server_key)
    asked = []

    class Database:
        async def fetch(self, query, username):
            asked.append(username)
            return row if username == "juliet" else None

    names = run(block("database.fetch"), database=Database(), exists=lambda username: True, Node=Node)
    with names["node"]:
        assert asyncio.run(names["credential"]("nobody")) is None
        assert asyncio.run(names["credential"]("juliet")) == keys
        assert asked == ["nobody", "juliet"]


def test_a_durable_store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = "async def main():\n" + textwrap.indent(block("SqliteStore"), "    ")
    names = run("import asyncio\n" + code, Node=Node)
    asyncio.run(names["main"]())
    assert (tmp_path / "server.db").exists()


def test_stream_management_alone(capsys):
    wrote = []
    run(block("sm.Manager"), message="<message/>", write=wrote.append, previd="x", h=0)
    assert "<enabled" in str(wrote[0])


def test_presence_alone(capsys):
    nine = datetime.now(timezone.utc) - timedelta(minutes=5)
    run(block("Composer"), tz=timezone.utc, nine=nine, ten=nine + timedelta(hours=1))
    assert "juliet@example.org" in capsys.readouterr().out


def test_rosters():
    with Node("localhost") as node:
        run(block("roster.subscribe"), node=node)
