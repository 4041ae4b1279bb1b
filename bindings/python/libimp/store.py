"""Stores: the one in memory (imp/store.h), and how to write one in Python (imp/sys/store.h)."""
import ctypes
import weakref
from abc import ABC, abstractmethod
from asyncio import AbstractEventLoop
from typing import Any, Awaitable, Iterable

from . import _abi
from ._abi import (IMP_STORE_KEY_MAX as KEY_MAX, IMP_STORE_OWNER_MAX as OWNER_MAX, IMP_STORE_SPACE_MAX as SPACE_MAX)
from ._lib import lib
from .core import NotFound, Registry, StateError, TooBig, Unique, callback, check, close_at_exit, dec, enc, raw
from .op import Op, answer

__all__ = ["KEY_MAX", "MemoryStore", "OWNER_MAX", "SPACE_MAX", "Store"]

Row = tuple[bytes, bytes]


class CStore(Unique):
    """A store whose vtable is in C."""
    _ptr: int
    _close_order = 2

    def _p(self) -> int:
        if not self._ptr:
            raise StateError("the store is closed")
        return self._ptr

    def _door(self) -> tuple[Any, int]:
        """The vtable and its context."""
        raise NotImplementedError

    def _serves(self, node: Any) -> None:
        """The node calls into the store for as long as it is open."""
        self.__dict__.setdefault("_nodes", weakref.WeakSet()).add(node)

    def _not_in_use(self) -> None:
        if any(not node.is_closed for node in self.__dict__.get("_nodes", ())):
            raise StateError("a node uses the store: close that first")

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class MemoryStore(CStore):
    """Keeps everything in memory, loses it with the process."""

    def __init__(self) -> None:
        ptr = ctypes.c_void_p()
        self._ptr = 0
        check(lib.imp_memory_store_new(ctypes.byref(ptr)))
        self._ptr = ptr.value or 0
        close_at_exit(self)

    def _door(self) -> tuple[Any, int]:
        return lib.imp_memory_store_vtable(), self._p()

    def close(self) -> None:
        """After the node that uses it (before: StateError). Twice is no error."""
        self._not_in_use()
        ptr, self._ptr = self._ptr, 0
        lib.imp_memory_store_del(ptr)

    def __del__(self) -> None:
        self.close()


class Store(ABC):
    """To write a store in Python: an ordered map from (space, owner, key) to a value.

    `space` says what kind of thing it is, `owner` is a bare JID or "". Keys compare as bytes, as Python's do. Bounds of
    ranges are inclusive; None is open. Reads see every write that came before them. get, scan, scan_all and flush may be
    coroutines; the writes may not: they only note what is to be done, and flush() makes it durable, all or nothing.
    What these methods raise is reported, and the library goes on as with any store that failed.
    """
    #: For logs.
    name: str = "python"
    #: True if what was flushed survives the process: then durable sessions are possible.
    durable: bool = False
    #: Where coroutines run; None: on the event loop that is running.
    loop: AbstractEventLoop | None = None

    @abstractmethod
    def get(self, space: str, owner: str, key: bytes) -> bytes | None | Awaitable[bytes | None]:
        """The value, or None."""

    @abstractmethod
    def scan(self, space: str, owner: str, first: bytes | None, last: bytes | None, limit: int,
             reverse: bool) -> Iterable[Row] | Awaitable[Iterable[Row]]:
        """Keys and values in the order of keys; `limit` 0: all. In reverse: from the greatest key down."""

    @abstractmethod
    def scan_all(self, space: str, limit: int) -> Iterable[tuple[str, bytes, bytes]] | Awaitable[
            Iterable[tuple[str, bytes, bytes]]]:
        """Owners (in the order of their UTF-8 bytes), keys and values of a whole space."""

    @abstractmethod
    def put(self, space: str, owner: str, key: bytes, value: bytes) -> None:
        """Inserts or replaces."""

    @abstractmethod
    def delete(self, space: str, owner: str, key: bytes) -> None:
        """Removes one item, if it is there."""

    @abstractmethod
    def delete_range(self, space: str, owner: str, first: bytes | None, last: bytes | None) -> None:
        """Removes the items in a range."""

    @abstractmethod
    def erase(self, owner: str) -> None:
        """Removes everything that an owner has, in every space."""

    @abstractmethod
    def flush(self) -> None | Awaitable[None]:
        """Commits what was noted so far: returns when it is durable. One fsync for a whole turn is enough. If it raises,
        what was noted stays noted, and the next flush, a second later, tries it again."""

    def _door(self) -> tuple[Any, int]:
        """The vtable and its context. Both live as long as the store."""
        if "_vtable" not in self.__dict__:
            self._number = _stores.add(self)
            self._vtable = _abi.imp_store(ctypes.sizeof(_abi.imp_store), enc(self.name), int(self.durable), *_FUNCTIONS)
        return ctypes.pointer(self._vtable), self._number

    def __del__(self) -> None:
        if "_number" in self.__dict__:
            _stores.pop(self._number)


_stores = Registry(weak=True)


def _name(data: bytes | None, most: int) -> str:
    if data is not None and len(data) > most:
        raise TooBig()
    return dec(data)


def _where(space: bytes, owner: bytes) -> tuple[str, str]:
    return _name(space, SPACE_MAX), _name(owner, OWNER_MAX)


def _key(key: int, length: int) -> bytes:
    if length > KEY_MAX:
        raise TooBig()
    return raw(key, length)


def _bounds(r: Any) -> tuple[bytes | None, bytes | None]:
    first, last = getattr(r.contents, "from"), r.contents.to
    return (None if first is None else raw(first, r.contents.fromlen),
            None if last is None else raw(last, r.contents.tolen))


def _give_rows(op: Op, rows: Iterable[Row]) -> None:
    for key, value in rows:
        op.add_row(bytes(key), bytes(value))


def _give_owned_rows(op: Op, rows: Iterable[tuple[str, bytes, bytes]]) -> None:
    for owner, key, value in rows:
        op.add_row(owner.encode() + b"\0" + bytes(key), bytes(value))


@callback(_abi.imp_store_get)
def _get(ctx, op, space, owner, key, keylen):
    store, key = _stores.get(ctx), _key(key, keylen)

    def give(op: Op, value: Any) -> None:
        if value is None:
            raise NotFound()
        op.add_row(key, bytes(value))
    return answer(op, store.get(*_where(space, owner), key), give, store.loop)


@callback(_abi.imp_store_scan)
def _scan(ctx, op, space, owner, r):
    store = _stores.get(ctx)
    rows = store.scan(*_where(space, owner), *_bounds(r), r.contents.limit, bool(r.contents.reverse))
    return answer(op, rows, _give_rows, store.loop)


@callback(_abi.imp_store_scan_all)
def _scan_all(ctx, op, space, limit):
    store = _stores.get(ctx)
    return answer(op, store.scan_all(_name(space, SPACE_MAX), limit), _give_owned_rows, store.loop)


@callback(_abi.imp_store_put)
def _put(ctx, space, owner, key, keylen, value, valuelen):
    _stores.get(ctx).put(*_where(space, owner), _key(key, keylen), raw(value, valuelen))


@callback(_abi.imp_store_del)
def _del(ctx, space, owner, key, keylen):
    _stores.get(ctx).delete(*_where(space, owner), _key(key, keylen))


@callback(_abi.imp_store_del_range)
def _del_range(ctx, space, owner, r):
    _stores.get(ctx).delete_range(*_where(space, owner), *_bounds(r))


@callback(_abi.imp_store_erase)
def _erase(ctx, owner):
    _stores.get(ctx).erase(_name(owner, OWNER_MAX))


@callback(_abi.imp_store_flush)
def _flush(ctx, op):
    store = _stores.get(ctx)
    return answer(op, store.flush(), lambda op, value: None, store.loop)


_FUNCTIONS = (_get, _scan, _scan_all, _put, _del, _del_range, _erase, _flush)
