"""Stream management (imp/sm.h; XEP-0198), usable alone: no node, no sockets, no XML.

A host with an XMPP server of its own parses <enable/>, <resume/>, <r/> and <a/>, calls this, and writes what it returns.
Packets are any Python objects. The header tells the whole story, step by step.
"""
import ctypes
import os
import re
from dataclasses import dataclass, field
from typing import Any, Callable, Iterator

from . import _abi
from ._abi import (IMP_NS_SM as NS_SM, DropRule, Fate, ResumeResult, Settled, SmPolicy as Policy, SmProfile as Profile)
from ._lib import lib
from .core import (NEVER, InvalidArgument, Registry, StateError, Struct, Unique, callback, check, close_at_exit, dec, enc,
                   need, now, report, to_call, unsigned)

__all__ = ["DropRule", "Fate", "Ledger", "Manager", "NS_SM", "Policy", "Profile", "ResumeResult", "Resumption", "Session",
           "Settings", "Settled", "State", "Stats", "drop_rule_name", "fate_name", "parse_h", "parse_max", "parse_resume",
           "write_failed", "write_r", "write_too_high"]


class Settings(Struct):
    """Settings of stream management; the library's defaults, unless given. Settings(timeout=90, policy=Policy.STORE)"""
    _type, _init = _abi.imp_sm_settings, staticmethod(lib.imp_sm_settings_default)

    enabled: int          #: 0 or 1; default 1
    profile: int          #: a Profile; default strict
    timeout: int          #: seconds a lost session can be resumed; default 60
    buffer_packets: int   #: kept for a session; default 100
    buffer_bytes: int     #: and bytes; default 1 MiB
    ack_rate: int         #: stanzas sent before <r/>; default 5
    policy: int           #: a Policy; default return
    max_hibernated: int   #: sessions of one user that may wait; default 10
    handled_time: int     #: seconds that `h` of a session that is gone is known; default 48 h
    handled_max: int      #: how many of them; default 100,000

    def check(self) -> None:
        """Raises OutOfRange, which names the setting, the value and the range."""
        text = ctypes.create_string_buffer(300)
        check(lib.imp_sm_settings_check(ctypes.byref(self._struct), text, len(text)), lambda: dec(text.value))


@dataclass(frozen=True)
class Stats:
    """`packets` = `queued` + `acked` + `evicted` + `abandoned`, at any moment."""
    sessions: int       #: enabled now, hibernating ones included
    hibernating: int    #: now
    queued: int         #: packets in all buffers now
    queued_bytes: int   #: and their bytes
    enabled: int        #: totals since the start from here on
    resumed: int
    refused: int
    expired: int
    acked: int
    resent: int
    evicted: int
    abandoned: int
    packets: int
    inherited: int
    handled: int        #: now: sessions that are gone and whose handled count is known

    @classmethod
    def _of(cls, s: Any) -> "Stats":
        return cls(*(getattr(s, name) for name, _ in s._fields_ if name != "size"))


@dataclass(frozen=True)
class Ledger:
    """The account of every message: each copy that was accepted is in exactly one state."""
    accepted: int
    now: dict[Fate, int] = field(default_factory=dict)
    dropped: dict[DropRule, int] = field(default_factory=dict)

    @property
    def balances(self) -> bool:
        """The states add up to what was accepted, and the rules to what was dropped."""
        return sum(self.now.values()) == self.accepted and sum(self.dropped.values()) == self.now[Fate.DROPPED]

    @classmethod
    def _of(cls, s: Any) -> "Ledger":
        return cls(s.accepted, {f: s.now[f] for f in Fate}, {r: s.dropped[r] for r in DropRule})


@dataclass(frozen=True)
class State:
    """A session as a host stores it, to give it back to Manager.restore()."""
    id: str
    user: str
    in_: int
    out: int
    acked: int
    max: int
    evicted: int
    past: int

    def _to(self) -> Any:
        s = _abi.imp_sm_state()
        s.size, s.id, s.user = ctypes.sizeof(s), need(self.id), need(self.user)
        setattr(s, "in", unsigned(self.in_))
        for name in ("out", "acked", "max", "evicted", "past"):
            setattr(s, name, unsigned(getattr(self, name)))
        return s


@dataclass(frozen=True)
class Resumption:
    """What came of a <resume/>. `handled` is our count for <failed h=''/>, None if it is not known."""
    result: ResumeResult
    session: "Session | None"
    handled: int | None


def _buffer() -> Any:
    return ctypes.create_string_buffer(_abi.IMP_SM_TEXT_MAX)


class Session(Unique):
    """One session: counters of both directions, and the buffer of what the client has not acknowledged.

    Made by Manager.enable(). Dead after close(), after it was inherited, and when it was not resumed in time.
    """

    def __init__(self, manager: "Manager", ptr: int, data: Any = None):
        self._manager, self._ptr, self._busy, self._leaving = manager, ptr, 0, False
        #: Anything of the host's.
        self.data = data

    def _p(self) -> int:
        if not self._ptr:
            raise StateError("the session is over")
        return self._ptr

    def _free_p(self) -> int:
        if self._busy:
            raise StateError("not within a callback of this session")
        return self._p()

    @property
    def is_over(self) -> bool:
        return not self._ptr

    @property
    def id(self) -> str:
        """For <enabled/>; "" if not resumable."""
        return dec(lib.imp_sm_get_id(self._p()))

    @property
    def user(self) -> str:
        return dec(lib.imp_sm_get_user(self._p()))

    @property
    def settings(self) -> Settings:
        """Those under which the session was enabled."""
        copy = Settings()
        ctypes.memmove(ctypes.byref(copy._struct), lib.imp_sm_get_settings(self._p()), ctypes.sizeof(copy._struct))
        return copy

    @property
    def max(self) -> int:
        """The granted seconds; 0 if not resumable."""
        return lib.imp_sm_get_max(self._p())

    @property
    def in_(self) -> int:
        """Stanzas received and handled: our `h`."""
        return lib.imp_sm_get_in(self._p())

    @property
    def out(self) -> int:
        return lib.imp_sm_get_out(self._p())

    @property
    def acked_count(self) -> int:
        return lib.imp_sm_get_acked(self._p())

    @property
    def queued(self) -> int:
        """Packets in the buffer."""
        return lib.imp_sm_get_queued(self._p())

    @property
    def queued_bytes(self) -> int:
        return lib.imp_sm_get_queued_bytes(self._p())

    @property
    def room(self) -> int:
        """How many more packets fit before the oldest is evicted."""
        return lib.imp_sm_get_room(self._p())

    @property
    def is_hibernating(self) -> bool:
        return bool(lib.imp_sm_is_hibernating(self._p()))

    @property
    def deadline(self) -> int:
        """When a hibernating session ends; NEVER while connected."""
        return lib.imp_sm_get_deadline(self._p())

    @property
    def r_outstanding(self) -> bool:
        return bool(lib.imp_sm_r_outstanding(self._p()))

    def received(self) -> None:
        """A stanza came in, valid or not."""
        lib.imp_sm_received(self._free_p())

    def sent(self, packet: Any, size: int) -> bool:
        """A stanza goes out, or would, if the session hibernates. True: write an <r/> after it. None is counted, not kept."""
        if self._leaving:
            raise StateError("the session is being inherited")
        ptr, size = self._p(), unsigned(size, 31)
        number = None if packet is None else self._manager._packets.add(packet)
        rv = lib.imp_sm_sent(ptr, number, size)
        if rv < 0:
            self._manager._packets.pop(number)
        return check(rv) == _abi.IMP_SM_WANT_R

    def acked(self, h: int) -> bool:
        """<a h=''/>. True: write an <r/>. Raises Malformed for an `h` above what was sent: see write_too_high()."""
        with self._manager._during():
            return check(lib.imp_sm_acked(self._free_p(), unsigned(h))) == _abi.IMP_SM_WANT_R

    def requested(self) -> None:
        """An <r/> was written of the host's own accord."""
        lib.imp_sm_requested(self._free_p())

    def set_inactive(self, inactive: bool) -> None:
        """XEP-0352."""
        lib.imp_sm_set_inactive(self._free_p(), inactive)

    def disconnected(self) -> None:
        """The link is gone: hibernates. Raises StateError if the session is not resumable: then close() it."""
        with self._manager._during():
            check(lib.imp_sm_disconnected(self._free_p(), self._manager.clock()))

    def unacked(self, resend: bool = False) -> list[tuple[int, Any]]:
        """The buffer, oldest first: (number, packet). With `resend` the host writes them to the client now."""
        found: list[tuple[int, Any]] = []
        ptr, pos, count = self._free_p(), ctypes.c_size_t(), ctypes.c_uint32()
        while True:
            packet = lib.imp_sm_next_unacked(ptr, ctypes.byref(pos), ctypes.byref(count), resend)
            if packet is None:
                return found
            found.append((count.value, self._manager._packets.get(packet)))

    def inherit(self, old: "Session", h: int | None = None, sent: Callable[[int, Any], None] | None = None) -> bool:
        """Takes over the queue of an older session of the same user; `sent(number, packet)` writes. True: write an <r/>."""
        manager = self._manager
        mine, theirs = self._free_p(), old._free_p()
        number = _inheriting.add((manager, sent)) if sent else 0
        self._busy += 1
        old._busy += 1
        old._leaving = True
        try:
            with manager._during():
                rv = lib.imp_sm_inherit(mine, theirs, h is not None, unsigned(h or 0), manager.clock(),
                                        _inherit_sent if sent else _abi.imp_sm_inherit_sent(), number)
        finally:
            self._busy -= 1
            old._busy -= 1
            old._leaving = False
            _inheriting.pop(number)
        check(rv)
        manager._forget(theirs, old)
        return rv == _abi.IMP_SM_WANT_R

    def next_hibernating(self) -> "Session | None":
        """The next older hibernating session of the same user."""
        return self._manager._session(lib.imp_sm_next_hibernating(self._p()))

    def state(self) -> State:
        s = _abi.imp_sm_state()
        lib.imp_sm_get_state(self._p(), ctypes.byref(s), ctypes.sizeof(s))
        return State(dec(s.id), dec(s.user), getattr(s, "in"), s.out, s.acked, s.max, s.evicted, s.past)

    def restore_packet(self, packet: Any, size: int, number: int) -> None:
        """A kept packet with its number, after Manager.restore(), in order."""
        ptr, size, number = self._free_p(), unsigned(size, 31), unsigned(number)
        handle = self._manager._packets.add(packet)
        rv = lib.imp_sm_restore_packet(ptr, handle, size, number)
        if rv < 0:
            self._manager._packets.pop(handle)
        check(rv)

    def write_enabled(self, location: str | None = None) -> str:
        """<enabled/>"""
        text = _buffer()
        lib.imp_sm_write_enabled(self._p(), enc(location), text)
        return dec(text.value)

    def write_resumed(self) -> str:
        """<resumed/>"""
        text = _buffer()
        lib.imp_sm_write_resumed(self._p(), text)
        return dec(text.value)

    def write_a(self) -> str:
        """<a/>"""
        text = _buffer()
        lib.imp_sm_write_a(self._p(), text)
        return dec(text.value)

    def close(self, remember: bool = False) -> None:
        """Abandons what is in the buffer. `remember` our `h`, unless the stream was closed in good order. Twice is no error."""
        if self._ptr:
            ptr = self._free_p()
            self._busy += 1
            with self._manager._during():
                lib.imp_sm_del(ptr, remember, self._manager.clock())
            self._manager._forget(ptr, self)


class Manager(Unique):
    """Settings, all resumable sessions, what is hibernating and until when.

    settle(session, packet, number, how)  the buffer lets go of a packet, oldest first
    expired(session)                      a hibernating session is over; its packets are settled after this
    evicted_acked(session, number)        packets evicted before, up to this number, have arrived
    late_acked(user, id, number)          so have packets of a session that is gone
    random(length)                        unguessable bytes; default os.urandom

    Callbacks may call anything on other sessions; on the session that they are about, the properties and sent(). Call
    handle_expiry() no later than `expiry`. Raises OutOfRange for settings.
    """
    _close_order = 0

    def __init__(self, settle: Callable[["Session", Any, int, Settled], None],
                 expired: Callable[["Session"], None] = lambda session: None, *, settings: Settings | None = None,
                 prefix: str = "", evicted_acked: Callable[["Session", int], None] | None = None,
                 late_acked: Callable[[str, str, int], None] | None = None,
                 random: Callable[[int], bytes] = os.urandom, clock: Callable[[], int] = now):
        self._ptr = self._depth = 0
        self.clock = clock
        self._settle, self._expired, self._random = to_call(settle), to_call(expired), to_call(random)
        self._evicted_acked, self._late_acked = evicted_acked, late_acked
        self._packets = Registry()
        self._sessions: dict[int, Session] = {}
        self._dying: list[tuple[int, Session]] = []
        self._number = _managers.add(self)
        callbacks = _abi.imp_sm_callbacks(size=ctypes.sizeof(_abi.imp_sm_callbacks), settle=_on_settle,
                                          expired=_on_expired, random=_on_random)
        if evicted_acked:
            callbacks.evicted_acked = _on_evicted_acked
        if late_acked:
            callbacks.late_acked = _on_late_acked
        ptr, text = ctypes.c_void_p(), ctypes.create_string_buffer(300)
        check(lib.imp_sm_manager_new(ctypes.byref(ptr), ctypes.byref(settings._struct) if settings else None,
                                     ctypes.byref(callbacks), enc(prefix), text, len(text), self._number),
              lambda: dec(text.value))
        self._ptr = ptr.value or 0
        close_at_exit(self)

    def _p(self) -> int:
        if not self._ptr:
            raise StateError("the manager is closed")
        return self._ptr

    def _during(self) -> "_During":
        return _During(self)

    def _session(self, ptr: int | None) -> Session | None:
        return self._sessions.get(ptr) if ptr else None

    def _forget(self, ptr: int, session: Session) -> None:
        session._ptr = 0
        if self._sessions.get(ptr) is session:
            del self._sessions[ptr]

    def _adopt(self, ptr: int, data: Any) -> Session:
        old = self._sessions.get(ptr)
        if old:             # its memory is used again
            self._forget(ptr, old)
        self._sessions[ptr] = session = Session(self, ptr, data)
        return session

    def enable(self, user: str, resume: bool = True, max: int = 0, data: Any = None) -> Session:
        """<enable/>: a new session of `user` (a bare JID). `max`: seconds that the client asked for. Raises Denied when off."""
        ptr = ctypes.c_void_p()
        check(lib.imp_sm_new(self._p(), ctypes.byref(ptr), need(user), resume, unsigned(max), self.clock(), None))
        return self._adopt(ptr.value or 0, data)

    def resume(self, user: str, previd: str, h: int) -> Resumption:
        """<resume previd='' h=''/> by `user`."""
        sm, handled, known = ctypes.c_void_p(), ctypes.c_uint32(), ctypes.c_int()
        with self._during():
            result = lib.imp_sm_resume(self._p(), need(user), need(previd), unsigned(h), self.clock(), ctypes.byref(sm),
                                       ctypes.byref(handled), ctypes.byref(known))
        return Resumption(ResumeResult(result), self._session(sm.value), handled.value if known.value else None)

    def find(self, user: str, id: str) -> Session | None:
        """The resumable session with this id, if it is this user's."""
        return self._session(lib.imp_sm_find(self._p(), need(user), need(id)))

    def find_hibernating(self, user: str) -> Session | None:
        """The user's newest hibernating session."""
        return self._session(lib.imp_sm_find_hibernating(self._p(), need(user)))

    def hibernating(self, user: str) -> Iterator[Session]:
        """The user's hibernating sessions, newest first."""
        session = self.find_hibernating(user)
        while session:
            following = session.next_hibernating()
            yield session
            session = following

    @property
    def settings(self) -> Settings:
        copy = Settings()
        ctypes.memmove(ctypes.byref(copy._struct), lib.imp_sm_manager_get(self._p()), ctypes.sizeof(copy._struct))
        return copy

    @settings.setter
    def settings(self, settings: Settings) -> None:
        """For sessions that are enabled from now on."""
        text = ctypes.create_string_buffer(300)
        check(lib.imp_sm_manager_set(self._p(), ctypes.byref(settings._struct), text, len(text)),
              lambda: dec(text.value))

    @property
    def expiry(self) -> int:
        """When to call handle_expiry() at the latest; NEVER."""
        return lib.imp_sm_manager_get_expiry(self._p()) if self._ptr else NEVER

    def handle_expiry(self) -> None:
        """Ends hibernating sessions whose time is over."""
        self._not_within("handle_expiry")
        with self._during():
            lib.imp_sm_manager_handle_expiry(self._p(), self.clock())

    def expire_all(self) -> None:
        """Ends every hibernating session now."""
        self._not_within("expire_all")
        with self._during():
            lib.imp_sm_manager_expire_all(self._p(), self.clock())

    def _not_within(self, what: str) -> None:
        if self._depth:
            raise StateError(f"not within a callback: {what}")

    def stats(self) -> Stats:
        s = _abi.imp_sm_stats()
        lib.imp_sm_manager_stats(self._p(), ctypes.byref(s), ctypes.sizeof(s))
        return Stats._of(s)

    def restore(self, state: State, data: Any = None) -> Session:
        """Makes a session from its state, hibernating from now on. Raises Exists, Malformed."""
        s, ptr = state._to(), ctypes.c_void_p()
        check(lib.imp_sm_restore(self._p(), ctypes.byref(ptr), ctypes.byref(s), self.clock(), None))
        return self._adopt(ptr.value or 0, data)

    def restore_handled(self, state: State, seconds_left: int) -> None:
        """Remembers what a session that is gone had handled, and what was sent and not acknowledged."""
        s = state._to()
        check(lib.imp_sm_restore_handled(self._p(), ctypes.byref(s), unsigned(seconds_left), self.clock()))

    def close(self) -> None:
        """Ends all sessions, abandoning what they have. Twice is no error."""
        if self._ptr:
            self._not_within("close")
            for session in list(self._sessions.values()):
                if session._ptr and not session.is_hibernating:
                    session.close()
            ptr = self._ptr
            with self._during():
                lib.imp_sm_manager_del(ptr)
            self._ptr = 0
            for session in list(self._sessions.values()):
                session._ptr = 0
            self._sessions.clear()
        _managers.pop(self._number)

    def __del__(self) -> None:
        if "_number" in self.__dict__:
            self.close()

    def __enter__(self) -> "Manager":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class _During:
    """A call in which sessions may end: their objects are told afterwards."""

    def __init__(self, manager: Manager):
        self.manager = manager

    def __enter__(self) -> None:
        self.manager._depth += 1

    def __exit__(self, *exc: object) -> None:
        m = self.manager
        m._depth -= 1
        if m._depth == 0 and m._dying:
            dying, m._dying = m._dying, []
            for ptr, session in dying:
                m._forget(ptr, session)


_managers = Registry(weak=True)
_inheriting = Registry()


def _about(session: Session, fn: Callable[..., Any], *args: Any) -> None:
    session._busy += 1
    try:
        fn(*args)
    except BaseException as e:
        report(e, getattr(fn, "__qualname__", repr(fn)))
    finally:
        session._busy -= 1


@callback(_abi.imp_sm_callbacks_settle)
def _on_settle(sm, packet, count, how, number):
    manager = _managers.get(number)
    session, kept = manager._sessions[sm], manager._packets.pop(packet)
    if packet:
        _about(session, manager._settle, session, kept, count, Settled(how))


@callback(_abi.imp_sm_callbacks_evicted_acked)
def _on_evicted_acked(sm, count, number):
    manager = _managers.get(number)
    _about(manager._sessions[sm], manager._evicted_acked, manager._sessions[sm], count)


@callback(_abi.imp_sm_callbacks_expired)
def _on_expired(sm, number):
    manager = _managers.get(number)
    session = manager._sessions[sm]
    manager._dying.append((sm, session))
    _about(session, manager._expired, session)


@callback(_abi.imp_sm_callbacks_random)
def _on_random(to, length, number):
    data = _managers.get(number)._random(length)
    if len(data) != length:
        raise ValueError(f"{length} random bytes were asked for, {len(data)} given")
    ctypes.memmove(to, data, length)


@callback(_abi.imp_sm_callbacks_late_acked)
def _on_late_acked(user, id, count, number):
    _managers.get(number)._late_acked(dec(user), dec(id), count)


@callback(_abi.imp_sm_inherit_sent)
def _inherit_sent(sm, packet, count, number):
    manager, sent = _inheriting.get(number)
    sent(count, manager._packets.get(packet))


def fate_name(fate: Fate) -> str:
    """"in flight", "acknowledged", …"""
    return dec(lib.imp_fate_name(int(fate)))


def drop_rule_name(rule: DropRule) -> str:
    """"carbon", …"""
    return dec(lib.imp_drop_rule_name(int(rule)))


# ---- the elements as text ----

_CONDITION = re.compile("[a-z-]{1,100}")


def write_failed(condition: str, h: int | None = None) -> str:
    """<failed/>, with the name of a stanza error (RFC 6120 §8.3.3)"""
    text = _buffer()
    if not _CONDITION.fullmatch(condition):
        raise InvalidArgument(f"no name of a stanza error: {condition!r}")
    lib.imp_sm_write_failed(need(condition), h is not None, unsigned(h or 0), text)
    return dec(text.value)


def write_r() -> str:
    """<r/>"""
    text = _buffer()
    lib.imp_sm_write_r(text)
    return dec(text.value)


def write_too_high(h: int, sent: int) -> str:
    """The application-specific part of the stream error for an `h` that is too high (XEP-0198 §6)"""
    text = _buffer()
    lib.imp_sm_write_too_high(unsigned(h), unsigned(sent), text)
    return dec(text.value)


def parse_h(text: str | None) -> int:
    """The attribute `h`; raises Malformed, also for None."""
    h = ctypes.c_uint32()
    check(lib.imp_sm_parse_h(enc(text), ctypes.byref(h)), f"h: {text!r}")
    return h.value


def parse_resume(text: str | None) -> bool:
    """The attribute `resume` of <enable/>."""
    return bool(lib.imp_sm_parse_resume(enc(text)))


def parse_max(text: str | None) -> int:
    """The attribute `max` of <enable/>: seconds, 0: no wish."""
    return lib.imp_sm_parse_max(enc(text))
