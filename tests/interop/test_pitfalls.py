"""What implementations of XEP-0198 get wrong, one test each, with a client that counts for itself.

Counters beyond 2^32 cannot be reached from outside; tests/unit has them.
"""
import asyncio

import pytest

from conftest import scenario
from harness.raw import SM, STANZAS, Closed, body_of

CARBONS = "urn:xmpp:carbons:2"
CSI = "urn:xmpp:csi:0"
ERRORS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"
HOUR_GLASS = 2          # seconds a client asks for that does not mean to come back


def condition(failed):
    assert failed.tag == "{%s}failed" % SM, failed.tag
    return [child.tag.split("}")[1] for child in failed]


async def ends_with(client, error):
    with pytest.raises(Closed) as caught:
        await client._next()
    assert error in (caught.value.error or ""), caught.value.error


async def send_many(sender, to, first, count):
    for i in range(first, first + count):
        await sender.say(to, "n%d" % i)
    await sender.sync()


def numbers(first, last):
    return ["n%d" % i for i in range(first, last)]


# -- h ------------------------------------------------------------------------------------------

@scenario
async def test_h_above_what_was_sent_ends_the_stream(scene):
    client = await scene.raw().login()
    await client.sync()
    await client.ack(client.handled + 1000)
    await asyncio.wait_for(client.closed.wait(), 5)
    assert "undefined-condition" in client.stream_error
    assert "handled-count-too-high" in client.stream_error


@scenario
async def test_h_above_what_was_sent_on_resume_ends_the_stream(scene):
    client = await scene.raw().login()
    await client.sync()
    await client.cut()
    with pytest.raises(Closed) as caught:
        await client.try_resume(h=client.handled + 1000)
        raise Closed(client.stream_error)
    assert "handled-count-too-high" in (caught.value.error or client.stream_error or "")
    await client.cut()
    await client.resume()           # the session itself has not suffered
    await client.sync()


@scenario
async def test_an_old_h_again_is_no_error(scene):
    sender, client = await scene.raw().login(), await scene.raw(scene.me).login()
    await send_many(sender, client.jid, 0, 6)
    await client.expect(lambda: len(client.bodies()) == 6)
    for h in (client.handled, 1, 0, client.handled):
        await client.ack(h)
    await client.sync()
    await client.cut()
    await client.resume()
    await client.sync()
    assert client.bodies() == numbers(0, 6)


@scenario
async def test_every_stanza_received_counts_the_invalid_too(scene):
    client = await scene.raw().login()
    for odd in ("<iq type='get'/>", "<iq type='nonsense' id='1'/>", "<iq type='result' id='x'/>",
                "<message to='@@@'><body>?</body></message>", "<presence to='a b@c d'/>",
                "<message/>", "<presence type='probe'/>", "<iq type='set' id='2'/>",
                "<message to='nobody@nowhere.invalid'><body>!</body></message>"):
        await client.send(odd)
    await client.sync()
    assert client.server_h == client.sent


@scenario
async def test_every_stanza_sent_counts(scene):
    """Answers, errors, carbons and messages alike: what the client counted is what a resumption
    takes for granted, so nothing comes twice and nothing is missing."""
    sender, client = await scene.raw().login(), await scene.raw(scene.me).login()
    other = await scene.raw(scene.me, "other").login()
    await client.query("<enable xmlns='%s'/>" % CARBONS, kind="set")
    await client.query("<ping xmlns='urn:xmpp:ping'/>", to=scene.server.domain)
    await client.query("<query xmlns='unheard:of'/>", to=scene.server.domain)
    await other.say(sender.jid, "carbon")
    await send_many(sender, client.jid, 0, 3)
    await client.send("<presence type='unavailable'/>")
    await client.send("<presence/>")
    await client.expect(lambda: len(client.bodies()) == 3)
    await client.sync()
    await asyncio.sleep(0.3)
    before = len(client.inbox)
    await client.ack()
    await client.cut()
    await client.resume()
    await client.sync()
    await asyncio.sleep(0.3)
    assert len(client.inbox) == before, "something was sent again"


# -- resumption -----------------------------------------------------------------------------------

@scenario
async def test_resumed_twice_and_never_after_a_clean_close(scene):
    sender, client = await scene.raw().login(), await scene.raw(scene.me).login()
    for i in range(3):
        await client.cut()
        await send_many(sender, client.jid, i, 1)
        await client.resume()
        await client.expect(lambda: client.bodies() == numbers(0, i + 1))
    await client.close()
    assert "item-not-found" in condition(await client.try_resume())


@pytest.mark.parametrize("resume", ["", " resume='false'", " resume='0'"])
def test_not_resumable_when_not_asked_for(server, resume):
    @scenario
    async def play(scene):
        client = scene.raw()
        await client.open()
        await client.authenticate()
        await client.bind()
        await client.raw("<enable xmlns='%s'%s/>" % (SM, resume))
        enabled = await client._next()
        assert enabled.tag == "{%s}enabled" % SM
        assert enabled.get("resume") not in ("true", "1")
        previd = enabled.get("id") or "none"
        await client.cut()
        assert "item-not-found" in condition(await client.try_resume(previd=previd))
    play(server)


@scenario
async def test_max_is_granted_up_to_the_setting(scene):
    for asked, granted in ((None, "60"), (5, "5"), (100000, "60")):
        client = await scene.raw(resource="m%s" % asked).login(max_s=asked)
        assert client.sm_max == granted


@scenario
async def test_anothers_session_is_not_found(scene):
    victim, thief = await scene.raw(scene.me).login(), scene.raw()
    await victim.sync()
    await victim.cut()
    failed = await thief.try_resume(previd=victim.sm_id, h=0)
    assert condition(failed) == ["item-not-found"]
    assert failed.get("h") is None, "tells that the session exists"
    await victim.resume()
    await victim.sync()


@scenario
async def test_ids_are_long_and_unique(scene):
    ids = {(await scene.raw(resource="r%d" % i).login()).sm_id for i in range(8)}
    assert len(ids) == 8 and all(len(i) >= 22 for i in ids)


@scenario
async def test_taking_over_a_connection_that_still_looks_alive(scene):
    sender, client = await scene.raw().login(), await scene.raw(scene.me).login()
    await send_many(sender, client.jid, 0, 2)
    await client.expect(lambda: len(client.bodies()) == 2)
    old_reader, old_writer, old_task = client._reader, client._writer, client._task
    old_task.cancel()
    await send_many(sender, client.jid, 2, 2)
    await client.resume()
    await client.expect(lambda: client.bodies() == numbers(0, 4))
    farewell = await asyncio.wait_for(old_reader.read(-1), 5)
    assert b"<conflict" in farewell
    old_writer.transport.abort()
    await asyncio.sleep(0.3)        # the old connection's end must not end the new one
    await send_many(sender, client.jid, 4, 2)
    await client.expect(lambda: client.bodies() == numbers(0, 6))
    await client.cut()
    await client.resume()
    await client.sync()


@scenario
async def test_a_refused_resume_tells_what_was_handled(scene):
    client = await scene.raw(scene.me).login(max_s=1)
    sender = await scene.raw().login()
    for i in range(3):
        await client.say(sender.jid, "n%d" % i)
    await client.sync()
    await client.cut()
    await asyncio.sleep(2.5)
    failed = await client.try_resume()
    assert condition(failed) == ["item-not-found"]
    assert failed.get("h") == "4"   # presence and three messages
    await client.bind()             # and the stream can go on
    await client.enable()


@scenario
async def test_history_that_is_gone_and_a_timeout_that_still_runs(scene):
    """A client that needs more than the buffer holds cannot resume; trying does not keep its
    session alive, and every message has a fate: stored offline or returned."""
    sender = await scene.raw().login()
    client = await scene.raw(scene.me, auto_ack=False).login(max_s=HOUR_GLASS)
    await client.expect(lambda: client.inbox or client.handled == 0)
    await client.cut()
    await send_many(sender, client.jid, 0, 130)
    for _ in range(3):
        attempt = await client.try_resume(h=0)
        assert condition(attempt) == ["item-not-found"]
        await client.cut()
        await asyncio.sleep(0.3)
    await asyncio.sleep(HOUR_GLASS + 0.7)
    again = await scene.raw(scene.me, "again").login()
    returned = [body_of(s) for s in sender.inbox if s.get("type") == "error"]
    await again.expect(lambda: len(again.bodies()) + len(returned) >= 130)
    assert sorted(again.bodies() + returned) == sorted(numbers(0, 130))


@scenario
async def test_resume_after_bind_is_refused(scene):
    client = await scene.raw().login()
    await client.raw("<resume xmlns='%s' previd='x' h='0'/>" % SM)
    await client.expect(lambda: client.closed.is_set() or client.nonzas)
    assert client.closed.is_set() or condition(client.nonzas[0])[0] == "unexpected-request"


@scenario
async def test_binding_anew_inherits_the_old_queue(scene):
    sender, client = await scene.raw().login(), await scene.raw(scene.me).login()
    await send_many(sender, client.jid, 0, 3)
    await client.expect(lambda: len(client.bodies()) == 3)
    await client.ack()
    await client.sync()
    await client.cut()
    await send_many(sender, client.jid, 3, 3)
    again = await scene.raw(scene.me).login()
    await again.expect(lambda: again.bodies() == numbers(3, 6))
    await send_many(sender, client.jid, 6, 1)
    await again.expect(lambda: again.bodies() == numbers(3, 7))
    assert not [s for s in sender.inbox if s.get("type") == "error"]


# -- fates ----------------------------------------------------------------------------------------

@scenario
async def test_what_was_not_acknowledged_in_time_is_returned(scene):
    sender = await scene.raw().login()
    client = await scene.raw(scene.me, auto_ack=False).login(max_s=1)
    await sender.say(client.jid, "seen, not acknowledged", ident="a1")
    await client.expect(lambda: client.bodies())
    await client.cut()
    await sender.say(client.jid, "sent into the gap", ident="a2")
    await sender.say(client.jid, "news", ident="a3", kind="headline")
    await sender.send("<message to='%s' type='error' id='a4'><body>e</body></message>" % client.jid)
    await sender.expect(lambda: len(sender.inbox) >= 2, 6)
    await asyncio.sleep(0.5)
    errors = [s for s in sender.inbox if s.tag == STANZAS[0]]
    assert [(s.get("id"), s.get("type"), body_of(s)) for s in errors] == [
        ("a1", "error", "seen, not acknowledged"), ("a2", "error", "sent into the gap")]
    assert all(s.find(".//%sservice-unavailable" % ERRORS) is not None for s in errors)
    await sender.say(client.jid.split("/")[0], "after the timeout")
    await sender.sync()
    again = await scene.raw(scene.me).login()
    await again.expect(lambda: again.bodies() == ["after the timeout"])
    late = next(s for s in again.inbox if body_of(s))
    assert late.find("{urn:xmpp:delay}delay") is not None


@scenario
async def test_what_is_sent_again_keeps_its_ids(scene):
    sender = await scene.raw().login()
    client = await scene.raw(scene.me, auto_ack=False).login()
    await sender.say(client.jid, "again", ident="same")
    await client.expect(lambda: client.bodies())
    client.handled = 0              # as if nothing had ever been read
    await client.cut()
    await client.resume()
    await client.expect(lambda: len(client.bodies()) == 2)
    first, second = [s for s in client.inbox if body_of(s)]
    sid = "{urn:xmpp:sid:0}stanza-id"
    assert first.get("id") == second.get("id") == "same"
    assert [e.get("id") for e in first.findall(sid)] == [e.get("id") for e in second.findall(sid)]


@scenario
async def test_an_offline_flood_larger_than_the_buffer(scene):
    """450 messages wait. A client that acknowledges gets them all, in order, on one connection."""
    sender = await scene.raw().login()
    for start in range(0, 450, 50):
        await send_many(sender, scene.jid(scene.me), start, 50)
    client = await scene.raw(scene.me).login()
    await client.expect(lambda: len(client.bodies()) == 450, 20)
    assert client.bodies() == numbers(0, 450)
    assert client.stream_error is None


@scenario
async def test_a_flood_to_a_client_that_does_not_acknowledge(scene):
    """It is not thrown out and gets the rest once it acknowledges, over any number of cuts."""
    sender = await scene.raw().login()
    for start in range(0, 250, 50):
        await send_many(sender, scene.jid(scene.me), start, 50)
    client = await scene.raw(scene.me, auto_ack=False).login()
    await client.expect(lambda: len(client.bodies()) >= 50)
    await asyncio.sleep(0.5)
    assert not client.closed.is_set() and len(client.bodies()) <= 150
    await client.cut()
    client.auto_ack = True
    await client.resume()
    await client.ack()
    await client.expect(lambda: len(client.bodies()) >= 250, 15)
    assert client.bodies() == numbers(0, 250)


# -- <r/> -----------------------------------------------------------------------------------------

@scenario
async def test_requests_are_answered_at_once(scene):
    client = await scene.raw().login()
    for _ in range(5):
        await client.say(scene.jid(scene.peer_name), "to myself")
        await client.sync(timeout=1)


@scenario
async def test_one_request_outstanding_at_a_time(scene):
    """One, and one more when the buffer is half full."""
    sender = await scene.raw().login()
    client = await scene.raw(scene.me, auto_ack=False).login()
    await send_many(sender, client.jid, 0, 40)
    await client.expect(lambda: len(client.bodies()) == 40)
    assert client.requests == 1
    await send_many(sender, client.jid, 40, 40)
    await client.expect(lambda: len(client.bodies()) == 80)
    assert client.requests <= 2


@scenario
async def test_no_request_loop_with_a_client_that_counts_wrongly(scene):
    sender = await scene.raw().login()
    client = await scene.raw(scene.me, auto_ack=False).login()
    await send_many(sender, client.jid, 0, 10)
    await client.expect(lambda: client.requests)
    for _ in range(50):             # never gets beyond 3
        await client.ack(3)
    await client.sync()
    await asyncio.sleep(0.3)
    assert client.requests <= 4


@scenario
async def test_no_request_chatter_to_an_inactive_client(scene):
    sender, client = await scene.raw().login(), await scene.raw(scene.me).login()
    await client.raw("<inactive xmlns='%s'/>" % CSI)
    await client.sync()
    before = client.requests
    await send_many(sender, client.jid, 0, 30)
    await client.expect(lambda: len(client.bodies()) == 30)
    assert client.requests - before <= 1
    await client.cut()
    await client.resume()           # and it is inactive still
    await client.sync()
    before = client.requests
    await send_many(sender, client.jid, 30, 30)
    await client.expect(lambda: len(client.bodies()) == 60)
    assert client.requests - before <= 2


# -- state ----------------------------------------------------------------------------------------

@scenario
async def test_carbons_and_presence_survive_resumption(scene):
    sender, client = await scene.raw().login(), await scene.raw(scene.me).login()
    other = await scene.raw(scene.me, "other").login()
    await client.query("<enable xmlns='%s'/>" % CARBONS, kind="set")
    await client.sync()
    await client.cut()
    await client.resume()
    await other.say(sender.jid, "carbon")
    await client.expect(lambda: any(s.find("{%s}sent" % CARBONS) is not None
                                    for s in client.inbox))
    await other.close()
    await sender.say(scene.jid(scene.me), "to the bare address")
    await client.expect(lambda: "to the bare address" in client.bodies())


@scenario
async def test_a_storm_of_resumptions(scene):
    sender = await scene.raw().login()
    clients = await asyncio.gather(*[
        scene.raw("%s-%d" % (scene.me, i)).login() for i in range(40)])
    for client in clients:
        await client.cut()
    for client in clients:
        await sender.say(client.jid, "n0")
    await sender.sync()
    await asyncio.gather(*[client.resume() for client in clients])
    for client in clients:
        await client.expect(lambda: client.bodies() == ["n0"])


@scenario
async def test_hibernating_sessions_of_one_user_are_capped(scene):
    clients = []
    for i in range(12):
        clients.append(await scene.raw(scene.me, "r%d" % i).login())
        await clients[-1].sync()
        await clients[-1].cut()
        await asyncio.sleep(0.05)
    assert "item-not-found" in condition(await clients[0].try_resume())
    await clients[-1].resume()
    await clients[-1].sync()
