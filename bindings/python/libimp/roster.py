"""Rosters, subscriptions, blocking and presence of a node's users (imp/roster.h), for what a host does on their behalf.

    roster.subscribe(node, "alice", "bob")              # they see each other from now on
    roster.put(node, "alice", "bob@localhost", name="Bob", groups=["Team"])
    roster.read(node, "alice", lambda status, items: print(items))
    roster.presence(node, "bob")                        # what contacts see of him now

Callbacks are called once, at the end of a turn: `done(status)` when a change is durable. Users are local parts ("alice").
"""
import ctypes
from dataclasses import dataclass
from typing import Any, Callable, Iterable

from . import _abi
from ._abi import Subscription
from ._lib import lib
from .core import Error, Struct, callback, dec, need
from .jid import Jid
from .node import Node, _calls, _Inside
from .xml import Stanza

__all__ = ["Item", "Settings", "Subscription", "block", "blocked", "is_blocked", "presence", "put", "read", "remove",
           "set_settings", "subscribe", "unblock", "unsubscribe"]


class Settings(Struct):
    """Bounds of every user's roster; the library's defaults, unless given. imp/roster.h has the ranges."""
    _type, _init = _abi.imp_roster_settings, staticmethod(lib.imp_roster_settings_default)

    max_items: int          #: contacts of one user; default 1,000
    max_bytes: int          #: of a roster when it is sent; default 262,144
    max_name_bytes: int     #: default 256
    max_groups: int         #: of one contact; default 32
    max_group_bytes: int    #: default 256
    max_requests: int       #: that wait for an answer; default 200
    max_request_bytes: int  #: default 2,048
    max_blocked: int        #: addresses that one user may block; default 1,000
    max_directed: int       #: addresses to which a session may have sent presence of its own; default 500


@dataclass(frozen=True)
class Item:
    """A contact."""
    jid: Jid
    name: str | None
    groups: tuple[str, ...]
    subscription: Subscription
    ask: bool       #: the user has asked for the contact's presence
    approved: bool  #: the contact's request is granted before it comes
    asked: bool     #: the contact asks for the user's presence
    listed: bool    #: in the roster that clients see

    @classmethod
    def _of(cls, i: Any) -> "Item":
        return cls(Jid(dec(i.jid)), dec(i.name), tuple(dec(i.groups[n]) for n in range(i.ngroups)),
                   Subscription(i.subscription), bool(i.ask), bool(i.approved), bool(i.asked), bool(i.listed))


Done = Callable[[Error], None] | None


def set_settings(node: Node, settings: Settings) -> None:
    """Bounds from now on. Raises InvalidArgument."""
    node._check(lib.imp_roster_set_settings(node._p(), ctypes.byref(settings._struct)))


def _change(node: Node, function: Any, done: Done, *args: Any) -> None:
    node._account(function, done, *args)


def read(node: Node, username: str, fn: Callable[[Error, list[Item]], None]) -> None:
    """Has fn(status, items) told the roster of a user; of an error `items` is empty."""
    number = _calls.add((node, fn))
    rv = lib.imp_roster_list(node._p(), need(username), _on_roster, number)
    if rv < 0:
        _calls.pop(number)
    node._check(rv)
    node._submitted()


def put(node: Node, username: str, jid: Jid | str, name: str | None = None, groups: Iterable[str] = (),
        done: Done = None) -> None:
    """Adds a contact, or gives it another name and other groups. Raises InvalidArgument and LimitReached."""
    if isinstance(groups, (str, bytes)):
        raise TypeError("groups are wanted, not one text")
    encoded = [need(group) for group in groups]
    array = (ctypes.c_char_p * len(encoded))(*encoded)
    item = _abi.imp_roster_item(size=ctypes.sizeof(_abi.imp_roster_item), jid=need(str(jid)),
                                name=need(name) if name is not None else None,
                                groups=ctypes.cast(array, ctypes.POINTER(ctypes.c_char_p)), ngroups=len(encoded))
    _change(node, lib.imp_roster_set, done, need(username), ctypes.byref(item))


def remove(node: Node, username: str, jid: Jid | str, done: Done = None) -> None:
    """Takes a contact off: neither sees the other any more."""
    _change(node, lib.imp_roster_remove, done, need(username), need(str(jid)))


def subscribe(node: Node, username: str, other: str, done: Done = None) -> None:
    """Two users of the node see each other from now on, without being asked."""
    _change(node, lib.imp_roster_subscribe, done, need(username), need(other))


def unsubscribe(node: Node, username: str, other: str, done: Done = None) -> None:
    """Ends what each sees of the other; both stay in the rosters."""
    _change(node, lib.imp_roster_unsubscribe, done, need(username), need(other))


def block(node: Node, username: str, jid: Jid | str, done: Done = None) -> None:
    """Blocks an address, or a whole domain: nothing passes in either direction."""
    _change(node, lib.imp_roster_block, done, need(username), need(str(jid)))


def unblock(node: Node, username: str, jid: Jid | str, done: Done = None) -> None:
    """Unblocks it."""
    _change(node, lib.imp_roster_unblock, done, need(username), need(str(jid)))


def is_blocked(node: Node, username: str, jid: Jid | str) -> bool:
    """Whether the user blocks an address, be it by its domain."""
    return bool(node._check(lib.imp_roster_is_blocked(node._p(), need(username), need(str(jid)))))


def _collect(node: Node, function: Any, username: str, thunk: Any) -> list[Any]:
    found: list[Any] = []
    number = _calls.add(found)
    try:
        node._check(function(node._p(), need(username), thunk, number))
    finally:
        _calls.pop(number)
    return found


def blocked(node: Node, username: str) -> list[Jid]:
    """All addresses that the user blocks."""
    return _collect(node, lib.imp_roster_each_blocked, username, _on_blocked)


def presence(node: Node, username: str) -> list[Stanza]:
    """What contacts see of each of the user's resources now; empty: unavailable."""
    return _collect(node, lib.imp_roster_each_presence, username, _on_presence)


@callback(_abi.imp_roster_fn)
def _on_roster(ptr, status, items, count, number):
    node, fn = _calls.pop(number)
    with _Inside(node):
        fn(Error(status) if status in Error._value2member_map_ else status, [Item._of(items[i]) for i in range(count)])


@callback(_abi.imp_roster_each_blocked_fn)
def _on_blocked(jid, number):
    _calls.get(number).append(Jid(dec(jid)))
    return 0


@callback(_abi.imp_roster_each_presence_fn)
def _on_presence(st, number):
    _calls.get(number).append(Stanza._ref(st))
    return 0
