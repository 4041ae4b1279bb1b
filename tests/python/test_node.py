"""A node without sockets: two clients, echo, stream management, sessions, statistics, and what a host may do wrong."""
import asyncio
import base64
import re

import pytest
from wire import HEAD, World

from libimp import (Credential, Error, LogArea, LogLevel, Mechanism, Node, Role, SessionEvent, SessionState, Settings,
                    Stanza, StanzaType, core, sasl, sm)
from libimp.sm import DropRule, Fate


@pytest.fixture
def world():
    with World() as world:
        for name in ("alice", "bob"):
            world.account(name)
        yield world
        ledger = world.node.stats().ledger
        assert ledger.balances and ledger.dropped.keys() == set(DropRule)


def message(to, body, id="m"):
    return f"<message to='{to}' type='chat' id='{id}'><body>{body}</body></message>"


def test_two_clients(world):
    alice, bob = world.client("alice"), world.client("bob")
    alice.send(message("bob@localhost", "hi &amp; hello"))
    assert "<body>hi &amp; hello</body>" in bob.got and "from='alice@localhost/r'" in bob.got
    bob.send(message(alice.jid, "back"))
    assert "<body>back</body>" in alice.got
    alice.send(message("nobody@localhost", "?"))
    assert "service-unavailable" in alice.got
    stats = world.node.stats()
    assert (stats.connections, stats.sessions, stats.users, stats.logins, stats.preauth) == (2, 2, 2, 2, 0)
    # the error that came back is a message, too
    assert stats.ledger.accepted == 4 and stats.ledger.now[Fate.HANDED_OVER] == 3 and stats.ledger.now[Fate.RETURNED] == 1


def test_handlers(world):
    node, seen = world.node, []

    @node.handle_jid("echo@localhost")
    def echo(st):
        seen.append(st)
        if st.body:
            node.reply_text(st, st.body.upper())

    alice = world.client("alice")
    alice.send(message("echo@localhost/x", "loud"))
    assert "<body>LOUD</body>" in alice.got and "from='echo@localhost" in alice.got
    st = seen[0]                                                    # kept beyond the call
    assert st.body == "loud" and str(st.from_) == alice.jid
    for change in (lambda: st.root.add("x"), lambda: setattr(st, "id", "n"), lambda: node.send(st)):
        with pytest.raises(core.StateError):
            change()
    node.handle_jid("echo@localhost", lambda st: seen.append("another"))
    alice.send(message("echo@localhost", "x"))
    assert seen[1:] == ["another"]
    node.handle_jid("echo@localhost", None)
    assert "service-unavailable" in alice.send(message("echo@localhost", "x"))
    with pytest.raises(core.NotFound):
        node.handle_jid("echo@localhost", None)
    with pytest.raises(core.InvalidArgument):
        node.handle_jid("echo@elsewhere.example", echo)
    assert node.last_error and not node._handlers


def test_iq(world):
    @world.node.handle_iq("urn:example:time")
    def time(st):
        reply = st.reply()
        reply.root.add("time", "urn:example:time", text="now")
        world.node.send(reply)

    alice = world.client("alice")
    answer = alice.send("<iq type='get' id='q' to='localhost'><time xmlns='urn:example:time'/></iq>")
    assert "type='result'" in answer and ">now</time>" in answer
    assert "urn:example:time" in alice.send("<iq type='get' id='d' to='localhost'>"
                                            "<query xmlns='http://jabber.org/protocol/disco#info'/></iq>")


def test_sending(world):
    alice = world.client("alice")
    st = Stanza.message(alice.jid, "news", type=StanzaType.HEADLINE)
    world.node.send(st)
    world.turn()
    assert "from='localhost'" in alice.got and "<body>news</body>" in alice.got
    with pytest.raises(core.StateError):
        st.id = "too late"
    with pytest.raises(core.InvalidArgument, match="to"):
        world.node.send(Stanza("message"))


@pytest.mark.reports
def test_exceptions_in_handlers(world, caplog):
    @world.node.handle_jid("echo@localhost")
    def broken(st):
        raise ZeroDivisionError("a fault of the host's")

    alice = world.client("alice")
    assert "internal-server-error" in alice.send(message("echo@localhost", "x"))
    assert "a fault of the host's" in caplog.text
    assert world.node.stats().ledger.now[Fate.REFUSED] == 1


@pytest.mark.reports
def test_what_is_reported(world, caplog):
    """An answer is passed on in silence; a mistake is not."""
    @world.node.handle_jid("echo@localhost")
    def handler(st):
        if st.body == "refuse":
            raise core.Denied("not you")
        world.node.send(Stanza("message"))

    alice = world.client("alice")
    assert "internal-server-error" in alice.send(message("echo@localhost", "refuse")) and not caplog.text
    assert "internal-server-error" in alice.send(message("echo@localhost", "mistake"))
    assert "no `to`" in caplog.text
    caplog.clear()

    @world.node.handle_jid("echo@localhost")
    async def coroutine(st):
        pass
    assert "internal-server-error" in alice.send(message("echo@localhost", "x"))
    assert "running event loop" in caplog.text


def test_what_is_forbidden_in_callbacks(world):
    tried = []

    @world.node.handle_jid("echo@localhost")
    def handler(st):
        for call in (world.node.turn, world.node.handle_expiry, world.node.close, alice.connection.close,
                     lambda: alice.connection.recv(b"x"), world.node.accept, world.node.shutdown):
            with pytest.raises(core.StateError, match="callback"):
                call()
            tried.append(call)
        assert world.node.sessions()[0].jid == alice.jid            # looking is fine

    alice = world.client("alice")
    alice.send(message("echo@localhost", "x"))
    assert len(tried) == 7


def test_resume(world):
    alice = world.client("alice")
    enabled = alice.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
    id = re.search(" id='([^']+)'", enabled)[1]
    events = []
    world.node.on_session(lambda event, info: events.append((event, info.jid)))
    alice.cut()
    assert events == [(SessionEvent.HIBERNATED, "alice@localhost/r")]
    info, = world.node.sessions("alice")
    assert (info.state, info.sm, info.peer, info.queued) == (SessionState.HIBERNATING, True, "", 0)
    bob = world.client("bob")
    bob.send(message("alice@localhost", "while you were out"))
    assert world.node.stats().ledger.now[Fate.IN_FLIGHT] == 1
    again = world.client("alice", login=False)
    assert "<success" in again.auth("alice", "secret")
    again.send(HEAD)
    got = again.send(f"<resume xmlns='urn:xmpp:sm:3' previd='{id}' h='0'/>")
    assert "<resumed" in got and "<body>while you were out</body>" in got
    assert events[-1] == (SessionEvent.RESUMED, "alice@localhost/r")
    again.send("<a xmlns='urn:xmpp:sm:3' h='1'/>")
    stats = world.node.stats()
    assert stats.sm.resumed == 1 and stats.ledger.now[Fate.IN_FLIGHT] == 0 and stats.ledger.now[Fate.ACKNOWLEDGED] == 1
    again.cut()
    bob.send(message("alice@localhost", "come back"))
    world.wait(61)
    assert events[-1] == (SessionEvent.ENDED, "alice@localhost/r")
    assert "<body>come back</body>" in bob.got and world.node.stats().ledger.now[Fate.RETURNED] == 1


def test_sessions(world):
    alice, bob = world.client("alice"), world.client("bob")
    assert sorted(s.jid for s in world.node.sessions()) == [alice.jid, bob.jid]
    info, = world.node.sessions("bob")
    assert (info.state, info.available, info.peer, info.secure, info.since) == (
        SessionState.CONNECTED, True, "127.0.0.1", False, 1_000_000_000)
    world.node.end_session(bob.jid, "policy-violation")
    world.turn()
    assert "<policy-violation" in bob.got and bob.connection.is_closed and world.node.sessions("bob") == []
    with pytest.raises(core.NotFound):
        world.node.end_session(bob.jid)
    world.node.shutdown()
    world.turn()
    assert "<system-shutdown" in alice.got and not world.node.connections


def test_credentials_from_the_host():
    keys = sasl.scram_keys("from keys", iterations=4096)
    answers = {"clear": "in the clear", "keys": keys, "both": [keys, Credential(password="from keys")]}
    with World(get_credential=answers.get, user_exists=lambda name: name in answers) as world:
        for name, password in (("clear", "in the clear"), ("keys", "from keys"), ("both", "from keys")):
            assert world.client(name, password=password).jid == f"{name}@localhost/r"
        assert "not-authorized" in world.client("clear", login=False).auth("clear", "guess")
        assert "not-authorized" in world.client("nobody", login=False).auth("nobody", "guess")
        assert world.node.stats().login_failures == 2
        clear = world.client("clear", "second", "in the clear")
        assert "service-unavailable" in clear.send(message("nobody@localhost", "x"))
        world.client("both", password="from keys").connection.close()
        assert "service-unavailable" not in clear.send(message("both@localhost", "kept"))


def test_credentials_from_a_coroutine():
    """Slow answers: nothing waits, and late ones are safe."""
    async def play():
        gate = asyncio.Event()

        async def look_up(name):
            await gate.wait()
            return {"alice": "secret"}.get(name)

        with World(get_credential=look_up) as world:
            alice, late = world.client("alice", login=False), world.client("late", login=False)
            assert alice.auth("alice", "secret") == "" == late.auth("late", "secret")
            assert world.node.stats().ops_pending == 2
            late.cut()
            gate.set()
            await asyncio.sleep(0.01)
            world.turn()
            assert "<success" in alice.got and world.node.stats().ops_pending == 0
            gate.clear()
            world.client("last", login=False).auth("last", "secret")
        gate.set()                                      # answers after the node is gone
        await asyncio.sleep(0.01)
    asyncio.run(play())


def test_tokens():
    with World(check_token=lambda name, token: "carol" if token == "sesame" else None) as world:
        for token, word in (("sesame", "<success"), ("guess", "<challenge")):
            # OAUTHBEARER wants TLS, or a host that says that it has seen to it
            client = world.client("carol", login=False)
            connection = world.node.accept(Role.C2S, secure=True)
            world.clients[connection] = client
            client.connection = connection
            client.send(HEAD)
            data = base64.b64encode(f"n,,\x01auth=Bearer {token}\x01\x01".encode()).decode()
            assert word in client.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='OAUTHBEARER'>"
                                       f"{data}</auth>")


def test_settings():
    for wrong in ({"op_timeout": 601}, {"domain": ""}, {"sm": sm.Settings(timeout=1)}, {"max_stanza_bytes": 5}):
        with pytest.raises((core.OutOfRange, core.InvalidArgument)) as e:
            Node(**{"domain": "localhost", **wrong})
        assert list(wrong)[0].split("_")[0] in str(e.value)
    with pytest.raises(AttributeError):
        Node("localhost", colour="red")
    settings = Settings(software="x", durable=1, mechanisms=Mechanism.PLAIN, sm=sm.Settings(timeout=90))
    assert (settings.software, settings.durable, settings.sm.timeout, settings.offline_max) == ("x", 1, 90, 1000)
    settings.sm = None
    with Node("example.org", settings=settings) as node:
        assert node.domain == "example.org" and "software='x'" in repr(settings)
        node.set_sm(sm.Settings(timeout=40))
        with pytest.raises(core.OutOfRange, match="timeout 10"):
            node.set_sm(sm.Settings(timeout=10))
        with pytest.raises(core.ImpError) as e:
            node.set_tls("no", "certificate")
        assert str(e.value)
        with pytest.raises(core.ImpError):
            node.tls_fingerprint


def test_tls(certificate):
    cert, key = (path.read_text() for path in certificate)
    with Node("localhost") as node:
        node.set_tls(cert, key)
        assert re.fullmatch("([0-9A-F]{2}:){31}[0-9A-F]{2}", node.tls_fingerprint)


def test_log_and_seeds():
    lines = []
    with World(log=lambda *line: lines.append(line), log_level=LogLevel.TRACE, random=lambda n: b"\7" * n,
               wallclock=lambda: 0) as world:
        world.account("alice")
        world.client("alice").send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
        assert "BwcHBw" in world.clients.popitem()[1].got
    assert lines and all(isinstance(a, LogArea) and isinstance(v, LogLevel) for a, v, _, _ in lines)
    assert any("alice@localhost" in subject for _, _, subject, _ in lines) and not any("secret" in t for *_, t in lines)


def test_use_after_close():
    world = World()
    world.account("alice")
    client, node = world.client("alice"), world.node
    node.close()
    node.close()
    connection = client.connection
    assert node.is_closed and connection.is_closed and node.expiry == core.NEVER
    for use in (node.turn, node.accept, node.stats, node.sessions, lambda: node.domain, lambda: node.set_account("a", "b"),
                lambda: node.send(Stanza.message("a@localhost", "x")), lambda: node.handle_jid("a@localhost", print),
                lambda: connection.recv(b"x"), connection.take, lambda: connection.jid, connection.end):
        with pytest.raises(core.StateError):
            use()
    connection.close()


def test_hostile_bytes(world):
    client = world.client("alice", login=False)
    client.send("<!DOCTYPE x [<!ENTITY a 'b'>]>")
    assert "stream:error" in client.got and client.connection.is_closed
    connection = world.node.accept(allow_plaintext=True)
    assert connection.recv(b"\xff\xff") is False and connection.want_close and connection.last_error
    connection.close()
    limited = Node("localhost", max_connections=1)
    limited.accept()
    with pytest.raises(core.LimitReached):
        limited.accept()
    limited.close()


def test_account_errors(world):
    with pytest.raises(core.ImpError):
        world.node.set_account("not a name", "secret")
    outcome = []
    world.node.delete_account("nobody", outcome.append)
    world.turn()
    assert outcome and isinstance(outcome[0], Error)
