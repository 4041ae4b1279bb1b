"""Stream management inside SASL2 (XEP-0388) and Bind 2 (XEP-0386), element by element."""
import base64
import xml.etree.ElementTree as ET

from conftest import scenario
from harness.raw import SM, STREAM, body_of

SASL2 = "urn:xmpp:sasl:2"
BIND2 = "urn:xmpp:bind:0"
SM_FEATURE = "{%s}sm" % SM
ENABLE = "<enable xmlns='%s' resume='true'/>" % SM


async def authenticate(client, inline, password=None):
    """PLAIN with what is to happen in the same exchange. Returns <success/> or <failure/>."""
    features = await client.open()
    offered = features.find("{%s}authentication" % SASL2)
    assert offered is not None
    assert "PLAIN" in [m.text for m in offered.iter("{%s}mechanism" % SASL2)]
    token = base64.b64encode(("\0%s\0%s" % (client.user, password or client.server.password))
                             .encode()).decode()
    await client.raw("<authenticate xmlns='%s' mechanism='PLAIN'><initial-response>%s"
                     "</initial-response><user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'>"
                     "<software>interop</software></user-agent>%s</authenticate>"
                     % (SASL2, token, inline))
    return await client._next()


def bind2(inside="", tag="interop"):
    return "<bind xmlns='%s'><tag>%s</tag>%s</bind>" % (BIND2, tag, inside)


def resume(client, h=None, previd=None):
    return "<resume xmlns='%s' previd='%s' h='%d'/>" % (
        SM, previd or client.sm_id, client.handled if h is None else h)


def begin(client, success):
    """Takes the bound JID and the new session's id from <success/>."""
    enabled = success.find("{%s}bound/{%s}enabled" % (BIND2, SM))
    client.jid = success.findtext("{%s}authorization-identifier" % SASL2)
    client.sm_id = enabled.get("id")
    client.handled = client.sent = client.server_h = 0
    client.unacked = []
    client._sm_in = client._sm_out = True


@scenario
async def test_bound_and_enabled_in_one_exchange(scene):
    client = scene.raw(scene.me)
    success = await authenticate(client, bind2(ENABLE))
    assert success.tag == "{%s}success" % SASL2, ET.tostring(success)
    begin(client, success)
    assert client.jid.startswith(scene.jid(scene.me) + "/interop"), client.jid
    features = await client._next()
    assert features.tag == "{%s}features" % STREAM
    assert features.find(SM_FEATURE) is None, "<sm/> is offered after inline enabling"
    client.go_on()
    await client.send("<presence/>")
    await client.sync()
    await client.cut()
    await client.resume()           # and resumable in the old way
    await client.sync()


@scenario
async def test_sm_can_still_be_enabled_after_bind2_without_it(scene):
    client = scene.raw(scene.me)
    success = await authenticate(client, bind2())
    client.jid = success.findtext("{%s}authorization-identifier" % SASL2)
    features = await client._next()
    assert features.find(SM_FEATURE) is not None
    await client.enable()
    client.go_on()
    await client.send("<presence/>")
    await client.sync()


@scenario
async def test_an_inline_resume_ignores_bind_and_sends_no_features(scene):
    sender = await scene.raw().login()
    client = scene.raw(scene.me)
    begin(client, await authenticate(client, bind2(ENABLE)))
    await client._next()            # features
    client.go_on()
    await client.send("<presence/>")
    await client.sync()
    await client.cut()
    for i in range(3):
        await sender.say(client.jid, "n%d" % i)
    await sender.sync()
    success = await authenticate(client, resume(client) + bind2(ENABLE))
    resumed = success.find("{%s}resumed" % SM)
    assert resumed is not None, ET.tostring(success)
    assert success.find("{%s}bound" % BIND2) is None
    assert success.findtext("{%s}authorization-identifier" % SASL2) == client.jid
    client.accept_resumed(resumed)
    await client.expect(lambda: client.bodies() == ["n0", "n1", "n2"])
    await client.sync()
    assert not [e for e in client.nonzas if e.tag == "{%s}features" % STREAM], "features followed"


@scenario
async def test_a_failed_inline_resume_goes_on_to_bind(scene):
    sender = await scene.raw().login()
    client = scene.raw(scene.me)
    begin(client, await authenticate(client, bind2(ENABLE)))
    await client._next()
    success = await authenticate(client, resume(client, previd="no-such-session") + bind2(ENABLE))
    failed = success.find("{%s}failed" % SM)
    assert failed is not None and failed[0].tag.endswith("item-not-found")
    begin(client, success)
    assert (await client._next()).tag == "{%s}features" % STREAM
    client.go_on()
    await client.send("<presence/>")
    await client.sync()
    await sender.say(client.jid, "hello")
    await client.expect(lambda: client.bodies() == ["hello"])


@scenario
async def test_anothers_session_is_not_found_inline(scene):
    victim = await scene.raw().login()
    await victim.sync()
    await victim.cut()
    thief = scene.raw(scene.me)
    success = await authenticate(thief, resume(thief, previd=victim.sm_id, h=0) + bind2(ENABLE))
    failed = success.find("{%s}failed" % SM)
    assert failed is not None and failed.get("h") is None
    await victim.resume()
    await victim.sync()


@scenario
async def test_carbons_inline(scene):
    sender = await scene.raw().login()
    other = await scene.raw(scene.me, "other").login()
    client = scene.raw(scene.me)
    begin(client, await authenticate(
        client, bind2(ENABLE + "<enable xmlns='urn:xmpp:carbons:2'/>")))
    await client._next()
    client.go_on()
    await client.send("<presence/>")
    await client.sync()
    await other.say(sender.jid, "elsewhere")
    await client.expect(lambda: [s for s in client.inbox
                                 if s.find("{urn:xmpp:carbons:2}sent") is not None])


@scenario
async def test_a_wrong_password_is_refused(scene):
    client = scene.raw(scene.me)
    failure = await authenticate(client, bind2(ENABLE), password="wrong")
    assert failure.tag == "{%s}failure" % SASL2
    assert failure[0].tag.endswith("not-authorized")
    assert body_of(failure) is None
