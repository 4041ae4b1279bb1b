"""A node on asyncio: plain sockets, one Protocol a connection. TLS and WebSocket are the library's own.

    async with Server(node) as server:
        await server.listen("127.0.0.1", 5222)
        await server.serve_forever()

Any loop will do: all that this file needs of one is sockets, call_soon and call_at.
"""
import asyncio
import contextlib
from typing import Any

from ._abi import Role
from .conn import Connection
from .core import NEVER, SECONDS, Error, ImpError, LimitReached, StateError, error, report
from .node import Node

__all__ = ["Role", "Server"]

#: Seconds that a connection that is over waits for its peer to close, so that the last words arrive.
LINGER = 2.0
_HIGH_WATER = 256 * 1024


class _Transport(asyncio.Protocol):
    """A socket and its connection."""

    def __init__(self, server: "Server", role: Role, options: dict[str, Any]):
        self.server, self.role, self.options = server, role, options
        self.conn: Connection | None = None
        self.blocked = False      # the socket's buffer is full: output waits in the library, which has a bound for it
        self.reading, self.eof = True, False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.set_write_buffer_limits(_HIGH_WATER)
        name = transport.get_extra_info("peername")
        try:
            self.conn = self.server.node.accept(self.role, name[0] if isinstance(name, tuple) else None, **self.options)
        except ImpError as e:       # too many, or the node is closed
            transport.abort()
            if not isinstance(e, LimitReached):
                report(e, "Server")
            return
        self.conn.data = self
        self.server._open.add(self)

    def data_received(self, data: bytes) -> None:
        if self.conn:
            self.conn.recv(data)
            self.server._touch(self)

    def eof_received(self) -> bool:
        self.eof = True
        if self.conn:
            self.conn.recv_eof()
            self.server._touch(self)
            return True       # there may be last words
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        conn, self.conn = self.conn, None
        self.server._open.discard(self)
        if conn:
            conn.close()
            self.server._touch()

    def pause_writing(self) -> None:
        self.blocked = True

    def resume_writing(self) -> None:
        self.blocked = False
        self.look()
        self.server._touch()

    def look(self) -> None:
        """Writes what there is, follows is_paused, and closes what is over."""
        conn = self.conn
        while conn and not self.blocked and (data := conn.take()):
            self.transport.write(data)
            conn = self.conn
        if not conn:
            return
        if conn.want_close and not conn.pending:
            self.end(conn)
        elif conn.is_paused == self.reading:
            self.reading = not self.reading
            (self.transport.resume_reading if self.reading else self.transport.pause_reading)()

    def end(self, conn: Connection) -> None:
        self.conn = None
        conn.close()
        self.server._touch()
        if not self.reading:
            self.transport.resume_reading()
        if self.eof or self.server._closing or not self.transport.can_write_eof():
            self.transport.close()
        else:
            with contextlib.suppress(OSError):      # the peer is gone
                self.transport.write_eof()
            self.server.loop.call_later(LINGER, self.transport.abort)


class Server:
    """Joins a node to the running event loop. The node and its store stay the host's to close."""

    def __init__(self, node: Node):
        self.node = node
        self.loop = asyncio.get_running_loop()
        self._open: set[_Transport] = set()
        self._touched: set[_Transport] = set()
        self._listeners: list[asyncio.Server] = []
        self._turn: asyncio.Handle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = NEVER
        self._closing = False
        node.on_write, node.on_turn = self._on_write, self._touch
        self._touch()

    async def __aenter__(self) -> "Server":
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def listen(self, host: str | None, port: int, role: Role = Role.C2S, *, allow_plaintext: bool = False,
                     proxy_protocol: bool = False, backlog: int = 1024) -> int:
        """Listens; `port` 0: any. Returns the port. Raises OSError."""
        if self._closing:
            raise StateError("the server is closed")
        options = {"allow_plaintext": allow_plaintext, "proxy_protocol": proxy_protocol}
        listener = await self.loop.create_server(lambda: _Transport(self, role, options), host, port, backlog=backlog)
        self._listeners.append(listener)
        return listener.sockets[0].getsockname()[1]

    async def serve_forever(self) -> None:
        """Until it is cancelled."""
        await asyncio.Event().wait()

    async def ready(self) -> None:
        """Waits until durable sessions of an earlier run are back."""
        while not self.node.is_ready:
            self._touch()
            await asyncio.sleep(0.005)

    async def set_account(self, username: str, password: str) -> None:
        """Creates an account or changes its password; returns when it is stored."""
        await self._outcome(self.node.set_account, username, password)

    async def ensure_account(self, username: str, password: str) -> None:
        """As set_account(), but an account that has this password already keeps its keys: for every start."""
        await self._outcome(self.node.ensure_account, username, password)

    async def delete_account(self, username: str) -> None:
        await self._outcome(self.node.delete_account, username)

    async def _outcome(self, function: Any, *args: Any) -> None:
        future: asyncio.Future[Error] = self.loop.create_future()

        def done(status: Error) -> None:
            if not future.done():
                future.set_result(status)

        function(*args, done)
        self._touch()
        status = await future
        if status < 0:
            raise error(status)

    async def close(self, timeout: float = 5.0) -> None:
        """Closes streams in good order, stops listening, and waits until all is sent and committed."""
        if self._closing:
            return
        self._closing = True
        for listener in self._listeners:
            listener.close()
        for transport in self._open:
            if not transport.conn:                  # lingers
                transport.transport.close()
        if not self.node.is_closed:
            self.node.shutdown()
            end = self.loop.time() + timeout
            while self.loop.time() < end:
                self._run_turn()
                if not self._open and self.node.stats().ops_pending == 0:
                    break
                await asyncio.sleep(0.005)
        for transport in list(self._open):
            transport.transport.abort()
        while self._open:
            await asyncio.sleep(0)
        for handle in (self._turn, self._timer):
            if handle:
                handle.cancel()
        self._turn = self._timer = None
        self.node.on_write = self.node.on_turn = None

    # ---- turns ----

    def _touch(self, transport: _Transport | None = None) -> None:
        """A turn is due, at the end of this iteration of the loop; everything that came in it shares it."""
        if transport:
            self._touched.add(transport)
        if not self._turn and not self.loop.is_closed():
            self._turn = self.loop.call_soon(self._run_turn)

    def _on_write(self, connection: Connection) -> None:
        if isinstance(connection.data, _Transport):     # others have no socket: they are the host's
            connection.data.look()

    def _run_turn(self) -> None:
        if self._turn:
            self._turn.cancel()
            self._turn = None
        if self.node.is_closed:
            return
        touched, self._touched = self._touched, set()
        self.node.handle_expiry()
        for transport in touched:
            transport.look()
        self._set_timer()

    def _set_timer(self) -> None:
        """One that is early enough stays: its turn sets the next."""
        expiry = self.node.expiry
        if self._timer and self._timer_at <= expiry:
            return
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if expiry != NEVER:
            delay = max(0, expiry - self.node.clock()) / SECONDS
            self._timer, self._timer_at = self.loop.call_later(delay, self._on_timer), expiry

    def _on_timer(self) -> None:
        self._timer = None
        self._run_turn()
