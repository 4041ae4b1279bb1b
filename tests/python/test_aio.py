"""A node on asyncio, and a real client (slixmpp) over TLS."""
import asyncio
import ssl

import pytest
import slixmpp
from stores import SlowStore

from libimp import Credential, Node, Role, SessionEvent, SessionState, Stanza, core, sm
from libimp.aio import Server
from libimp.sm import Fate
from libimp.sqlite import SqliteStore


class Slix(slixmpp.ClientXMPP):
    """A client that trusts the certificate of the test, and gathers what it gets."""

    def __init__(self, jid, password, certificate, port, direct=False):
        super().__init__(jid, password)
        self.loop = asyncio.get_running_loop()
        self.ca_certs = str(certificate)
        self.enable_direct_tls, self.enable_starttls, self.enable_plaintext = direct, not direct, False
        self.port, self.got, self.events = port, [], {}
        self.register_plugin("xep_0198")
        for name in ("session_start", "session_resumed", "disconnected", "failed_auth", "message", "sm_enabled"):
            self.events[name] = asyncio.Event()
            self.add_event_handler(name, lambda _, name=name: self.events[name].set())
        self.add_event_handler("message", lambda m: self.got.append(m["body"]))

    def go(self):
        for event in self.events.values():
            event.clear()
        self.connect(("127.0.0.1", self.port), use_ssl=self.enable_direct_tls)

    async def online(self):
        self.go()
        await self.seen("session_start")
        await self.seen("sm_enabled")
        self.send_presence()
        return self

    async def seen(self, name):
        await asyncio.wait_for(self.events[name].wait(), 10)

    async def until(self, condition):
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.005)


def make_node(certificate, **options):
    node = Node("localhost", **options)
    node.set_tls(*(path.read_bytes() for path in certificate))

    @node.handle_jid("echo@localhost")
    async def echo(st):                             # a coroutine will do, too
        await asyncio.sleep(0)
        if st.body:
            node.reply_text(st, st.body)
    return node


async def test_login_echo_resume(certificate):
    with make_node(certificate) as node:
        events = []
        node.on_session(lambda event, info: events.append(event))
        async with Server(node) as server:
            port = await server.listen("127.0.0.1", 0)
            await server.set_account("alice", "secret")
            alice = await Slix("alice@localhost/r", "secret", certificate[0], port).online()
            for i in range(50):
                alice.send_message("echo@localhost", f"number {i}", mtype="chat")
            await alice.until(lambda: len(alice.got) == 50)
            assert alice.got == [f"number {i}" for i in range(50)]
            info, = node.sessions()
            assert info.jid == "alice@localhost/r" and info.secure and info.sm and info.peer == "127.0.0.1"

            alice.transport.abort()                 # the link is lost
            await alice.until(lambda: node.sessions()[0].state == SessionState.HIBERNATING)
            node.send(Stanza.message("alice@localhost", "while you were out"))
            alice.go()
            await alice.seen("session_resumed")
            await alice.until(lambda: "while you were out" in alice.got)
            await alice.until(lambda: node.stats().ledger.now[Fate.IN_FLIGHT] == 0 or alice.plugin["xep_0198"].request_ack())
            assert len(alice.got) == 51 and events[:3] == [SessionEvent.OPENED, SessionEvent.HIBERNATED, SessionEvent.RESUMED]
            stats = node.stats()
            assert stats.sm.resumed == 1 and stats.logins == 2 and stats.ledger.balances
            alice.disconnect()
            await alice.seen("disconnected")
            await alice.until(lambda: node.stats().connections == 0)


async def test_direct_tls_and_wrong_password(certificate):
    with make_node(certificate) as node:
        async with Server(node) as server:
            port = await server.listen("127.0.0.1", 0, Role.C2S_TLS)
            await server.set_account("alice", "secret")
            alice = await Slix("alice@localhost/r", "secret", certificate[0], port, direct=True).online()
            alice.send_message("echo@localhost", "direct", mtype="chat")
            await alice.until(lambda: alice.got == ["direct"])
            wrong = Slix("alice@localhost/x", "guess", certificate[0], port, direct=True)
            wrong.go()
            await wrong.seen("failed_auth")
            alice.disconnect()
            wrong.abort()
            await alice.seen("disconnected")


async def test_credentials_looked_up_slowly_and_a_slow_store(certificate):
    async def look_up(name):
        await asyncio.sleep(0.01)
        return Credential(password="sesame") if name == "ali" else None

    async def exists(name):
        await asyncio.sleep(0.01)
        return name == "ali"

    with make_node(certificate, get_credential=look_up, user_exists=exists) as node:
        node.set_store(SlowStore())
        async with Server(node) as server:
            port = await server.listen("127.0.0.1", 0)
            ali = await Slix("ali@localhost/r", "sesame", certificate[0], port).online()
            ali.send_message("ali@localhost", "note to myself", mtype="chat")
            ali.send_message("nobody@localhost", "?", mtype="chat")
            await ali.until(lambda: "note to myself" in ali.got and len(ali.got) == 2)
            ali.disconnect()
            await ali.seen("disconnected")


async def test_durable(certificate, tmp_path):
    """A session outlives its node: the next one, on the same file, resumes it."""
    options = {"durable": True, "sm": sm.Settings(timeout=90)}
    loop, port = asyncio.get_running_loop(), 0
    with SqliteStore(tmp_path / "echo.db", loop) as store, make_node(certificate, **options) as node:
        node.set_store(store)
        async with Server(node) as server:
            await server.ready()
            port = await server.listen("127.0.0.1", port)
            await server.set_account("alice", "secret")
            alice = await Slix("alice@localhost/r", "secret", certificate[0], port).online()
            await alice.until(lambda: node.sessions()[0].available)
            alice.transport.abort()
            await alice.until(lambda: node.sessions()[0].state == SessionState.HIBERNATING)
            commits = node.stats().commits
            node.send(Stanza.message("alice@localhost", "kept"))
            await alice.until(lambda: node.stats().commits > commits and node.stats().ops_pending == 0)
            server._listeners[0].close()
            node.turn()
            node.close()                            # no shutdown: as if it had been killed
    with SqliteStore(tmp_path / "echo.db", loop) as store, make_node(certificate, **options) as node:
        node.set_store(store)
        async with Server(node) as server:
            await server.ready()
            assert node.sessions()[0].queued >= 1
            await server.listen("127.0.0.1", port)
            alice.go()
            await alice.seen("session_resumed")
            await alice.until(lambda: alice.got == ["kept"])
            alice.disconnect()
            await alice.seen("disconnected")


async def test_a_slow_reader_is_bounded(certificate):
    """Whoever does not read costs a bounded amount of memory."""
    with Node("localhost", max_output_bytes=65536, mechanisms=1) as node:
        async with Server(node) as server:
            port = await server.listen("127.0.0.1", 0, allow_plaintext=True)
            await server.set_account("slow", "secret")
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=4096)
            head = (b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
                    b"to='localhost' version='1.0'>")
            writer.write(head + b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHNsb3cAc2VjcmV0</auth>")
            await reader.readuntil(b"<success")
            writer.write(head + b"<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq><presence/>")
            await reader.readuntil(b"</bind>")
            for i in range(2000):
                node.send(Stanza.message("slow@localhost", "x" * 10000))
                if i % 10 == 0:
                    await asyncio.sleep(0)
                if not node.sessions():
                    break
            assert i < 1999 and not node.sessions()
            writer.close()


async def test_shutdown_tells_everybody(certificate):
    with make_node(certificate) as node:
        server = Server(node)
        port = await server.listen("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' "
                     b"version='1.0'>")
        await reader.readuntil(b"</stream:features>")
        await server.close()
        await server.close()
        assert b"system-shutdown" in await reader.read()
        writer.close()
        with pytest.raises(OSError):
            await asyncio.open_connection("127.0.0.1", port)
    with pytest.raises(core.StateError):
        node.stats()


async def test_the_certificate_is_ours(certificate):
    with make_node(certificate) as node:
        async with Server(node) as server:
            port = await server.listen("127.0.0.1", 0, Role.C2S_TLS)
            context = ssl.create_default_context(cafile=certificate[0])
            _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
            assert writer.get_extra_info("ssl_object").version() == "TLSv1.3"
            writer.close()


async def test_connections_without_a_socket():
    """A node on asyncio may have connections of another kind beside: the host looks after them."""
    with Node("localhost") as node:
        async with Server(node):
            connection = node.accept(Role.C2S, allow_plaintext=True)
            connection.recv(b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
                            b"to='localhost' version='1.0'>")
            node.turn()
            assert b"<stream:features>" in connection.take()
