"""Ten thousand messages leave nothing behind; objects go when they are let go."""
import gc
import os
import subprocess
import sys
import tracemalloc
import weakref

import pytest
from conftest import TREE
from stores import DictStore
from wire import World

from libimp import Jid, Stanza, core, node as node_module, op, sm, store as store_module

MESSAGES = 10000


def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * 4096


def grown(work, rounds=4):
    """How many bytes of Python's and of the process the last round added, after the first ones have warmed up."""
    work()
    gc.collect()
    tracemalloc.start()
    work()
    gc.collect()
    python, process = tracemalloc.get_traced_memory()[0], resident()
    for _ in range(rounds - 2):
        work()
    gc.collect()
    python, process = tracemalloc.get_traced_memory()[0] - python, resident() - process
    tracemalloc.stop()
    return python, 0 if "ASAN_OPTIONS" in os.environ else process   # a sanitizer keeps what was freed


def test_messages_through_a_node():
    with World(sm=sm.Settings(ack_rate=1)) as world:
        world.account("alice")
        seen = []

        @world.node.handle_jid("echo@localhost")
        def echo(st):
            seen.append(weakref.ref(st))
            world.node.reply_text(st, st.body)

        alice = world.client("alice")
        alice.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
        message, count = "<message to='echo@localhost' type='chat' id='i'><body>over and over</body></message>", 0

        def work():
            nonlocal count
            for _ in range(MESSAGES // 4 // 10):
                count += 10
                alice.connection.recv((message * 10 + f"<a xmlns='urn:xmpp:sm:3' h='{count - 10}'/>").encode())
                world.turn(1)
            alice.got = ""
            del seen[:-10]

        python, process = grown(work)
        assert count == MESSAGES and world.node.stats().ledger.accepted == 2 * MESSAGES
        assert python < 40_000 and process < 3_000_000, (python, process)
        gc.collect()
        assert all(ref() is None for ref in seen)


def test_packets_of_stream_management():
    manager = sm.Manager(lambda *settled: None, clock=lambda: 1)
    session = manager.enable("a@example.org")

    def work():
        for i in range(MESSAGES):
            session.sent({"text": i}, 10)
            session.acked(session.out)

    python, process = grown(work)
    assert python < 20_000 and process < 3_000_000, (python, process)
    assert len(manager._packets) == 0
    manager.close()


def test_addresses_and_stanzas():
    def work():
        for i in range(MESSAGES // 4):
            st = Stanza.message(f"a{i % 7}@example.org", "text")
            st.root.add("x", "urn:x").set("a", "b")
            assert st.reply().from_ == Jid(str(st.to))

    python, process = grown(work, 3)
    assert python < 20_000 and process < 3_000_000, (python, process)


def test_nodes_go_when_they_are_let_go():
    """Also in a cycle, with handlers, connections and a store: nothing registered for C keeps them."""
    before = [len(r) for r in (node_module._nodes, node_module._calls, store_module._stores, sm._managers)]
    gone = []
    for _ in range(5):
        world = World(get_credential=lambda name: "x")
        world.node.set_store(DictStore())
        gone.append(weakref.ref(world.node))

        @world.node.handle_jid("echo@localhost")
        def answer(st, node=world.node):
            node.reply_text(st, "x")
        world.node.on_session(print)
        world.client("alice", password="x")
        world.close()
        world = answer = None
    manager = sm.Manager(print)
    manager.enable("a@example.org")
    manager = None
    gc.collect()
    assert [ref() for ref in gone] == [None] * 5
    assert [len(r) for r in (node_module._nodes, node_module._calls, store_module._stores, sm._managers)] == before


def test_a_node_without_close():
    world = World()
    world.account("alice")
    world.client("alice")
    gone = weakref.ref(world.node)
    world = None
    gc.collect()
    assert gone() is None


def test_callbacks_do_not_depend_on_references():
    """The host keeps nothing but the node; what C calls stays."""
    world, seen = World(log=lambda *line: seen.append(line), log_level=4), []
    world.node.handle_jid("echo@localhost", lambda st: seen.append(st))
    outcome = []
    for i in range(200):
        world.node.set_account(f"user{i}", "secret", lambda status, i=i: outcome.append(i))
        gc.collect(0)
    world.turn(1)
    world.client("user7").send("<message to='echo@localhost'><body>x</body></message>")
    assert sorted(outcome) == list(range(200)) and len(seen) > 1 and seen[-1].body == "x"
    world.close()


def test_an_op_may_be_done_late_and_once():
    """A host that keeps ops itself."""
    import ctypes
    rows, lib = [], core.lib
    from libimp import _abi
    ops = ctypes.c_void_p()
    core.check(lib.imp_ops_new(ctypes.byref(ops)))
    done = _abi.imp_ops_fn(lambda o, status, data: rows.append((status, lib.imp_ops_rows(o))))
    ptr = lib.imp_ops_add(ops, done, None)
    lib.imp_ops_started(ptr, core.Error.PENDING)
    late = op.Op(ptr)
    assert not late.is_cancelled and late.deadline == core.NEVER
    late.add_row(b"key", b"value")
    late.done()
    try:
        late.done()
        raise AssertionError("twice")
    except core.StateError:
        pass
    lib.imp_ops_run(ops)
    assert rows == [(0, 1)]
    lib.imp_ops_del(ops)


EXIT = """
import asyncio, sys
from libimp import Node, Role, sm
from libimp.aio import Server
from libimp.sqlite import SqliteStore

async def main():
    store = SqliteStore(sys.argv[1], asyncio.get_running_loop())
    node = Node("localhost", durable=1, log_level=4, log=lambda *line: None)
    node.set_store(store)
    server = Server(node)
    port = await server.listen("127.0.0.1", 0)
    await server.set_account("alice", "secret")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
                 b"to='localhost' version='1.0'>")
    await reader.readuntil(b"</stream:features>")
    manager = sm.Manager(lambda *settled: None)
    session = manager.enable("alice@localhost")
    session.sent("packet", 1)
    node.set_account("bob", "secret")
    globals().update(locals())
    if sys.argv[2] == "exit":
        sys.exit(3)

asyncio.run(main())
"""


@pytest.mark.parametrize("how, code", [("return", 0), ("exit", 3)])
def test_a_process_that_closes_nothing(tmp_path, how, code):
    """Everything is open, work is under way, the loop is closed: the interpreter ends without a crash or a wait."""
    done = subprocess.run([sys.executable, "-B", "-c", EXIT, str(tmp_path / "store.db"), how], capture_output=True,
                          text=True, timeout=20, env={**os.environ, "PYTHONPATH": str(TREE / "bindings" / "python")})
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")
