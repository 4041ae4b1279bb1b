"""A scripted XMPP client on a plain socket that does its own stream management.

No library decides anything here: the test knows exactly which stanza was sent, handled and
acknowledged, in both directions. One object lives through many connections (`connect`, `cut`,
`resume`), so its counters are those of the session, not of a connection.
"""
import asyncio
import base64
import socket
import ssl
import struct
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

CLIENT = "jabber:client"
SM = "urn:xmpp:sm:3"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
TLS = "urn:ietf:params:xml:ns:xmpp-tls"
BIND = "urn:ietf:params:xml:ns:xmpp-bind"
STREAM = "http://etherx.jabber.org/streams"
STANZAS = ("{%s}message" % CLIENT, "{%s}presence" % CLIENT, "{%s}iq" % CLIENT)
MOD = 1 << 32
STEPS = 20          # seconds that a login may take on a busy machine


def body_of(stanza):
    return stanza.findtext("{%s}body" % CLIENT)


class Closed(Exception):
    """The connection ended; `error` holds a stream error's condition, if there was one."""

    def __init__(self, error=None):
        super().__init__(error or "connection closed")
        self.error = error


class RawClient:
    """auto_ack: answer <r/> at once. handle=False counts stanzas as unhandled (never in `h`)."""

    def __init__(self, server, user, resource="raw", port=None, mode="direct", auto_ack=True):
        self.server, self.user, self.resource = server, user, resource
        self.mode = mode
        self.port = port or server.port_for(mode)
        self.auto_ack = auto_ack
        self.jid = None
        self.sm_id = None
        self.sm_max = None
        self.location = None
        self.handled = 0            # our h: stanzas received since <enabled/>
        self.sent = 0               # stanzas sent since <enable/>
        self.server_h = 0           # highest h the server told us
        self.unacked = []           # (number, text) sent and not yet covered by server_h
        self.inbox = []             # every stanza, in order of arrival
        self.requests = 0           # <r/> received
        self.nonzas = []            # everything else
        self.resumed = 0
        self.stream_error = None
        self.closed = asyncio.Event()
        self._sm_in = self._sm_out = False
        self._changed = asyncio.Event()
        self._reader = self._writer = self._task = None
        self._ids = 0

    # -- connection -------------------------------------------------------------------------

    async def open(self):
        """TCP and TLS, up to the first features."""
        self.stream_error = None
        self.closed = asyncio.Event()
        self._sm_in = self._sm_out = False
        context = ssl.create_default_context(cafile=self.server.ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.mode == "direct":
            self._reader, self._writer = await asyncio.open_connection(
                self.server.address, self.port, ssl=context, server_hostname=self.server.domain)
        else:
            self._reader, self._writer = await asyncio.open_connection(
                self.server.address, self.port)
        features = await self._restart()
        if self.mode == "starttls":
            await self._write("<starttls xmlns='%s'/>" % TLS)
            assert (await self._next()).tag == "{%s}proceed" % TLS
            await self._writer.start_tls(context, server_hostname=self.server.domain)
            features = await self._restart()
        return features

    async def authenticate(self, password=None):
        """PLAIN; returns the features that follow."""
        token = "\0%s\0%s" % (self.user, password or self.server.password)
        await self._write("<auth xmlns='%s' mechanism='PLAIN'>%s</auth>"
                          % (SASL, base64.b64encode(token.encode()).decode()))
        answer = await self._next()
        if answer.tag != "{%s}success" % SASL:
            raise AssertionError("authentication refused: " + ET.tostring(answer).decode())
        return await self._restart()

    async def bind(self):
        await self._write("<iq type='set' id='bind'><bind xmlns='%s'><resource>%s</resource>"
                          "</bind></iq>" % (BIND, self.resource))
        answer = await self._next()
        assert answer.get("type") == "result", ET.tostring(answer)
        self.jid = answer.findtext(".//{%s}jid" % BIND)

    async def login(self, sm=True, resume=True, presence="<presence/>", max_s=None):
        """Everything up to initial presence (None: send none)."""
        async with asyncio.timeout(STEPS):
            await self.open()
            await self.authenticate()
            await self.bind()
            if sm:
                await self.enable(resume, max_s)
        self._task = asyncio.create_task(self._run())
        if presence:
            await self.send(presence)
        return self

    async def enable(self, resume=True, max_s=None):
        await self._write("<enable xmlns='%s'%s%s/>" % (
            SM, " resume='true'" if resume else "", " max='%d'" % max_s if max_s else ""))
        answer = await self._next_nonza()
        assert answer.tag == "{%s}enabled" % SM, ET.tostring(answer)
        self.handled = self.sent = self.server_h = 0
        self.unacked = []
        self._sm_in = self._sm_out = True
        self.sm_id, self.sm_max = answer.get("id"), answer.get("max")
        self.location = answer.get("location")
        return answer

    async def try_resume(self, previd=None, h=None):
        """Connects anew and asks to resume; returns the server's answer as an element."""
        async with asyncio.timeout(STEPS):
            await self.open()
            await self.authenticate()
            await self._write("<resume xmlns='%s' previd=%s h='%d'/>" % (
                SM, quoteattr(previd or self.sm_id), self.handled if h is None else h))
            return await self._next()

    async def resume(self):
        """Must succeed. Sends again what the server has not seen, as XEP-0198 asks."""
        answer = await self.try_resume()
        if answer.tag != "{%s}resumed" % SM:
            raise AssertionError("not resumed: " + ET.tostring(answer).decode())
        self.accept_resumed(answer)
        again = [text for _, text in self.unacked]
        for text in again:
            await self._write(text)
        return again

    async def return_(self):
        """Resumes, or binds the same resource anew on the same stream if that is refused. Returns
        whether it resumed."""
        answer = await self.try_resume()
        if answer.tag == "{%s}resumed" % SM:
            self.accept_resumed(answer)
            return True
        assert answer.tag == "{%s}failed" % SM, ET.tostring(answer)
        await self.bind()
        await self.enable()
        self.go_on()
        await self.send("<presence/>")
        return False

    def accept_resumed(self, answer):
        assert answer.get("previd") == self.sm_id
        self._sm_in = self._sm_out = True
        self.resumed += 1
        self._acked(int(answer.get("h")))
        self._task = asyncio.create_task(self._run())

    def go_on(self):
        """After `open`, `authenticate`, `bind` by hand: start reading."""
        self._task = asyncio.create_task(self._run())

    async def cut(self):
        """RST, at once."""
        if self._writer is None:
            return
        if self._task:
            self._task.cancel()
            self._task = None
        sock = self._writer.get_extra_info("socket")
        if sock is not None and sock.fileno() >= 0:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()
        self._writer = None

    async def close(self):
        """A clean end: a last acknowledgement, then </stream:stream> both ways."""
        if self._task is None or self.closed.is_set():
            return await self.cut()
        try:
            if self._sm_in and self.auto_ack:
                await self.ack()
            await self._write("</stream:stream>")
            await asyncio.wait_for(self.closed.wait(), 5)
        except (OSError, Closed, asyncio.TimeoutError):
            pass
        await self.cut()

    # -- sending ----------------------------------------------------------------------------

    async def send(self, text):
        """One stanza; counted when stream management is on."""
        if self._sm_out:
            self.sent += 1
            self.unacked.append((self.sent, text))
        await self._write(text)

    async def say(self, to, body, ident=None, kind="chat"):
        self._ids += 1
        ident = ident or "%s-%d" % (self.user, self._ids)
        await self.send("<message to=%s type='%s' id=%s><body>%s</body></message>" % (
            quoteattr(to), kind, quoteattr(ident), escape(body)))
        return ident

    async def query(self, payload, to=None, kind="get", timeout=10):
        """An IQ and its answer."""
        self._ids += 1
        ident = "q-%s-%d" % (self.user, self._ids)
        await self.send("<iq type='%s' id='%s'%s>%s</iq>" % (
            kind, ident, " to=%s" % quoteattr(to) if to else "", payload))
        return (await self.expect(lambda: [s for s in self.inbox if s.tag == STANZAS[2]
                                           and s.get("id") == ident], timeout))[0]

    async def raw(self, text):
        await self._write(text)

    async def request(self):
        await self._write("<r xmlns='%s'/>" % SM)

    async def ack(self, h=None):
        await self._write("<a xmlns='%s' h='%d'/>" % (SM, self.handled if h is None else h))

    async def sync(self, timeout=10):
        """Returns when the server has acknowledged everything sent so far."""
        await self.request()
        await self.expect(lambda: not self.unacked, timeout)

    # -- receiving --------------------------------------------------------------------------

    def bodies(self):
        return [body_of(s) for s in self.inbox if s.tag == STANZAS[0] and body_of(s)
                and s.get("type") != "error"]

    async def expect(self, condition, timeout=10):
        """Waits until `condition()` is true and returns it. (A childless element is not.)"""
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout
        while not (value := condition()):
            if (left := end - loop.time()) <= 0:
                raise AssertionError("%s/%s waited %s s in vain; stream error %s; bodies %s"
                                     % (self.user, self.resource, timeout, self.stream_error,
                                        [body[:40] for body in self.bodies()[-20:]]))
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), min(left, 1))
            except asyncio.TimeoutError:
                pass
        return value

    async def _run(self):
        try:
            while True:
                element = await self._next()
                await self._take(element)
        except (Closed, OSError):
            pass
        finally:
            self.closed.set()
            self._changed.set()

    async def _take(self, element):
        if element.tag in STANZAS:
            self._count(element)
        elif element.tag == "{%s}r" % SM:
            self.requests += 1
            if self.auto_ack:
                await self.ack()
        elif element.tag == "{%s}a" % SM:
            self._acked(int(element.get("h")))
        else:
            self.nonzas.append(element)
        self._changed.set()

    def _count(self, element):
        self.inbox.append(element)
        if self._sm_in:
            self.handled = (self.handled + 1) % MOD

    def _acked(self, h):
        assert (h - self.server_h) % MOD <= len(self.unacked), "server acknowledged too much"
        self.server_h = h
        while self.unacked and (h - self.unacked[0][0]) % MOD < MOD // 2:
            self.unacked.pop(0)

    async def _next_nonza(self):
        while True:
            element = await self._next()
            if element.tag not in STANZAS:
                return element
            self._count(element)

    # -- stream -----------------------------------------------------------------------------

    async def _restart(self):
        self._parser = ET.XMLPullParser(("start", "end"))
        self._depth = 0
        self._ready = []
        await self._write("<?xml version='1.0'?><stream:stream to='%s' version='1.0' "
                          "xmlns='%s' xmlns:stream='%s'>" % (self.server.domain, CLIENT, STREAM))
        features = await self._next()
        assert features.tag == "{%s}features" % STREAM, ET.tostring(features)
        return features

    async def _write(self, text):
        if self._writer is None:
            raise Closed()
        self._writer.write(text.encode())
        await self._writer.drain()

    async def _next(self):
        while not self._ready:
            data = await self._reader.read(65536)
            if not data:
                raise Closed(self.stream_error)
            self._parser.feed(data)
            self._collect()
        element = self._ready.pop(0)
        if element is None:
            raise Closed()
        if element.tag == "{%s}error" % STREAM:
            self.stream_error = ",".join(child.tag.split("}")[1] for child in element)
            raise Closed(self.stream_error)
        return element

    def _collect(self):
        for event, element in self._parser.read_events():
            if event == "start":
                self._depth += 1
                if self._depth == 1:
                    self._root = element
            else:
                self._depth -= 1
                if self._depth == 1:
                    self._ready.append(element)
                    self._root.remove(element)
                elif self._depth == 0:
                    self._ready.append(None)
