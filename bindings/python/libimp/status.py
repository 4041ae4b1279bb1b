"""What contacts see of a node's users (imp/status.h): "In a meeting until 15:00, from calendar".

    status = Status(node, http=my_http, changed=lambda user, presence: print(user, presence.reason()))
    status.calendar.set_gateway(Gateway(GatewayKind.CALDAV, name="dav", url="https://dav.example/{mailbox}/", …))
    status.calendar.map("juliet", "dav", "juliet", zone="Europe/Rome")
    status.put("juliet", Source(Kind.PHONE, State.CALL, id="line 1"))

Users are local parts ("juliet"), here and in the calendar. The node runs all of it in its turns.
"""
import ctypes
import weakref
from typing import Any, Callable

from . import _abi, calendar as calendars, presence
from ._abi import IMP_STATUS_GATEWAYS as GATEWAYS, StatusText
from ._lib import lib
from .calendar import Calendar, GatewayStatus, _tzif
from .core import Registry, StateError, Struct, callback, check, dec, need, octets, to_call
from .http import Http
from .node import Node, _Inside
from .presence import Kind, Moment, Presence, Source, _ms

__all__ = ["GATEWAYS", "NodeCalendar", "Settings", "Status", "StatusText"]


class Settings(Struct):
    """Settings; the library's defaults, unless given. imp/status.h has the ranges."""
    _type, _init = _abi.imp_status_settings, staticmethod(lib.imp_status_settings_default)

    text: int               #: a StatusText: when <status/> is written; default IF_NONE
    activity: int           #: 1: activities (XEP-0108) are published; default 1
    everybody: int          #: 1: users who have clients only are composed, too; default 0
    users_per_turn: int     #: that are shown to contacts in one turn; default 4,000
    stanzas_per_turn: int   #: after which no further user is taken in a turn; default 30,000
    zone: str               #: whose clock words show: "Europe/Rome"; default "UTC"
    resource: str           #: that contacts see of users without a client; default "status"

    def __setattr__(self, name: str, value: Any) -> None:
        """`presence` and `calendar` are settings of those modules; None: the defaults."""
        if name in ("presence", "calendar"):
            self.__dict__["_" + name] = value
            setattr(self._struct, name, ctypes.pointer(value._struct) if value is not None else None)
        else:
            super().__setattr__(name, value)

    @property
    def presence(self) -> "presence.Settings | None":
        return self.__dict__.get("_presence")

    @property
    def calendar(self) -> "calendars.Settings | None":
        return self.__dict__.get("_calendar")

    def check(self) -> None:
        """Raises OutOfRange or InvalidArgument, whose text says what is wrong."""
        text = ctypes.create_string_buffer(300)
        check(lib.imp_status_settings_check(ctypes.byref(self._struct), text, len(text)), lambda: dec(text.value))


class NodeCalendar(Calendar):
    """The calendar of a node, which runs it and closes it: no turns are needed."""

    def __init__(self, node: Node, ptr: int):
        self._ptr, self._node = ptr, weakref.ref(node)

    def _p(self) -> int:
        node = self._node()
        if node is None or node.is_closed:
            raise StateError("the node is closed")
        node._p()
        return self._ptr

    def turn(self) -> None:
        raise StateError("the node runs this calendar")

    def attach(self, loop: Any) -> None:
        raise StateError("the node runs this calendar")

    def close(self) -> None:
        """The node closes it."""

    def __del__(self) -> None:
        """Nothing is ours."""


class Stats:
    """Figures; see imp_status_stats."""

    def __init__(self, s: Any):
        self.users: int = s.users
        self.waiting: int = s.waiting
        self.changes: int = s.changes
        self.shown: int = s.shown
        self.activities: int = s.activities
        self.full_turns: int = s.full_turns

    def __repr__(self) -> str:
        return f"Stats({', '.join(f'{name}={value}' for name, value in vars(self).items())})"


class Status:
    """What contacts see of a node's users; one for each node, which keeps it.

    changed(username, presence) is called when a user's composed presence became another, gateway(status) when a gateway's
    health did; `get_zone` gives the TZif file of a time zone.
    """

    def __init__(self, node: Node, settings: Settings | None = None, *, http: Http | None = None,
                 changed: Callable[[str, Presence], None] | None = None,
                 gateway: Callable[[GatewayStatus], None] | None = None, get_zone: Callable[[str], bytes] = _tzif):
        self._node = weakref.ref(node)
        self._changed, self._gateway, self._get_zone = changed, gateway, to_call(get_zone)
        self._number = _statuses.add(self)
        self._calendar: NodeCalendar | None = None
        self._http = http
        self.set_settings(settings)
        if http is not None:
            self.calendar._check(lib.imp_calendar_set_http(self.calendar._p(), *http._door()))
        node.__dict__.setdefault("_statuses", []).append(self)

    @property
    def node(self) -> Node:
        node = self._node()
        if node is None:
            raise StateError("the node is closed")
        return node

    def set_settings(self, settings: Settings | None) -> None:
        """From now on; what is shown already follows. Raises OutOfRange, InvalidArgument, NotFound (the zone)."""
        callbacks = _abi.imp_status_callbacks(ctypes.sizeof(_abi.imp_status_callbacks), _on_changed, _on_gateway, _on_zone)
        self.node._check(lib.imp_status_set_settings(self.node._p(), ctypes.byref(settings._struct) if settings else None,
                                                 ctypes.byref(callbacks), self._number))

    @property
    def calendar(self) -> NodeCalendar:
        """The node's calendar: gateways, mailboxes, busy times of the host's own."""
        if self._calendar is None:
            ptr = ctypes.c_void_p()
            self.node._check(lib.imp_status_get_calendar(self.node._p(), ctypes.byref(ptr)))
            self._calendar = NodeCalendar(self.node, ptr.value or 0)
        return self._calendar

    def put(self, username: str, source: Source) -> None:
        """Says something of a user: new, or in place of what has the same kind and id."""
        struct = source._struct()
        self.node._check(lib.imp_status_put(self.node._p(), need(username), ctypes.byref(struct)))

    def remove(self, username: str, kind: Kind, id: str = "") -> None:
        """Takes it back. Raises NotFound."""
        self.node._check(lib.imp_status_remove(self.node._p(), need(username), int(kind), need(id)))

    def get(self, username: str) -> Presence:
        """A user's presence now."""
        p = _abi.imp_presence()
        self.node._check(lib.imp_status_get(self.node._p(), need(username), ctypes.byref(p), ctypes.sizeof(p)))
        return Presence._of(p)

    def sources(self, username: str) -> list[Source]:
        """All that is known of a user, clients included."""
        found: list[Source] = []
        number = _lists.add(found)
        try:
            self.node._check(lib.imp_status_each_source(self.node._p(), need(username), _on_source, number))
        finally:
            _lists.pop(number)
        return found

    def utc_offset(self, moment: Moment) -> int:
        """Minutes east of Greenwich of settings.zone."""
        return lib.imp_status_utc_offset(self.node._p(), _ms(moment))

    def stats(self) -> Stats:
        s = _abi.imp_status_stats()
        lib.imp_status_get_stats(self.node._p(), ctypes.byref(s), ctypes.sizeof(s))
        return Stats(s)


_statuses = Registry(weak=True)
_lists = Registry()


@callback(_abi.imp_status_callbacks_changed)
def _on_changed(ptr, username, p, number):
    status = _statuses.get(number)
    if status._changed is not None:
        with _Inside(status.node):
            status._changed(dec(username), Presence._of(p.contents))


@callback(_abi.imp_status_callbacks_gateway)
def _on_gateway(ptr, gateway, number):
    status = _statuses.get(number)
    if status._gateway is not None:
        with _Inside(status.node):
            status._gateway(GatewayStatus._of(gateway.contents))


@callback(_abi.imp_status_callbacks_get_zone)
def _on_zone(ptr, name, number):
    data = _statuses.get(number)._get_zone(dec(name))
    check(lib.imp_calendar_add_zone(ptr, name, octets(data), len(data)))


@callback(_abi.imp_status_each_source_fn)
def _on_source(source, number):
    _lists.get(number).append(Source._of(source.contents))
    return 0
