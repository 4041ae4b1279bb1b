"""A connection: bytes in, bytes out (imp/conn.h). Made by Node.accept()."""
import ctypes
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import _abi
from ._abi import Role
from ._lib import lib
from .core import Error, InvalidArgument, StateError, Unique, dec, enc, error, octets, raw, unsigned

if TYPE_CHECKING:
    from .node import Node

__all__ = ["ChannelBinding", "Connection", "Role"]

_PIECES = 16
_Pieces = _abi.imp_iovec * _PIECES


@dataclass(frozen=True)
class ChannelBinding:
    """Channel bindings of a TLS connection (RFC 5929, RFC 9266); empty: not there."""
    tls_exporter: bytes = b""
    tls_server_end_point: bytes = b""
    tls_unique: bytes = b""     #: TLS 1.2 only

    def _struct(self) -> _abi.imp_channel_binding:
        struct = _abi.imp_channel_binding(size=ctypes.sizeof(_abi.imp_channel_binding))
        struct._keep = []
        for name in ("tls_exporter", "tls_server_end_point", "tls_unique"):
            data = getattr(self, name)
            if data:
                buffer = ctypes.create_string_buffer(data, len(data))
                struct._keep.append(buffer)
                setattr(struct, name, ctypes.addressof(buffer))
                setattr(struct, name + "_len", len(data))
        return struct


class Connection(Unique):
    """One peer. Feed what you read to recv(); when the node's `on_write` names the connection, write what take() gives.

    When `want_close` is true and nothing is `pending`, close the transport and the connection.
    """

    def __init__(self, node: "Node", ptr: int):
        self._node, self._ptr, self._peeked = node, ptr, 0
        #: Anything of the host's.
        self.data: Any = None

    def _p(self) -> int:
        if not self._ptr:
            raise StateError("the connection is closed")
        self._node._not_in_log()
        return self._ptr

    def recv(self, data: bytes) -> bool:
        """Takes bytes, cut anywhere. False: the connection is over; write what there is and close it."""
        self._node._outside("recv")
        data = octets(data)
        return self._alive(lib.imp_conn_recv(self._p(), data, len(data), self._node.clock()))

    def recv_eof(self) -> bool:
        """The peer has closed its sending side."""
        self._node._outside("recv_eof")
        return self._alive(lib.imp_conn_recv_eof(self._p(), self._node.clock()))

    def _alive(self, rv: int) -> bool:
        if rv < 0 and rv != Error.CLOSED:
            raise error(rv, self.last_error)
        return rv >= 0

    @property
    def is_paused(self) -> bool:
        """The library wants no more bytes for now; `on_write` tells when that is over."""
        return bool(lib.imp_conn_is_paused(self._p()))

    def peek(self) -> list[bytes]:
        """Pending output, in pieces; say what was written with sent()."""
        pieces = _Pieces()
        n = lib.imp_conn_send_peekv(self._p(), pieces, _PIECES)
        shown = [raw(piece.base, piece.len) for piece in pieces[:n]]
        self._peeked = sum(map(len, shown))
        return shown

    def sent(self, length: int) -> None:
        """So many bytes of what was peeked at were written."""
        self._node._outside("sent")
        if unsigned(length, 63) > self._peeked:
            raise InvalidArgument(f"{length} bytes sent, of {self._peeked} that were shown")
        self._peeked -= length
        lib.imp_conn_send_done(self._p(), length, self._node.clock())

    def take(self) -> bytes:
        """Pending output, taken as written; b"" when there is none. Call until then."""
        data = b"".join(self.peek())
        if data:
            self.sent(len(data))
        return data

    @property
    def pending(self) -> int:
        """Bytes that wait to be written, before TLS."""
        return lib.imp_conn_pending(self._p())

    @property
    def want_close(self) -> bool:
        return bool(lib.imp_conn_want_close(self._p()))

    def end(self, condition: str | None = None) -> None:
        """Ends the stream in good order, or with a stream error (RFC 6120 §4.9.3)."""
        lib.imp_conn_close(self._p(), enc(condition), self._node.clock())
        self._node._submitted()

    def close(self) -> None:
        """Frees. A session with stream management hibernates, unless its stream was closed in good order."""
        if self._ptr:
            self._node._outside("close")
            now = ctypes.c_uint64(self._node.clock())       # if that fails, nothing has happened
            ptr, self._ptr = self._ptr, 0
            self._node._forget(ptr)
            lib.imp_conn_del(ptr, now)

    @property
    def is_closed(self) -> bool:
        return not self._ptr

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def peer(self) -> str:
        return dec(lib.imp_conn_get_peer(self._p()))

    @property
    def jid(self) -> str | None:
        """The full JID that is bound, None before."""
        return dec(lib.imp_conn_get_jid(self._p())) or None

    @property
    def is_secure(self) -> bool:
        return bool(lib.imp_conn_is_secure(self._p()))

    @property
    def last_error(self) -> str:
        """What ended the connection, in words."""
        return dec(lib.imp_conn_last_error(self._p()))


def params(role: int, peer: str | None, secure: bool, binding: ChannelBinding | None, certificate: bytes | None,
           allow_plaintext: bool, proxy_protocol: bool) -> _abi.imp_conn_params:
    struct = _abi.imp_conn_params(size=ctypes.sizeof(_abi.imp_conn_params), role=int(role), peer=enc(peer),
                                  secure=secure, allow_plaintext=allow_plaintext, proxy_protocol=proxy_protocol)
    if binding is not None:
        struct.binding = ctypes.pointer(binding._struct())
    if certificate:
        struct._keep = ctypes.create_string_buffer(octets(certificate), len(certificate))
        struct.peer_certificate, struct.peer_certificate_len = ctypes.addressof(struct._keep), len(certificate)
    return struct
