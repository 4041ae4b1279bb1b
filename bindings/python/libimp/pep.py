"""What users publish about themselves (XEP-0163), and their vCards (imp/pep.h), for what a host does on their behalf.

    pep.publish(node, "alice", pep.ACTIVITY, "<activity xmlns='http://jabber.org/protocol/activity'>…</activity>")
    pep.get(node, "alice", pep.ACTIVITY, lambda status, item: print(item))

Callbacks are called once: `done(status)` when a change is durable. Users are local parts ("alice").
"""
import ctypes
from typing import Any, Callable

from . import _abi
from ._lib import lib
from .core import Error, Struct, callback, enc, need
from .node import Node, _calls, _Inside
from .xml import Stanza

__all__ = ["ACTIVITY", "MOOD", "NICK", "Settings", "get", "get_vcard", "publish", "retract", "set_settings", "set_vcard"]

ACTIVITY = "http://jabber.org/protocol/activity"  #: XEP-0108
MOOD = "http://jabber.org/protocol/mood"          #: XEP-0107
NICK = "http://jabber.org/protocol/nick"          #: XEP-0172


class Settings(Struct):
    """Bounds on what one user may keep; the library's defaults, unless given. imp/pep.h has the ranges."""
    _type, _init = _abi.imp_pep_settings, staticmethod(lib.imp_pep_settings_default)

    max_nodes: int       #: of one user; default 64
    max_items: int       #: of one node; default 512
    max_item_bytes: int  #: one item as text; default 131,072
    max_bytes: int       #: all items of one user; default 2 MiB
    vcard_bytes: int     #: a vCard as text; default 131,072
    private_items: int   #: elements of private storage; default 64; 0: none offered
    private_bytes: int   #: all of them as text; default 262,144
    max_accounts: int    #: known without asking the store, beside those who are online; default 10,000
    max_caps: int        #: kinds of client that are remembered beside those in use; default 1,000


Done = Callable[[Error], None] | None
Got = Callable[[Error, Stanza | None], None]


def set_settings(node: Node, settings: Settings) -> None:
    """Bounds from now on. Raises OutOfRange."""
    node._check(lib.imp_pep_set_settings(node._p(), ctypes.byref(settings._struct)))


def publish(node: Node, username: str, pep_node: str, payload: str | None, id: str | None = None,
            done: Done = None) -> None:
    """Publishes an item: one XML element as text, or None. Without `id` it takes the place of the last. Contacts are told."""
    node._account(lib.imp_pep_publish, done, need(username), need(pep_node), enc(id), enc(payload))


def retract(node: Node, username: str, pep_node: str, id: str, done: Done = None) -> None:
    """Takes an item back; done(Error.NOT_FOUND) if there is none."""
    node._account(lib.imp_pep_retract, done, need(username), need(pep_node), need(id))


def _ask(node: Node, fn: Got, function: Any, *args: Any) -> None:
    number = _calls.add((node, fn))
    rv = function(node._p(), *args, _on_item, number)
    if rv < 0:
        _calls.pop(number)
    node._check(rv)
    node._submitted()


def get(node: Node, username: str, pep_node: str, fn: Got, id: str | None = None) -> None:
    """Has fn(status, item) told an item, by default the newest: <item/> with its payload is its root; None if there is none."""
    _ask(node, fn, lib.imp_pep_get, need(username), need(pep_node), enc(id))


def set_vcard(node: Node, username: str, vcard: str, done: Done = None) -> None:
    """Sets a vCard: <vCard xmlns='vcard-temp'/> as text. Its photo becomes the avatar."""
    node._account(lib.imp_pep_set_vcard, done, need(username), need(vcard))


def get_vcard(node: Node, username: str, fn: Got) -> None:
    """Has fn(status, vcard) told the vCard."""
    _ask(node, fn, lib.imp_pep_get_vcard, need(username))


@callback(_abi.imp_pep_item_fn)
def _on_item(ptr, status, st, number):
    node, fn = _calls.pop(number)
    with _Inside(node):
        fn(Error(status) if status in Error._value2member_map_ else status, Stanza._ref(st) if st else None)
