"""Addresses and stanzas."""
import gc
import weakref

import pytest

from libimp import Error, Jid, Stanza, StanzaKind, StanzaType, core, xml


def test_jid():
    jid = Jid("Juliet@Example.Org/Balcony")
    assert (jid.local, jid.domain, jid.resource, jid.bare, jid.is_bare) == (
        "juliet", "example.org", "Balcony", "juliet@example.org", False)
    assert jid == Jid("juliet@example.org/Balcony") == "JULIET@example.org/Balcony" and jid != Jid("example.org")
    assert len({jid, Jid(str(jid)), Jid(jid)}) == 1
    assert Jid.of("example.org", "juliet").same_bare(jid) and Jid("example.org").local == ""
    assert Jid("ä@ö.example").local == "ä"


@pytest.mark.parametrize("text", ["", "@", "a@", "a b@c.example", "a@b@c", "a\0b@c.example"])
def test_no_jid(text):
    with pytest.raises(ValueError) as e:
        Jid(text)
    assert e.value.code in (Error.MALFORMED, Error.INVALID_ARGUMENT)


def test_too_big():
    with pytest.raises(core.TooBig):
        Jid("x" * 1024 + "@example.org")


def test_build_and_read():
    st = Stanza.message("romeo@example.org", "Wherefore <art> thou & \"?", id="m1")
    st.root.add("active", "http://jabber.org/protocol/chatstates")
    x = st.root.add("x", "urn:example:x", answer="42")
    x.add("inner", text="ü\n").append_text("more")
    again = Stanza.parse(str(st))
    assert (again.kind, again.type, again.id, again.to, again.from_) == (
        StanzaKind.MESSAGE, StanzaType.CHAT, "m1", Jid("romeo@example.org"), None)
    assert again.body == 'Wherefore <art> thou & "?'
    assert [e.name for e in again.root] == ["body", "active", "x"]
    assert again.child("x").get("answer") == "42" and again.child("x").get("question", "?") == "?"
    inner = again.child("x", "urn:example:x").child("inner")
    assert inner.text == "ü\nmore" and inner.is_("inner", "urn:example:x") and again.child("y") is None
    copy = Stanza("message")
    copy.root.add_copy(again.child("x"))
    assert copy.child("x").child("inner").text == "ü\nmore"
    st.type, st.id, st.to = StanzaType.NONE, None, None
    assert "type=" not in str(st) and st.id is None and st.to is None


def test_reply_and_error():
    st = Stanza.parse("<message from='a@b.example/r' to='c@d.example' type='chat' id='7'><body>hi</body></message>")
    reply = st.reply()
    assert (str(reply.to), str(reply.from_), reply.id) == ("a@b.example/r", "c@d.example", "7")
    error = st.error("service-unavailable", "nobody here")
    assert error.type == StanzaType.ERROR and error.child("error").child("text", xml.NS_STANZAS).text == "nobody here"
    with pytest.raises(core.InvalidArgument):
        error.error("service-unavailable")


@pytest.mark.parametrize("text", ["", "<message>", "<message/><message/>", "<!DOCTYPE x><message/>", "<m&/>", b"<m>\xff</m>"])
def test_malformed(text):
    with pytest.raises(core.Malformed):
        Stanza.parse(text)


def test_an_element_keeps_its_stanza():
    st = Stanza.parse("<message><a><b x='1'/></a></message>")
    b, gone = st.child("a").child("b"), weakref.ref(st)
    del st
    gc.collect()
    assert gone() is not None and b.get("x") == "1"
    del b
    gc.collect()
    assert gone() is None


def test_setting_nonsense():
    st = Stanza("message")
    with pytest.raises(core.InvalidArgument):
        st.type = StanzaType.OTHER
    with pytest.raises(ValueError):
        st.id = "a\0b"
    with pytest.raises(ValueError):
        st.to = "@"
