"""Who is busy when, from calendars (imp/calendar.h); usable alone.

    calendar = Calendar(http=my_http, on_change=lambda user, state: print(user, state.kind.name, state.until))
    calendar.attach(asyncio.get_running_loop())
    calendar.set_gateway(Gateway(GatewayKind.CALDAV, name="dav", url="https://dav.example/{mailbox}/", username="svc", secret="…"))
    calendar.map("juliet@capulet.example", "dav", "juliet", zone="Europe/Rome")

Times are aware datetimes. What is busy may also come from the host: calendar.put(user, source, start, end, [Busy(…)]).
"""
import ctypes
import time
import zoneinfo
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Callable, Iterable

from . import _abi
from ._abi import BusyKind, GatewayHealth, GatewayKind, LogArea, LogLevel, Tentative
from ._lib import lib
from .core import (NEVER, Error, InvalidArgument, NotFound, Registry, StateError, Struct, Unique, callback, check,
                   close_at_exit, dec, enc, need, octets, to_call, unsigned)
from .http import Http

__all__ = ["Busy", "BusyKind", "Calendar", "Gateway", "GatewayHealth", "GatewayKind", "GatewayStatus", "MailboxStatus",
           "OutOfOffice", "Settings", "State", "Tentative", "WebhookAnswer", "windows_zone"]

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def _ms(t: datetime) -> int:
    if t.tzinfo is None:
        raise InvalidArgument(f"{t}: a time needs a zone")
    return unsigned((t - _EPOCH) // timedelta(milliseconds=1), 64)


def _time(ms: int) -> datetime | None:
    return _EPOCH + timedelta(milliseconds=ms) if ms else None


class Settings(Struct):
    """Settings; the library's defaults, unless given. imp/calendar.h has the ranges."""
    _type, _init = _abi.imp_calendar_settings, staticmethod(lib.imp_calendar_settings_default)

    tentative: int       #: a Tentative; default free
    subjects: int        #: 1: subjects and places are kept and told; default 0
    notes: int           #: 1: out-of-office notes are told; default 1
    blocks_max: int
    users_max: int
    answer_bytes: int
    event_bytes: int
    occurrences: int

    def check(self) -> None:
        text = ctypes.create_string_buffer(300)
        check(lib.imp_calendar_settings_check(ctypes.byref(self._struct), text, len(text)), lambda: dec(text.value))


class Gateway(Struct):
    """A server that calendars are read from; what is usual for its kind, unless given. imp/calendar.h has each member."""
    _type = _abi.imp_gateway

    def __init__(self, kind: GatewayKind, **values: Any):
        struct = self._type()
        lib.imp_gateway_default(ctypes.byref(struct), ctypes.sizeof(struct), int(kind))
        self.__dict__["_struct"] = struct
        for name, value in values.items():
            setattr(self, name, value)

    def check(self) -> None:
        text = ctypes.create_string_buffer(300)
        check(lib.imp_gateway_check(ctypes.byref(self._struct), text, len(text)), lambda: dec(text.value))

    def __reduce__(self) -> Any:
        raise TypeError("a gateway may hold secrets: it is not pickled")

    def __repr__(self) -> str:
        return f"Gateway({GatewayKind(self.kind).name}, name={self.name!r}, url={self.url!r})"


@dataclass(frozen=True)
class Busy:
    """A block of time. `floating`: start and end are dates in the mailbox's zone, given as if in UTC."""
    start: datetime
    end: datetime
    kind: BusyKind = BusyKind.BUSY
    private: bool = False
    floating: bool = False
    subject: str | None = None
    location: str | None = None


@dataclass(frozen=True)
class OutOfOffice:
    enabled: bool = True
    start: datetime | None = None
    end: datetime | None = None
    note: str | None = None


@dataclass(frozen=True)
class State:
    """What a calendar says of somebody at a moment."""
    known: bool
    kind: BusyKind
    since: datetime | None
    until: datetime | None
    until_known: bool
    private: bool
    subject: str | None
    location: str | None
    source: str
    out_of_office: bool
    note: str | None
    oof_until: datetime | None

    @classmethod
    def _of(cls, s: Any) -> "State":
        def text(data: bytes | None) -> str | None:
            return None if data is None else dec(data)
        return cls(bool(s.known), BusyKind(s.kind), _time(s.since), _time(s.until), bool(s.until_known), bool(s.is_private),
                   text(s.subject), text(s.location), dec(s.source), bool(s.out_of_office), text(s.note),
                   _time(s.oof_until))


@dataclass(frozen=True)
class GatewayStatus:
    name: str
    kind: GatewayKind
    health: GatewayHealth
    last_success: datetime | None
    last_failure: datetime | None
    last_error: str
    waits_until: datetime | None
    mailboxes: int
    mailboxes_failing: int
    subscribed: int
    streams: int
    in_flight: int
    requests: int
    failures: int
    notifications: int

    @classmethod
    def _of(cls, s: Any) -> "GatewayStatus":
        return cls(dec(s.name), GatewayKind(s.kind), GatewayHealth(s.health), _time(s.last_success),
                   _time(s.last_failure), dec(s.last_error), _time(s.waits_until), s.mailboxes, s.mailboxes_failing,
                   s.subscribed, s.streams, s.in_flight, s.requests, s.failures, s.notifications)


@dataclass(frozen=True)
class MailboxStatus:
    mailbox: str
    last_success: datetime | None
    last_error: str
    subscribed: bool
    known_until: datetime | None


@dataclass(frozen=True)
class WebhookAnswer:
    status: int
    content_type: str | None
    body: bytes


def windows_zone(name: str) -> str | None:
    """"W. Europe Standard Time" -> "Europe/Berlin"; None if it is no Windows name."""
    found = lib.imp_windows_zone(need(name))
    return dec(found) if found else None


def _tzif(name: str) -> bytes:
    """The rules of a zone, from where Python's zoneinfo finds them."""
    for folder in zoneinfo.TZPATH:
        path = Path(folder, name)
        if path.is_file():
            return path.read_bytes()
    raise NotFound(name)


class Calendar(Unique):
    """Users' free and busy times, read from gateways or given by the host.

    on_change(user, state) and on_gateway(status) are called in turns. Who has no asyncio loop calls turn() after everything,
    and when `expiry` has come.
    """
    _close_order = 1

    def __init__(self, settings: Settings | None = None, *, http: Http | None = None,
                 on_change: Callable[[str, State], None] | None = None,
                 on_gateway: Callable[[GatewayStatus], None] | None = None,
                 get_zone: Callable[[str], bytes] = _tzif, log: Callable[[str], None] | None = None,
                 clock: Callable[[], int] = time.monotonic_ns, wallclock: Callable[[], int] | None = None):
        self._ptr, self._loop, self._timer, self._soon, self._busy = 0, None, None, False, 0
        self.on_change, self.on_gateway, self._get_zone, self._log = on_change, on_gateway, to_call(get_zone), log
        self._clock, self._wallclock = clock, wallclock or (lambda: time.time_ns() // 1_000_000)
        self._number = _calendars.add(self)
        self._callbacks = _abi.imp_calendar_callbacks(
            ctypes.sizeof(_abi.imp_calendar_callbacks), _on_change, _on_gateway, _on_zone, _want_turn, _on_log,
            int(LogLevel.INFO))
        ptr = ctypes.c_void_p()
        if settings is not None:
            settings.check()
        check(lib.imp_calendar_new(ctypes.byref(ptr), ctypes.byref(settings._struct) if settings else None,
                                   ctypes.byref(self._callbacks), self._number, self._clock(), self._wallclock()))
        self._ptr = ptr.value or 0
        close_at_exit(self)
        self._http = http
        if http is not None:
            self._check(lib.imp_calendar_set_http(self._p(), *http._door()))

    def _p(self) -> int:
        if not self._ptr:
            raise StateError("the calendar is closed")
        return self._ptr

    def _check(self, rv: int) -> int:
        return check(rv, lambda: dec(lib.imp_calendar_last_error(self._p())))

    # ---- life ----

    def turn(self) -> None:
        """Reads what was fed, sends requests, tells changes."""
        if self._busy:
            raise StateError("a turn is under way")
        self._soon, self._busy = False, 1
        try:
            self._check(lib.imp_calendar_turn(self._p(), self._clock(), self._wallclock()))
        finally:
            self._busy = 0
        self._schedule()

    @property
    def expiry(self) -> int | None:
        """When turn() is due, on the monotonic clock; None: nothing is."""
        at = lib.imp_calendar_get_expiry(self._p())
        return None if at == NEVER else at

    def attach(self, loop: Any) -> None:
        """Turns run on this asyncio loop from now on."""
        self._loop = loop
        self._turn_soon()

    def _turn_soon(self) -> None:
        if self._loop is not None and not self._soon:
            self._soon = True
            self._loop.call_soon(self._run)

    def _run(self) -> None:
        if self._ptr:
            self.turn()

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        at = self.expiry if self._loop is not None else None
        if at is not None:
            self._timer = self._loop.call_later(max(0, at - self._clock()) / 1e9, self._run)

    def close(self) -> None:
        """Ends requests under way. Twice is no error."""
        if self._busy:
            raise StateError("not within a callback")
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        ptr, self._ptr = self._ptr, 0
        lib.imp_calendar_del(ptr)
        _calendars.pop(self._number)

    def __enter__(self) -> "Calendar":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __del__(self) -> None:
        if self.__dict__.get("_ptr"):
            self.close()

    # ---- sources of the host's own ----

    def put(self, user: str, source: str, start: datetime, end: datetime, blocks: Iterable[Busy] = (),
            zone: str | None = None) -> None:
        """Replaces what `source` knows of a user between start and end."""
        rows = list(blocks)
        array = (_abi.imp_busy * max(len(rows), 1))()
        for c, b in zip(array, rows):
            c.size, c.start, c.end, c.kind = ctypes.sizeof(c), _ms(b.start), _ms(b.end), int(b.kind)
            c.is_private, c.floating, c.subject, c.location = b.private, b.floating, enc(b.subject), enc(b.location)
        self._check(lib.imp_calendar_put(self._p(), need(user), need(source), enc(zone), _ms(start), _ms(end),
                                         array if rows else None, len(rows)))

    def forget(self, user: str, source: str) -> None:
        """The source no longer knows anything of the user."""
        self._check(lib.imp_calendar_put(self._p(), need(user), need(source), None, 0, 0, None, 0))

    def put_out_of_office(self, user: str, source: str, oof: OutOfOffice | None) -> None:
        c = None
        if oof is not None:
            c = _abi.imp_oof(ctypes.sizeof(_abi.imp_oof), oof.enabled, _ms(oof.start) if oof.start else 0,
                             _ms(oof.end) if oof.end else 0, enc(oof.note))
        self._check(lib.imp_calendar_put_oof(self._p(), need(user), need(source), ctypes.byref(c) if c else None))

    def get(self, user: str) -> State:
        """The present of a user; NotFound if no source ever named the user."""
        state = _abi.imp_calendar_state(size=ctypes.sizeof(_abi.imp_calendar_state))
        self._check(lib.imp_calendar_get(self._p(), need(user), ctypes.byref(state)))
        return State._of(state)

    def runs(self, user: str, start: datetime, end: datetime) -> list[State]:
        """A user's merged times that touch start to end."""
        found: list[State] = []
        number = _lists.add(found)
        try:
            self._check(lib.imp_calendar_runs(self._p(), need(user), _ms(start), _ms(end), _on_run, number))
        finally:
            _lists.pop(number)
        return found

    # ---- gateways ----

    def set_gateway(self, gateway: Gateway) -> None:
        """Adds a gateway, or changes the one of that name."""
        self._check(lib.imp_calendar_set_gateway(self._p(), ctypes.byref(gateway._struct)))

    def remove_gateway(self, name: str) -> None:
        self._check(lib.imp_calendar_remove_gateway(self._p(), need(name)))

    def gateway_status(self, name: str) -> GatewayStatus:
        status = _abi.imp_gateway_status(size=ctypes.sizeof(_abi.imp_gateway_status))
        self._check(lib.imp_calendar_gateway_status(self._p(), need(name), ctypes.byref(status)))
        return GatewayStatus._of(status)

    @property
    def gateways(self) -> list[GatewayStatus]:
        found = []
        status = _abi.imp_gateway_status(size=ctypes.sizeof(_abi.imp_gateway_status))
        while lib.imp_calendar_gateway_at(self._p(), len(found), ctypes.byref(status)) == Error.OK:
            found.append(GatewayStatus._of(status))
        return found

    def map(self, user: str, gateway: str, mailbox: str, *, zone: str | None = None, group: str | None = None,
            url: str | None = None) -> None:
        """Whose mailbox it is. It is read at once."""
        m = _abi.imp_mailbox(ctypes.sizeof(_abi.imp_mailbox), need(user), need(gateway), need(mailbox), enc(zone),
                             enc(group), enc(url))
        self._check(lib.imp_calendar_map(self._p(), ctypes.byref(m)))

    def unmap(self, user: str, gateway: str) -> None:
        self._check(lib.imp_calendar_unmap(self._p(), need(user), need(gateway)))

    def refresh(self, user: str, gateway: str) -> None:
        """Reads a mailbox soon, whatever its turn."""
        self._check(lib.imp_calendar_refresh(self._p(), need(user), need(gateway)))

    def mailbox_status(self, user: str, gateway: str) -> MailboxStatus:
        s = _abi.imp_mailbox_status(size=ctypes.sizeof(_abi.imp_mailbox_status))
        self._check(lib.imp_calendar_mailbox_status(self._p(), need(user), need(gateway), ctypes.byref(s)))
        return MailboxStatus(dec(s.mailbox), _time(s.last_success), dec(s.last_error), bool(s.subscribed),
                             _time(s.known_until))

    def webhook(self, query: str, body: bytes) -> WebhookAnswer:
        """What to answer to Microsoft Graph, at once."""
        answer = _abi.imp_webhook_answer(size=ctypes.sizeof(_abi.imp_webhook_answer))
        self._check(lib.imp_calendar_webhook(self._p(), need(query), octets(body), len(body), ctypes.byref(answer)))
        return WebhookAnswer(answer.status, dec(answer.content_type) if answer.content_type else None,
                             octets(answer.body[:answer.bodylen]) if answer.body else b"")

    # ---- zones ----

    def add_zone(self, name: str, tzif: bytes) -> None:
        self._check(lib.imp_calendar_add_zone(self._p(), need(name), octets(tzif), len(tzif)))

    def local_time(self, zone: str, local: datetime) -> datetime:
        """The moment of a date and time without a zone."""
        moment = ctypes.c_uint64()
        self._check(lib.imp_calendar_local_time(self._p(), need(zone), _ms(local.replace(tzinfo=timezone.utc)),
                                                ctypes.byref(moment)))
        return _EPOCH + timedelta(milliseconds=moment.value)


_calendars = Registry(weak=True)
_lists = Registry()


@callback(_abi.imp_calendar_callbacks_on_change)
def _on_change(ptr, user, state, number):
    calendar = _calendars.get(number)
    if calendar.on_change is not None:
        calendar.on_change(dec(user), State._of(state.contents))


@callback(_abi.imp_calendar_callbacks_on_gateway)
def _on_gateway(ptr, status, number):
    calendar = _calendars.get(number)
    if calendar.on_gateway is not None:
        calendar.on_gateway(GatewayStatus._of(status.contents))


@callback(_abi.imp_calendar_callbacks_get_zone)
def _on_zone(ptr, name, number):
    calendar = _calendars.get(number)
    data = calendar._get_zone(dec(name))
    check(lib.imp_calendar_add_zone(ptr, name, octets(data), len(data)))


@callback(_abi.imp_calendar_callbacks_want_turn)
def _want_turn(ptr, number):
    _calendars.get(number)._turn_soon()


@callback(_abi.imp_log_fn)
def _on_log(number, area, level, subject, text):
    calendar = _calendars.get(number)
    if calendar._log is not None:
        calendar._log(f"{LogLevel(level).name.lower()} {LogArea(area).name.lower()} {dec(subject)}: {dec(text)}")


@callback(_abi.imp_calendar_run_fn)
def _on_run(state, number):
    _lists.get(number).append(State._of(state.contents))
