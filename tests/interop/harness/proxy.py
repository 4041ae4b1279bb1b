"""A TCP relay that breaks links in chosen ways. Runs in the test's own event loop."""
import asyncio
import socket
import struct


def _reset(writer):
    """Close with RST: the peer learns at once, and nothing in flight is delivered."""
    sock = writer.get_extra_info("socket")
    if sock is not None:
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
    writer.transport.abort()


class Proxy:
    """Relays `address:port` to `address:target`.

    swallow("up" | "down")  what is sent from now on in that direction vanishes
    freeze() / thaw()       nothing passes, nothing closes: a half-dead link
    refuse(True | False)    new connections are reset at once
    cut()                   resets both ends and ends swallowing
    cut(server_too=False)   resets the client's end only; the server still believes in its own
    """

    def __init__(self, address, port, target):
        self.address, self.port, self.target = address, port, target
        self.connections = 0
        self._live = set()
        self._swallow = {"up": False, "down": False}
        self._go = asyncio.Event()
        self._go.set()
        self._refuse = False
        self._server = None

    async def start(self):
        self._server = await asyncio.start_server(self._relay, self.address, self.port)
        return self

    async def stop(self):
        self.cut()
        for pair in list(self._orphans):
            _reset(pair)
        self._server.close()
        await self._server.wait_closed()

    _orphans = ()

    def swallow(self, direction):
        self._swallow[direction] = True

    def freeze(self):
        self._go.clear()

    def thaw(self):
        self._go.set()

    def refuse(self, on):
        self._refuse = on

    def cut(self, server_too=True):
        for client, server in list(self._live):
            _reset(client)
            if server_too:
                _reset(server)
            else:
                self._orphans = (*self._orphans, server)
        self._live.clear()
        self._swallow = {"up": False, "down": False}

    async def _pump(self, reader, writer, direction, pair):
        try:
            while data := await reader.read(65536):
                await self._go.wait()
                if pair in self._live and not self._swallow[direction]:
                    writer.write(data)
                    await writer.drain()
        except OSError:
            if pair in self._live:
                _reset(writer)
            return
        if pair in self._live and writer.can_write_eof():
            writer.write_eof()

    async def _relay(self, reader, writer):
        if self._refuse:
            return _reset(writer)
        try:
            up_reader, up_writer = await asyncio.open_connection(self.address, self.target)
        except OSError:
            return _reset(writer)
        pair = (writer, up_writer)
        self._live.add(pair)
        self.connections += 1
        try:
            await asyncio.gather(self._pump(reader, up_writer, "up", pair),
                                 self._pump(up_reader, writer, "down", pair))
        except OSError:
            pass
        if pair in self._live:
            self._live.discard(pair)
            writer.close()
            up_writer.close()
