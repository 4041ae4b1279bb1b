"""HTTP that the host does for the library (imp/sys/http.h): calendars need it.

    class Urllib(Http):
        async def request(self, request, answer):
            ...
            return Response(200, [("Content-Type", "text/xml")], body)
"""
import ctypes
from abc import ABC, abstractmethod
from asyncio import AbstractEventLoop
from dataclasses import dataclass, field
from typing import Any, Awaitable

from . import _abi
from ._abi import HttpAuth as Auth
from ._lib import lib
from .core import Registry, callback, check, dec, enc, octets, raw
from .op import Op, answer as finish

__all__ = ["Answer", "Auth", "Http", "Request", "Response"]


@dataclass(frozen=True)
class Request:
    """What is asked for. See imp_http_request for each member."""
    method: str
    url: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | None = field(default=None, repr=False)
    auth: Auth = Auth.NONE
    username: str | None = None
    secret: str | None = field(default=None, repr=False)
    confidential: bool = False
    affinity: str | None = None
    stream: bool = False
    idle_timeout: int = 0          #: milliseconds
    body_max: int = 0              #: bytes; 0: no bound
    ca_file: str | None = None
    proxy: str | None = None

    @classmethod
    def _of(cls, r: Any) -> "Request":
        def text(data: bytes | None) -> str | None:
            return None if data is None else dec(data)
        fields = [(dec(r.fields[i].name), dec(r.fields[i].value)) for i in range(r.nfields)]
        return cls(dec(r.method), dec(r.url), fields, raw(r.body, r.bodylen) if r.body else None, Auth(r.auth),
                   text(r.username), text(r.secret), bool(r.confidential), text(r.affinity), bool(r.stream),
                   r.idle_timeout, r.body_max, text(r.ca_file), text(r.proxy))


@dataclass(frozen=True)
class Response:
    """A whole response, of whatever status."""
    status: int
    fields: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""


class Answer:
    """Feeds a response piece by piece. What is raised here (core.Cancelled, core.TooBig, …) means: no more of it."""

    def __init__(self, op: Op):
        self._op = op

    def status(self, status: int) -> None:
        check(lib.imp_http_status(self._op._p(), status))

    def header(self, name: str, value: str) -> None:
        n, v = enc(name) or b"", enc(value) or b""
        check(lib.imp_http_header(self._op._p(), n, len(n), v, len(v)))

    def body(self, data: bytes) -> None:
        check(lib.imp_http_body(self._op._p(), octets(data), len(data)))

    def error(self, text: str) -> None:
        """Says why there will be no response; then raise core.Unavailable, core.Denied or core.TimedOut."""
        lib.imp_http_error(self._op._p(), enc(text))

    @property
    def is_cancelled(self) -> bool:
        return self._op.is_cancelled

    @property
    def deadline(self) -> int:
        return self._op.deadline

    def _whole(self, response: Response) -> None:
        self.status(response.status)
        for name, value in response.fields:
            self.header(name, value)
        if response.body:
            self.body(response.body)


class Http(ABC):
    """To do HTTP in Python."""
    #: For logs.
    name: str = "python"
    #: Where coroutines run; None: on the event loop that is running.
    loop: AbstractEventLoop | None = None

    @abstractmethod
    def request(self, request: Request, answer: Answer) -> Response | None | Awaitable[Response | None]:
        """Does a request; may be a coroutine. Returns the response, or None after it was fed to `answer`."""

    def _door(self) -> tuple[Any, int]:
        """The vtable and its context. Both live as long as this object."""
        if "_vtable" not in self.__dict__:
            self._number = _clients.add(self)
            self._vtable = _abi.imp_http(ctypes.sizeof(_abi.imp_http), enc(self.name), _start)
        return ctypes.pointer(self._vtable), self._number

    def __del__(self) -> None:
        if "_number" in self.__dict__:
            _clients.pop(self._number)


_clients = Registry(weak=True)


@callback(_abi.imp_http_start)
def _start(ctx, op, request):
    client = _clients.get(ctx)

    def give(o: Op, value: Any) -> None:
        if value is not None:
            Answer(o)._whole(value)
    value = client.request(Request._of(request.contents), Answer(Op(op)))
    return finish(op, value, give, client.loop)
