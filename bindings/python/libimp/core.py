"""What every room shares: errors, time, log, and how Python functions are called from C (imp/core.h)."""
import asyncio
import atexit
import ctypes
import itertools
import logging
import time
import weakref
from typing import Any, Awaitable, Callable, Coroutine

from . import _abi
from ._abi import Error, LogArea, LogLevel
from ._lib import lib

__all__ = [
    "Cancelled", "CallbackFailed", "Closed", "Conflict", "Corrupt", "Denied", "Error", "Exists", "ImpError",
    "InvalidArgument", "LimitReached", "LogArea", "LogLevel", "Malformed", "NEVER", "NoMemory", "NotFound", "OutOfRange",
    "Pending", "SECONDS", "StateError", "TimedOut", "TooBig", "Unavailable", "Unsupported", "now", "version",
]

#: No deadline (IMP_TSTAMP_NEVER).
NEVER: int = _abi.IMP_TSTAMP_NEVER
#: Time is in nanoseconds.
SECONDS: int = _abi.IMP_SECONDS

#: Where exceptions in callbacks are reported.
log = logging.getLogger("libimp")


# ---- errors ----

class ImpError(Exception):
    """An error of the library. `code` is the number (an `Error`, if it is known), the text says what was wrong and where."""
    code: int = Error.INVALID_ARGUMENT

    def __init__(self, text: str = "", code: int | None = None):
        if code is not None:
            self.code = code
        super().__init__(text or strerror(self.code))

    @property
    def is_fatal(self) -> bool:
        """Nothing but closing is legal on the object that raised it."""
        return bool(lib.imp_error_is_fatal(int(self.code)))


class InvalidArgument(ImpError, ValueError):
    code = Error.INVALID_ARGUMENT


class OutOfRange(ImpError, ValueError):
    """A setting is outside its range: the text names setting, value and range."""
    code = Error.RANGE


class StateError(ImpError):
    """Not now: the object is in a state that forbids the call; it may be closed, or in the midst of a callback."""
    code = Error.STATE


class Gone(StateError):
    """C calls back for an object that Python has let go."""


class NotFound(ImpError, LookupError):
    code = Error.NOT_FOUND


class Exists(ImpError):
    code = Error.EXISTS


class Pending(ImpError):
    code = Error.PENDING


class TooBig(ImpError, ValueError):
    code = Error.TOO_BIG


class Cancelled(ImpError):
    code = Error.CANCELLED


class TimedOut(ImpError):
    code = Error.TIMEOUT


class Denied(ImpError):
    """Not permitted; for credentials: wrong or unknown."""
    code = Error.DENIED


class Unavailable(ImpError):
    """A service of the host is down; trying again may help."""
    code = Error.UNAVAILABLE


class Malformed(ImpError, ValueError):
    """Input that breaks its grammar."""
    code = Error.MALFORMED


class LimitReached(ImpError):
    code = Error.LIMIT


class Unsupported(ImpError):
    code = Error.UNSUPPORTED


class Conflict(ImpError):
    code = Error.CONFLICT


class NoMemory(ImpError, MemoryError):
    code = Error.NOMEM


class Closed(ImpError):
    """The connection has ended."""
    code = Error.CLOSED


class CallbackFailed(ImpError):
    """A callback raised an exception; the exception itself was reported to the logger `libimp`."""
    code = Error.CALLBACK


class Corrupt(ImpError):
    """Stored data is not what was stored."""
    code = Error.CORRUPT


_CLASSES: dict[int, type[ImpError]] = {int(c.code): c for c in (
    InvalidArgument, OutOfRange, StateError, NotFound, Exists, Pending, TooBig, Cancelled, TimedOut, Denied, Unavailable,
    Malformed, LimitReached, Unsupported, Conflict, NoMemory, Closed, CallbackFailed, Corrupt)}


def strerror(code: int) -> str:
    """An error in words."""
    return lib.imp_strerror(int(code)).decode()


def error(code: int, text: str = "") -> ImpError:
    """The exception for an error code."""
    return _CLASSES.get(int(code), ImpError)(text, code if int(code) not in _CLASSES else None)


def check(rv: int, text: str | Callable[[], str] = "") -> int:
    """Raises what a negative result stands for; returns the others."""
    if rv < 0:
        raise error(rv, text() if callable(text) else text)
    return rv


def version() -> str:
    """The version of the C library that is loaded."""
    return lib.imp_version().decode()


def now() -> int:
    """The clock that objects use unless they are given another: monotonic, in nanoseconds."""
    return time.monotonic_ns()


# ---- text ----

def enc(text: str | bytes | None) -> bytes | None:
    """Text for C. A NUL would cut it short unnoticed: it is refused."""
    if text is None:
        return None
    if not isinstance(text, (str, bytes)):
        raise TypeError(f"text is wanted, not {type(text).__name__}")
    data = text.encode() if isinstance(text, str) else text
    if b"\0" in data:
        raise InvalidArgument(f"text with a NUL in it: {text!r}")
    return data


def need(text: str | bytes) -> bytes:
    """Text for C that may not be left out."""
    if text is None:
        raise TypeError("text is required, not None")
    return enc(text) or b""


def octets(data: bytes) -> bytes:
    """Bytes for C. ctypes would take a str for an array of wide characters."""
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"bytes are wanted, not {type(data).__name__}")
    return bytes(data)


def to_call(fn: Any) -> Any:
    """What is to be called later: now is the time to say that it cannot be."""
    if not callable(fn):
        raise TypeError(f"{fn!r} cannot be called")
    return fn


def unsigned(value: int, bits: int = 32) -> int:
    """A number for C, which would wrap it."""
    if not 0 <= value < 1 << bits:
        raise OutOfRange(f"{value}: must be 0 to {(1 << bits) - 1}")
    return value


def dec(data: bytes | None) -> str:
    """Text from C; nothing is ""."""
    return "" if data is None else data.decode("utf-8", "replace")


def raw(pointer: int | None, length: int) -> bytes:
    """Bytes from C."""
    return ctypes.string_at(pointer, length) if pointer and length else b""


# ---- callbacks ----
#
# C knows Python objects by numbers. The functions that C calls are made once, at import, and live as long as the
# process: nothing that C might still call is ever collected.

class Registry:
    """Numbers for objects, held weakly or not. 0 is never given."""

    def __init__(self, weak: bool = False):
        self._weak = weak
        self._objects: dict[int, Any] = {}
        self._numbers = itertools.count(1)

    def add(self, thing: Any) -> int:
        number = next(self._numbers)
        self._objects[number] = weakref.ref(thing) if self._weak else thing
        return number

    def get(self, number: int | None) -> Any:
        thing = self._objects.get(number or 0)
        if self._weak and thing is not None:
            thing = thing()
        if thing is None:
            raise Gone("called back for an object that is closed")
        return thing

    def pop(self, number: int | None) -> Any:
        return self._objects.pop(number or 0, None)

    def __len__(self) -> int:
        return len(self._objects)


def code_of(e: BaseException) -> int:
    """The error code that an exception in a callback turns into."""
    if isinstance(e, ImpError):
        return int(e.code)
    if isinstance(e, MemoryError):
        return Error.NOMEM
    if isinstance(e, (asyncio.CancelledError, KeyboardInterrupt)):
        return Error.CANCELLED
    if isinstance(e, TimeoutError):
        return Error.TIMEOUT
    return Error.CALLBACK


#: Errors that are answers: raised in a callback, they are passed on, and not reported.
ANSWERS = (Cancelled, Conflict, Denied, Exists, Gone, LimitReached, NotFound, TimedOut, TooBig, Unavailable)


def report(e: BaseException, where: str) -> int:
    """Reports an exception that a callback raised, unless it is an answer; returns its code."""
    if not isinstance(e, ANSWERS):
        log.error("exception in %s", where, exc_info=e)
    return code_of(e)


def callback(kind: Any) -> Callable[[Callable[..., Any]], Any]:
    """Makes a function callable from C. What it raises is reported and turned into an error code, where there is one to return."""
    returns = kind._restype_ is not None

    def wrap(fn: Callable[..., Any]) -> Any:
        def run(*args: Any) -> Any:
            try:
                rv = fn(*args)
                return int(rv or 0) if returns else None
            except BaseException as e:  # nothing may pass through C
                rv = report(e, fn.__name__)
                return rv if returns else None
        return kind(run)
    return wrap


_tasks: set["asyncio.Task[Any]"] = set()


def spawn(work: Awaitable[Any], loop: asyncio.AbstractEventLoop | None = None) -> None:
    """Runs work on the event loop (the running one, unless told); what it raises is reported."""
    async def run() -> None:
        try:
            await work
        except asyncio.CancelledError:
            raise
        except BaseException as e:
            report(e, getattr(work, "__qualname__", "a coroutine"))

    try:
        task = (loop or asyncio.get_running_loop()).create_task(run())
    except RuntimeError:
        if isinstance(work, Coroutine):
            work.close()
        raise RuntimeError("a coroutine needs a running event loop") from None
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


class Unique:
    """Stands for one object in C, which a copy would free as well: there are none."""
    __slots__ = ()

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError(f"{type(self).__name__} objects cannot be copied or pickled")


# ---- the end of the process ----

_open: "weakref.WeakSet[Any]" = weakref.WeakSet()


def close_at_exit(thing: Any) -> None:
    """Has thing.close() called before the interpreter goes, if nobody has: first what was made last."""
    _open.add(thing)


@atexit.register
def _close_all() -> None:
    for thing in sorted(_open, key=lambda t: t._close_order):
        thing.close()


# ---- structs of the host ----

class Struct:
    """A struct of settings. Members are attributes; the library fills in the defaults."""
    _type: Any
    _init: Any

    def __init__(self, **values: Any):
        struct = self._type()
        self._init(ctypes.byref(struct), ctypes.sizeof(struct))
        self.__dict__["_struct"] = struct
        for name, value in values.items():
            setattr(self, name, value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in dict(self._type._fields_):
            raise AttributeError(f"{type(self).__name__} has no {name}")
        value = getattr(self._struct, name)
        return dec(value) if isinstance(value, bytes) else value

    def __setattr__(self, name: str, value: Any) -> None:
        kinds = dict(self._type._fields_)
        if name == "size" or name not in kinds:
            raise AttributeError(f"{type(self).__name__} has no {name}")
        if kinds[name] is ctypes.c_char_p:
            value = enc(value)
        elif issubclass(kinds[name], ctypes._SimpleCData):
            bits = ctypes.sizeof(kinds[name]) * 8
            if not 0 <= int(value) < 1 << bits:
                raise OutOfRange(f"{name} {value}: must be 0 to {(1 << bits) - 1}")
            value = int(value)
        setattr(self._struct, name, value)

    def _values(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name, _ in self._type._fields_ if name != "size"}

    def __reduce__(self) -> Any:
        return _made, (type(self), self._values())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._values().items())})"


def _made(kind: Any, values: dict[str, Any]) -> Any:
    return kind(**values)
