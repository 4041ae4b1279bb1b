"""Stores: those of C from Python, and one in Python before the conformance test."""
import asyncio
import sqlite3

import pytest
from stores import DictStore, SlowStore
from wire import World

from libimp import MemoryStore, Node, aio, core, testkit
from libimp.sqlite import SqliteStore


def test_memory():
    with MemoryStore() as store:
        testkit.check_store(store)
    store.close()


def test_python():
    store = DictStore()
    testkit.check_store(store)
    assert store.items and store.flushes


def test_python_with_coroutines():
    store = SlowStore()
    store.loop = asyncio.new_event_loop()
    testkit.check_store(store, run=lambda: store.loop.run_until_complete(asyncio.sleep(0)))
    store.loop.close()


def test_a_store_that_is_wrong_is_found_out():
    class Forgetful(DictStore):
        def put(self, space, owner, key, value):
            if key != b"\x80":
                super().put(space, owner, key, value)

    with pytest.raises(core.Corrupt, match="scan"):
        testkit.check_store(Forgetful())


class FullDisk(DictStore):
    """Its flush fails when it is told to."""
    failing = False

    def flush(self):
        super().flush()
        if self.failing:
            raise OSError("no space left")

    def set_failing(self, failing):
        self.failing = failing


class Lossy(FullDisk):
    """… and then it has forgotten what was noted."""
    kept: dict = {}

    def flush(self):
        if self.failing:
            self.items = dict(self.kept)
        super().flush()
        self.kept = dict(self.items)


def test_what_a_failed_flush_leaves(caplog):
    store = FullDisk()
    testkit.check_store(store, set_failing=store.set_failing)
    store = Lossy()
    with pytest.raises(core.Corrupt, match="what a failed flush left is not in the next one"):
        testkit.check_store(store, set_failing=store.set_failing)


def test_bounds():
    store = DictStore()
    vtable, ctx = store._door()
    put = vtable.contents.put
    assert put(ctx, b"s" * 33, b"", None, 0, None, 0) == core.Error.TOO_BIG
    assert put(ctx, b"s", b"", b"k" * 3073, 3073, None, 0) == core.Error.TOO_BIG
    assert put(ctx, b"s", b"", b"k" * 3072, 3072, None, 0) == 0
    del store, vtable
    assert put(ctx, b"s", b"", None, 0, None, 0) == core.Error.STATE      # gone, and no crash


@pytest.mark.parametrize("threaded", [False, True])
def test_sqlite(tmp_path, threaded):
    path, loop = tmp_path / "store.db", asyncio.new_event_loop()
    stores = []

    def open_it():
        if stores:
            stores[-1].close()
        stores.append(SqliteStore(path, loop if threaded else None))
        return stores[-1]

    testkit.check_store(open_it(), run=lambda: loop.run_until_complete(asyncio.sleep(0.001)) if threaded else None,
                        reopen=open_it)
    assert len(stores) >= 2 and stores[-1].last_error == "" and stores[-1].stats().failures == 0
    with pytest.raises(core.Conflict):
        SqliteStore(path)
    stores[-1].close()
    stores[-1].close()
    with pytest.raises(core.StateError):
        stores[-1].stats()
    loop.close()


@pytest.mark.parametrize("kind", [DictStore, SlowStore])
async def test_accounts_keep_their_keys(kind):
    store = kind()

    def keys():
        return store.items["account", "alice@localhost", b"scram"]

    async with aio.Server(Node("localhost")) as server:
        server.node.set_store(store)
        await server.ensure_account("alice", "secret")
        first = keys()
        await server.ensure_account("alice", "secret")
        assert keys() == first
        await server.set_account("alice", "secret")
        second = keys()
        assert second != first
        await server.ensure_account("alice", "another")
        assert keys() != second
        with pytest.raises(core.ImpError):
            await server.ensure_account("alice", "")


def test_sqlite_errors(tmp_path):
    with pytest.raises(core.Unavailable, match="nowhere"):
        SqliteStore(tmp_path / "nowhere" / "store.db")
    path = tmp_path / "text.db"
    path.write_text("this is no database, and long enough to be told so" * 100)
    with pytest.raises(core.Corrupt):
        SqliteStore(path)
    with pytest.raises(core.OutOfRange):
        SqliteStore(tmp_path / "store.db", max_pending=1)


def test_sqlite_closed_after_its_loop(tmp_path):
    """Answers that a loop had no time for do not hang the end."""
    loop = asyncio.new_event_loop()
    store = SqliteStore(tmp_path / "store.db", loop)
    with World() as world:
        world.node.set_store(store)
        world.node.set_account("alice", "secret")
        world.turn()
        loop.close()
    store.close()
    assert sqlite3.connect(tmp_path / "store.db").execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_node_on_a_python_store():
    store = DictStore()
    with World() as world:
        world.node.set_store(store)
        world.account("alice")
        world.account("bob")
        assert {o for s, o, _ in store.items if s == "account"} == {"alice@localhost", "bob@localhost"} and store.flushes
        alice = world.client("alice")
        alice.send("<message to='bob@localhost' type='chat'><body>later</body></message>")
        assert any(b"later" in v for v in store.items.values())
        bob = world.client("bob")
        assert "<body>later</body>" in bob.got
        bob.send("<presence/>")
        assert not any(b"later" in v for v in store.items.values())
        outcome = []
        world.node.delete_account("bob", outcome.append)
        world.turn()
        assert outcome == [0] and "not-authorized" in bob.got and bob.connection.is_closed


@pytest.mark.reports
def test_node_on_a_store_that_fails(caplog):
    class Broken(DictStore):
        def get(self, space, owner, key):
            raise OSError("the disk is on fire")

    with World() as world:
        world.node.set_store(Broken())
        client = world.client("alice", login=False)
        assert "temporary-auth-failure" in client.auth("alice", "secret")
        assert "the disk is on fire" in caplog.text


def test_node_on_a_memory_store():
    store = MemoryStore()
    with World() as world:
        world.node.set_store(store)
        world.account("alice")
        assert world.client("alice").jid == "alice@localhost/r"
    store.close()
