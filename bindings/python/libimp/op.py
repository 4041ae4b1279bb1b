"""Work that the host does, perhaps slowly (imp/op.h).

A callback that is asked for something simply returns it, or is a coroutine: then the library waits for it without
blocking. So hosts in Python rarely see an `Op`.
"""
import ctypes
import inspect
from dataclasses import dataclass
from typing import Any, Callable

from . import _abi
from ._lib import lib
from .core import (Denied, Error, InvalidArgument, StateError, Unique, check, code_of, enc, octets, raw, report, spawn,
                   unsigned)

__all__ = ["Credential", "Op"]

_KEY_LENGTHS = {"SHA-1": 20, "SHA-256": 32, "SHA-512": 64}


@dataclass(frozen=True)
class Credential:
    """What the library checks a user by: a password in the clear, or SCRAM keys (RFC 5802 §3), or both."""
    password: str | None = None
    hash: str | None = None       #: "SHA-1", "SHA-256" or "SHA-512"
    iterations: int = 0
    salt: bytes = b""
    stored_key: bytes = b""
    server_key: bytes = b""

    def _struct(self) -> _abi.imp_credential:
        length = _KEY_LENGTHS.get(self.hash or "", 0)
        if length and not len(self.stored_key) == len(self.server_key) == length:     # C knows how many there must be
            raise InvalidArgument(f"keys of {self.hash} have {length} bytes, not {len(self.stored_key)} and "
                                  f"{len(self.server_key)}")
        c = _abi.imp_credential(size=ctypes.sizeof(_abi.imp_credential), password=enc(self.password),
                                hash=enc(self.hash), iterations=unsigned(self.iterations), saltlen=len(self.salt))
        c._keep = [ctypes.create_string_buffer(b, len(b) or 1) for b in (self.salt, self.stored_key, self.server_key)]
        if self.hash:
            c.salt, c.stored_key, c.server_key = (ctypes.addressof(b) for b in c._keep)
        return c

    @classmethod
    def _of(cls, c: _abi.imp_credential) -> "Credential":
        hash = c.hash.decode() if c.hash else None
        length = _KEY_LENGTHS.get(hash or "", 0)
        return cls(c.password.decode() if c.password else None, hash, c.iterations,
                   raw(c.salt, c.saltlen), raw(c.stored_key, length), raw(c.server_key, length))


class Op(Unique):
    """A piece of the host's work. Must be done exactly once, some time, also if nobody waits any more."""
    __slots__ = ("_ptr",)

    def __init__(self, ptr: int):
        self._ptr: int | None = ptr

    def _p(self) -> int:
        if self._ptr is None:
            raise StateError("the op is done already")
        return self._ptr

    def add_row(self, key: bytes, value: bytes) -> None:
        """Adds a row to the result."""
        check(lib.imp_op_add_row(self._p(), octets(key), len(key), octets(value), len(value)))

    def set_credential(self, credential: Credential) -> None:
        check(lib.imp_op_set_credential(self._p(), ctypes.byref(credential._struct())))

    def done(self, status: int = Error.OK) -> None:
        ptr, self._ptr = self._p(), None
        lib.imp_op_done(ptr, int(status))

    @property
    def is_cancelled(self) -> bool:
        """Nobody waits any more."""
        return bool(lib.imp_op_is_cancelled(self._p()))

    @property
    def deadline(self) -> int:
        """The time by which the answer is wanted."""
        return lib.imp_op_deadline(self._p())


def answer(ptr: int, value: Any, give: Callable[[Op, Any], None], loop: Any = None) -> int:
    """Finishes an op with a value: at once, or when it is there, if it is awaitable. Returns what the callback returns."""
    op = Op(ptr)
    if inspect.isawaitable(value):
        spawn(_later(op, value, give), loop)
        return Error.PENDING
    give(op, value)
    op.done()
    return Error.OK


async def _later(op: Op, value: Any, give: Callable[[Op, Any], None]) -> None:
    status = int(Error.CANCELLED)   # unless it gets to an end
    try:
        give(op, await value)
        status = Error.OK
    except Exception as e:
        status = report(e, getattr(value, "__qualname__", "a coroutine"))
    except BaseException as e:
        status = code_of(e)
        raise
    finally:
        op.done(status)


def give_credential(op: Op, value: Any) -> None:
    """None: unknown. A password, a Credential, or several of these."""
    if value is None:
        raise Denied()
    for credential in [value] if isinstance(value, (str, Credential)) else value:
        op.set_credential(Credential(password=credential) if isinstance(credential, str) else credential)


def give_name(op: Op, value: Any) -> None:
    """None: refused. A user's local part."""
    if value is None:
        raise Denied()
    op.add_row(b"user", enc(value) or b"")
