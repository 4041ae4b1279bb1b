"""A durable store in one file (imp/sqlite.h; library libimp-sqlite)."""
import ctypes
import os
from asyncio import AbstractEventLoop
from collections import deque
from dataclasses import dataclass
from typing import Any

from . import _abi
from ._lib import load
from .core import Registry, callback, check, close_at_exit, dec, enc, unsigned
from .store import CStore

__all__ = ["SqliteStats", "SqliteStore"]

_lib = load("imp-sqlite")
_stores = Registry(weak=True)


@dataclass(frozen=True)
class SqliteStats:
    noted: int      #: writes noted
    applied: int    #: writes that reached the database
    flushes: int    #: asked for
    commits: int    #: transactions, each with one fsync
    failures: int   #: commits that failed


class SqliteStore(CStore):
    """Opens the file, or creates it. One process at a time.

    With `loop` the database has a thread of its own, and answers come to that event loop; without, everything is done at
    once, and a commit blocks the caller while the disk works.

    Raises Conflict (another process has it), Corrupt, Unavailable, OutOfRange.
    """
    _close_order = 1

    def __init__(self, path: str | os.PathLike[str], loop: AbstractEventLoop | None = None, max_pending: int = 0):
        self._ptr, self._loop, self._number = 0, loop, _stores.add(self)
        self._posted: deque[tuple[Any, int]] = deque()
        ptr, text = ctypes.c_void_p(), ctypes.create_string_buffer(512)
        options = _abi.imp_sqlite_options(size=ctypes.sizeof(_abi.imp_sqlite_options), max_pending=unsigned(max_pending, 63))
        if loop is not None:
            options.post, options.post_ctx = _post, self._number
        check(_lib.imp_sqlite_new(ctypes.byref(ptr), enc(os.fspath(path)), ctypes.byref(options), text, len(text)),
              lambda: dec(text.value))
        self._ptr = ptr.value or 0
        close_at_exit(self)

    def _door(self) -> tuple[Any, int]:
        return _lib.imp_sqlite_vtable(), self._p()

    def _run_posted(self) -> None:
        while self._posted:
            fn, arg = self._posted.popleft()
            fn(arg)

    @property
    def last_error(self) -> str:
        return dec(_lib.imp_sqlite_last_error(self._p()))

    def stats(self) -> SqliteStats:
        struct = _abi.imp_sqlite_stats()
        _lib.imp_sqlite_get_stats(self._p(), ctypes.byref(struct), ctypes.sizeof(struct))
        return SqliteStats(*(getattr(struct, field[0]) for field in struct._fields_ if field[0] != "size"))

    def close(self) -> None:
        """After the node that uses it (before: StateError): finishes what is under way. Twice is no error."""
        self._not_in_use()
        if self._ptr:
            ptr, self._ptr = self._ptr, 0
            _lib.imp_sqlite_del(ptr)
            self._run_posted()      # what the loop had no time for
        _stores.pop(self._number)

    def __del__(self) -> None:
        self.close()


@callback(_abi.imp_sqlite_options_post)
def _post(fn, arg, number):
    """Called from the store's thread."""
    store = _stores.get(number)
    store._posted.append((fn, arg))
    try:
        store._loop.call_soon_threadsafe(store._run_posted)
    except RuntimeError:
        pass                        # the loop is closed; close() does it
