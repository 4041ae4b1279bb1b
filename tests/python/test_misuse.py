"""A host's mistakes are exceptions: no crash, no number that wraps, no text that is cut, no markup that slips in."""
import copy
import ctypes
import gc
import pickle

import pytest
from wire import World

from libimp import ChannelBinding, Credential, Jid, LogLevel, MemoryStore, Node, Role, Stanza, core, sasl, sm, testkit
from libimp import Settings as NodeSettings
from libimp.sqlite import SqliteStore

MISTAKES = (core.ImpError, TypeError, ValueError, AttributeError, ctypes.ArgumentError)


def refused(*calls):
    for i, call in enumerate(calls):
        try:
            call()
        except MISTAKES:
            continue
        pytest.fail(f"call {i} was accepted")


def test_node():
    with World() as world:
        world.account("alice")
        node, client = world.node, world.client("alice")
        connection = client.connection
        refused(lambda: connection.recv(None), lambda: connection.recv(5), lambda: connection.recv("text"),
                lambda: connection.sent(-1), lambda: node.accept(99), lambda: node.accept(peer="a\0b"),
                lambda: node.send(None), lambda: node.send("<message/>"), lambda: node.end_session("x" * 5000),
                lambda: node.end_session(None), lambda: node.handle_iq("", print), lambda: node.handle_iq(None, print),
                lambda: node.handle_jid("@", print), lambda: node.handle_jid("a@localhost", 5), lambda: node.on_session(5),
                lambda: node.set_account(None, "x"), lambda: node.set_account("x", None),
                lambda: node.set_account("a\0b", "x"), lambda: node.delete_account(None), lambda: node.set_tls(None, None),
                lambda: node.reply_text(Stanza.message("a@localhost", "x"), None), lambda: node.shutdown(None),
                lambda: Node(None), lambda: Node("a b"), lambda: node.set_sm(None), lambda: node.set_store(None))
        node.send(Stanza.message(client.jid, "x"))
        refused(lambda: connection.sent(1))         # nothing was shown yet
        world.turn()
        node.accept(peer="x" * 100000).close()
        assert "<body>x</body>" in client.got


def test_markup():
    st = Stanza("message")
    refused(lambda: Stanza("a b"), lambda: Stanza("<message/>"), lambda: Stanza(""), lambda: Stanza(None),
            lambda: st.root.add("<x>"), lambda: st.root.add("x y='z'"), lambda: st.root.add("1"),
            lambda: st.root.set("a b", "c"), lambda: st.root.set("a='b' c", "d"), lambda: st.root.set("a", None),
            lambda: Stanza.message("a@b.example", "\ud800"), lambda: st.error(None), lambda: Stanza("message", type=99),
            lambda: Stanza("message", type="chat"))
    st.root.add("y", "urn:\"'<&>", text="</y>").set("q", "'\"<&>\n")
    st.root.set("xml:lang", "de")
    again = Stanza.parse(str(st))
    assert (again.child("y").ns, again.child("y").text, again.child("y").get("q")) == ("urn:\"'<&>", "</y>", "'\"<&>\n")
    assert again.root.get("lang", ns="http://www.w3.org/XML/1998/namespace") == "de"
    control = Stanza.parse(str(Stanza.message("a@b.example", "a\x01b\x1f")))
    assert "\x01" not in control.body and control.body[0] == "a"


def test_depth():
    """Whatever walks a tree takes a bit of C's stack for each level."""
    def grow():
        elem = Stanza("message").root
        while True:
            elem = elem.add("x")

    def wrap():
        inner = Stanza("message")
        while True:
            outer = Stanza("message")
            outer.root.add_copy(inner.root)
            assert str(outer).count("<message") < 251
            inner = outer

    for way in (grow, wrap):
        with pytest.raises(core.TooBig):
            way()


def test_addresses():
    refused(lambda: Jid(None), lambda: Jid.of(None), lambda: Jid.of(""), lambda: Jid.of("b", "a" * 2000),
            lambda: Jid.of("b", "a\0"))


def test_numbers():
    manager = sm.Manager(lambda *settled: None)
    s = manager.enable("a@b.example")
    refused(lambda: s.sent("x", -1), lambda: s.sent("x", 1 << 31), lambda: s.acked(-1), lambda: s.acked(1 << 32),
            lambda: manager.resume(None, None, 0), lambda: manager.resume("a@b.example", "x", 1 << 32),
            lambda: manager.enable("x" * 5000), lambda: manager.enable(None), lambda: manager.enable("a@b.example", max=-1),
            lambda: manager.restore(sm.State("", "", 0, 0, 0, 0, 0, 0)),
            lambda: manager.restore(sm.State("x" * 100, "u", 0, 0, 0, 10, 0, 0)),
            lambda: manager.restore(sm.State("x", "u", 0, 0, -1, 10, 0, 0)), lambda: s.restore_packet("a", 1, 1),
            lambda: sm.write_failed(None), lambda: sm.write_too_high(-1, 0))
    assert s.queued == 0 and len(manager._packets) == 0
    assert manager.resume("a@b.example", "x" * 10000, 0).session is None
    assert len(s.write_enabled("x" * 5000)) < 512
    refused(lambda: sm.write_failed("x" * 5000), lambda: sm.write_failed("x'/><evil"))
    manager.close()


def test_sasl():
    refused(lambda: sasl.scram_keys(None), lambda: sasl.scram_keys("x", iterations=-1),
            lambda: sasl.Exchange("PLAIN", b"", ChannelBinding()), lambda: sasl.Exchange("", b"k" * 16),
            lambda: sasl.Exchange("SCRAM-SHA-1", b"k" * 16, iterations=1 << 32),
            lambda: sasl.scram_keys("x", salt="text"), lambda: sasl.Exchange("SCRAM-SHA-1", b"k" * 16).step("n,,n=a,r=x"),
            lambda: sasl.Exchange("SCRAM-SHA-1", b"k" * 16).token_matches("text"))
    exchange = sasl.Exchange("SCRAM-SHA-512", b"k" * 16)
    assert exchange.step(b"n,,n=a,r=x").result == sasl.SaslResult.NEED_CREDENTIAL
    refused(lambda: exchange.credential(Credential(hash="SHA-512", iterations=4096, salt=b"s", stored_key=b"short")))
    for turn in (lambda e: e.credential("x"), lambda e: e.decide("x"), lambda e: e.step(b"x" * 20000)):
        exchange = sasl.Exchange("SCRAM-SHA-1", b"k" * 16)
        assert turn(exchange).result == sasl.SaslResult.FAILURE
        assert exchange.step(None).result == sasl.SaslResult.FAILURE
        assert not exchange.token_matches(b"")


def test_copies():
    """A copy would be freed twice. What is a value can be copied: it is another then."""
    manager = sm.Manager(lambda *settled: None)
    with World() as world:
        connection = world.node.accept(Role.C2S)
        for thing in (world.node, connection, manager, manager.enable("a@b.example"), MemoryStore(),
                      sasl.Exchange("SCRAM-SHA-1", b"k" * 16), Stanza("message").root):
            refused(lambda: copy.copy(thing), lambda: copy.deepcopy(thing), lambda: pickle.dumps(thing))
    manager.close()
    for again in (copy.copy, copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))):
        jid, st, settings = Jid("a@b.example/c"), Stanza.message("a@b.example", "x"), NodeSettings(domain="b.example")
        others = again(jid), again(st), again(settings)
        others[2].domain = "other.example"
        assert (str(jid), str(st), settings.domain) == ("a@b.example/c", str(others[1]), "b.example")
        del jid, st
        gc.collect()
        others[1].root.add("y")
        assert str(others[0]) == "a@b.example/c" and "<body>x</body><y/>" in str(others[1])


def test_stores_are_closed_after_their_nodes(tmp_path):
    for make in (MemoryStore, lambda: SqliteStore(tmp_path / "x.db")):
        with World() as world:
            store = make()
            world.node.set_store(store)
            refused(store.close)
            world.account("alice")
        store.close()
        store.close()
        with World() as world:
            refused(lambda: world.node.set_store(store), lambda: testkit.check_store(store))
            world.account("alice")


def test_callbacks_that_meddle():
    """Within the log nothing is allowed; a queue that is inherited does not grow; what a callback raises stays out of C."""
    world, refusals = None, []

    def log(*line):
        for call in (lambda: world.node.end_session("alice@localhost/r"), world.node.turn, world.node.stats,
                     *[connection.end for connection in world.node.connections]):
            with pytest.raises(core.StateError):
                call()
            refusals.append(line)
        raise SystemExit

    with World(log=log, log_level=LogLevel.TRACE) as world:
        world.account("alice")
        assert "<presence" in world.client("alice").got and refusals

    def sent(number, packet):
        refused(old.close, new.close, manager.close, lambda: old.sent("more", 1))
        raise RuntimeError

    manager = sm.Manager(lambda *settled: None)
    old, new = manager.enable("a@b.example"), manager.enable("a@b.example")
    for i in range(5):
        old.sent(i, 1)
    old.disconnected()
    new.inherit(old, sent=sent)
    assert old.is_over and [packet for _, packet in new.unacked()] == list(range(5))
    manager.close()


def test_an_account_that_goes_with_its_session():
    with World() as world:
        world.account("alice")
        world.node.on_session(lambda event, info: world.node.delete_account("alice") if event.name == "ENDED" else None)
        client = world.client("alice")
        client.connection.end()
        client.cut()
        assert not world.node.sessions()
        assert "<not-authorized" in world.client("alice", login=False).auth("alice", "secret")


def test_a_clock_that_fails():
    with World() as world:
        connection, clock = world.node.accept(Role.C2S), world.node.clock
        world.node.clock = lambda: 1.5
        refused(connection.close, world.node.close, lambda: world.node.accept(Role.C2S))
        world.node.clock = clock
        assert not connection.is_closed
