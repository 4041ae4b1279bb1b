"""A host's mistakes are exceptions: no crash, no number that wraps, no text that is cut, no markup that slips in."""
import pytest
from wire import World

from libimp import ChannelBinding, Jid, Node, Stanza, core, sasl, sm

MISTAKES = (core.ImpError, TypeError, ValueError, AttributeError)


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
                lambda: node.handle_jid("@", print), lambda: node.set_account(None, "x"), lambda: node.set_account("x", None),
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
            lambda: Stanza.message("a@b.example", "\ud800"), lambda: st.error(None))
    st.root.add("y", "urn:\"'<&>", text="</y>").set("q", "'\"<&>\n")
    st.root.set("xml:lang", "de")
    again = Stanza.parse(str(st))
    assert (again.child("y").ns, again.child("y").text, again.child("y").get("q")) == ("urn:\"'<&>", "</y>", "'\"<&>\n")
    assert again.root.get("lang", ns="http://www.w3.org/XML/1998/namespace") == "de"
    control = Stanza.parse(str(Stanza.message("a@b.example", "a\x01b\x1f")))
    assert "\x01" not in control.body and control.body[0] == "a"


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
    assert len(s.write_enabled("x" * 5000)) < 512 and len(sm.write_failed("x" * 5000)) < 512
    manager.close()


def test_sasl():
    refused(lambda: sasl.scram_keys(None), lambda: sasl.scram_keys("x", iterations=-1),
            lambda: sasl.Exchange("PLAIN", b"", ChannelBinding()), lambda: sasl.Exchange("", b"k" * 16),
            lambda: sasl.Exchange("SCRAM-SHA-1", b"k" * 16, iterations=1 << 32))
    for turn in (lambda e: e.credential("x"), lambda e: e.decide("x"), lambda e: e.step(b"x" * 20000)):
        exchange = sasl.Exchange("SCRAM-SHA-1", b"k" * 16)
        assert turn(exchange).result == sasl.SaslResult.FAILURE
        assert exchange.step(None).result == sasl.SaslResult.FAILURE
        assert not exchange.token_matches(b"")
