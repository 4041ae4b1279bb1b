"""What is asked of every client. Each property raises AssertionError when it does not hold."""
import asyncio

from .raw import body_of

SETTLE = 0.6        # long enough for a stanza sent twice to show itself


def _exactly(got, expected, who):
    assert got == expected, "%s got %s instead of %s" % (who, got, expected)


async def login(scene, mode, mech=None):
    """Logs in, says something to a peer and hears the answer. Returns the mechanism taken."""
    peer = await scene.raw().login()
    client = await scene.client(mode=mode, mech=mech)
    await client.say(scene.jid(scene.peer_name), "l1", "knock")
    await peer.expect(lambda: "knock" in peer.bodies())
    await peer.say(client.jid(), "who is there")
    await client.expect("answer", lambda: "who is there" in client.bodies())
    taken = client.last("mech")
    assert not mech or taken == mech, "asked for %s, took %s" % (mech, taken)
    return taken or "its choice"


async def chat(scene):
    """Many messages each way, in order, once; and the echo bot, where there is one."""
    peer = await scene.raw().login()
    client = await scene.client()
    count = 4 if client.name == "go-sendxmpp" else 20
    there = ["there-%d" % i for i in range(count)]
    back = ["back-%d" % i for i in range(count)]
    for i in range(count):
        await client.say(peer.jid, "c%d" % i, there[i])
        await peer.say(client.jid(), back[i])
    await peer.expect(lambda: len(peer.bodies()) >= count)
    await client.expect("all messages", lambda: len(client.bodies()) >= count)
    await asyncio.sleep(SETTLE)
    _exactly(peer.bodies(), there, "the peer")
    _exactly(client.bodies(), back, "the client")
    if scene.server.has_echo and client.hears_answers:
        await client.say(scene.jid("echo"), "e1", "is anybody there")
        await client.expect("echo", lambda: any("is anybody there" in b for b in client.bodies()))


async def carbons(scene):
    """What another resource of the same account sends and receives is seen, once."""
    peer = await scene.raw().login()
    other = await scene.raw(scene.me, "other").login()
    client = await scene.client()
    await client.enable_carbons()
    await asyncio.sleep(SETTLE)
    await other.say(peer.jid, "sent elsewhere")
    await peer.expect(lambda: "sent elsewhere" in peer.bodies())
    await peer.say(other.jid, "received elsewhere")
    await client.expect("both carbons", lambda: len(client.carbons_seen()) >= 2)
    await asyncio.sleep(SETTLE)
    _exactly(client.carbons_seen(), ["sent elsewhere", "received elsewhere"], "the client")
    _exactly(other.bodies(), ["received elsewhere"], "the addressee")


async def resume_downstream(scene, mode, half_dead=False):
    """The server sends again what was lost with the link. Twice over, since a resumed stream can
    be resumed, where the client tries that. half_dead: the server does not learn of the cut, the
    resumption takes over."""
    proxy = await scene.proxy(mode)
    peer = await scene.raw().login()
    client = await scene.client(mode=mode, port=proxy.port)
    jid = client.jid()
    expected = []

    async def say(text):
        expected.append(text)
        await peer.say(jid, text)

    for i in range(7):
        await say("before-%d" % i)
    await client.expect("first messages", lambda: len(client.bodies()) == 7)
    for n in range(client.resumptions_in_a_row):
        proxy.swallow("down")
        for i in range(3):
            await say("lost-%d-%d" % (n, i))
        await peer.sync()
        await asyncio.sleep(0.2)
        proxy.refuse(True)
        proxy.cut(server_too=not half_dead)
        for i in range(3):
            await say("gap-%d-%d" % (n, i))
        await peer.sync()
        proxy.refuse(False)
        await client.reconnect()
        await client.expect("resumption", lambda: client.resumptions() > n, 30)
        await say("after-%d" % n)
        await client.expect("what was lost", lambda: len(client.bodies()) >= len(expected))
        await asyncio.sleep(SETTLE)
        _exactly(client.bodies(), expected, "the client")
    errors = [body_of(s) for s in peer.inbox if s.get("type") == "error"]
    assert not errors, "the peer got errors for %s" % errors


async def resume_upstream(scene, mode):
    """The client sends again what the server never read; what it had read arrives once."""
    proxy = await scene.proxy(mode)
    peer = await scene.raw().login()
    client = await scene.client(mode=mode, port=proxy.port)
    expected = []

    async def say(text):
        expected.append(text)
        await client.say(peer.jid, "u%d" % len(expected), text)

    for i in range(7):
        await say("before-%d" % i)
    await peer.expect(lambda: len(peer.bodies()) == 7)
    for n in range(client.resumptions_in_a_row):
        proxy.swallow("up")
        for i in range(3):
            await say("swallowed-%d-%d" % (n, i))
        await asyncio.sleep(0.5)
        proxy.cut()
        await client.reconnect()
        await client.expect("resumption", lambda: client.resumptions() > n, 30)
        await say("after-%d" % n)
        await peer.expect(lambda: len(peer.bodies()) >= len(expected))
        await asyncio.sleep(SETTLE)
        _exactly(peer.bodies(), expected, "the peer")


async def rebind(scene, mode):
    """A client that binds its resource anew instead of resuming: the new session gets what the
    old one still owed, in order, and no sender is told that anything failed."""
    proxy = await scene.proxy(mode)
    peer = await scene.raw().login()
    client = await scene.client(mode=mode, port=proxy.port)
    expected = []

    async def say(text):
        expected.append(text)
        await peer.say(client.jid(), text)

    for n in range(2):
        await say("before-%d" % n)
        await client.expect("a message", lambda: expected[-1] in client.bodies())
        proxy.swallow("down")
        for i in range(3):
            await say("lost-%d-%d" % (n, i))
        await peer.sync()
        await asyncio.sleep(0.2)
        logins = client.count("online")
        proxy.cut()
        await client.expect("return", lambda: client.count("online") > logins, 30)
    await say("after")
    await client.expect("everything", lambda: set(expected) <= set(client.bodies()))
    assert client.count("sm", "enabled") == 2, "the client resumed again after all"
    first = list(dict.fromkeys(client.bodies()))
    _exactly(first, expected, "the client (first copies)")
    errors = [body_of(s) for s in peer.inbox if s.get("type") == "error"]
    assert not errors, "the peer got errors for %s" % errors


async def fast(scene):
    """SASL2 (XEP-0388) with Bind 2 and a token (XEP-0484): the second login needs no password,
    and the session is resumed in the same exchange."""
    proxy = await scene.proxy("starttls")
    peer = await scene.raw().login()
    client = await scene.client(mode="starttls", port=proxy.port)
    first = next(e for e in client.events if e[0] == "mech")
    assert first[2] == "urn:xmpp:sasl:2", "logged in by %s" % (first,)
    proxy.cut()
    await peer.say(client.jid(), "meanwhile")
    await client.expect("resumption", lambda: client.resumptions() == 1, 30)
    taken = client.last("mech")
    assert taken.startswith("HT-"), "came back by %s" % taken
    await client.expect("message", lambda: client.bodies() == ["meanwhile"])
    return "%s, then %s" % (first[1], taken)


async def survive_kill(scene, mode):
    """kill -9 of a server with durable sessions: to the client it is a lost link."""
    server = scene.server
    peer = await scene.raw().login()
    client = await scene.client(mode=mode)
    expected = ["before-%d" % i for i in range(7)]
    for body in expected:
        await peer.say(client.jid(), body)
    await client.expect("first messages", lambda: client.bodies() == expected)
    await peer.sync()
    for n in range(client.resumptions_in_a_row):
        for i in range(4):
            expected.append("late-%d-%d" % (n, i))
            await peer.say(client.jid(), expected[-1])
        await asyncio.to_thread(server.kill)
        await peer.cut()
        await asyncio.to_thread(server.restart)
        await peer.resume()
        await client.reconnect()
        await client.expect("resumption", lambda: client.resumptions() > n, 30)
        await client.say(peer.jid, "k%d" % n, "back-%d" % n)
        await peer.expect(lambda: "back-%d" % n in peer.bodies())
        await client.expect("everything", lambda: len(client.bodies()) >= len(expected))
        await asyncio.sleep(SETTLE)
        _exactly(list(dict.fromkeys(client.bodies())), expected, "the client")
