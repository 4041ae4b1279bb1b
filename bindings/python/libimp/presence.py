"""Presence (imp/presence.h), usable alone: many sources, one presence, and its ways onto the wire.

    from libimp.presence import Composer, Kind, Source, State

    composer = Composer(lambda person, presence: print(person, presence.reason(tz)))
    composer.set("juliet@example.org", Source(Kind.CLIENT, State.AVAILABLE, id="phone"))
    composer.set("juliet@example.org", Source(Kind.CALENDAR, State.MEETING, from_=nine, until=ten))
    # … and composer.handle_expiry() at composer.expiry: "in a meeting until 10:00, from calendar"

Moments are datetimes with a time zone, or milliseconds since 1970; they come back as datetimes in UTC. Words show the
clock of the time zone `tz`.
"""
import ctypes
import time
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any, Callable, Iterable, Sequence

from . import _abi
from ._abi import (IMP_NS_ACTIVITY as NS_ACTIVITY, IMP_NS_PIDF as NS_PIDF, IMP_NS_RPID as NS_RPID, PresenceState as State,
                   SourceKind as Kind)
from ._lib import lib
from .core import (InvalidArgument, OutOfRange, Registry, StateError, Struct, Unique, callback, check, close_at_exit, dec,
                   enc, need, report, to_call, unsigned)

__all__ = ["Composer", "DEFAULT_RULES", "Kind", "NS_ACTIVITY", "NS_PIDF", "NS_RPID", "Pidf", "Presence", "Rule", "Settings",
           "Source", "State", "compose", "from_ms", "from_show", "kind_name", "parse_pidf", "state_name"]

#: A moment: a datetime with a time zone, or milliseconds since 1970.
Moment = datetime | int

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_NEVER: int = _abi.IMP_WALLCLOCK_NEVER


def now() -> int:
    """The clock that objects use unless they are given another: milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def _ms(moment: Moment | None) -> int:
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise InvalidArgument(f"a moment without a time zone: {moment}")
        moment = (moment - _EPOCH) // timedelta(milliseconds=1)
    return unsigned(moment or 0, 64)


def _moment(ms: int) -> datetime | None:
    """None for what is unknown, never, or beyond what datetime can say."""
    try:
        return _EPOCH + timedelta(milliseconds=ms) if 0 < ms < _NEVER else None
    except OverflowError:
        return None


# ---- sources ----

@dataclass(frozen=True)
class Source:
    """What is known about a person from one place. `kind` and `id` say which; see imp_source for the others."""
    kind: Kind
    state: State = State.OFFLINE
    id: str = ""
    note: str = ""                  #: the person's own words; of a calendar the subject
    from_: Moment | None = None     #: holds from then on
    until: Moment | None = None     #: ends then, and words say so
    expires: Moment | None = None   #: not to be believed any longer from then on
    priority: int = 0

    def _struct(self) -> Any:
        if not -1 << 31 <= self.priority < 1 << 31:
            raise OutOfRange(f"priority {self.priority}: must have 32 bits")
        s = _abi.imp_source(size=ctypes.sizeof(_abi.imp_source), kind=unsigned(self.kind), state=unsigned(self.state),
                            priority=self.priority, id=need(self.id), note=need(self.note), until=_ms(self.until),
                            expires=_ms(self.expires))
        setattr(s, "from", _ms(self.from_))
        return s

    @classmethod
    def _of(cls, s: Any) -> "Source":
        return cls(Kind(s.kind), State(s.state), dec(s.id), dec(s.note), _moment(getattr(s, "from")), _moment(s.until),
                   _moment(s.expires), s.priority)


def state_name(state: State) -> str:
    """"offline", "in a meeting", …"""
    return dec(lib.imp_presence_state_name(int(state)))


def kind_name(kind: Kind) -> str:
    """"client", "calendar", …"""
    return dec(lib.imp_source_kind_name(int(kind)))


# ---- rules and settings ----

def _bits(members: Iterable[int]) -> int:
    found = 0
    for member in members:
        found |= 1 << member
    return found


@dataclass(frozen=True)
class Rule:
    """A rule matches a source whose kind and state are among these, unless a source of these kinds says one of `unless`."""
    name: str
    kinds: frozenset[Kind]
    states: frozenset[State]
    unless: frozenset[State] = field(default_factory=frozenset)
    show_as: State | None = None    #: what to show; None: what the source says

    def _struct(self) -> Any:
        return _abi.imp_presence_rule(size=ctypes.sizeof(_abi.imp_presence_rule), name=need(self.name),
                                      kinds=_bits(self.kinds), states=_bits(self.states), unless=_bits(self.unless),
                                      show_as=int(self.show_as or 0))

    @classmethod
    def _of(cls, r: Any) -> "Rule":
        return cls(dec(r.name), frozenset(k for k in Kind if r.kinds >> k & 1),
                   frozenset(s for s in State if r.states >> s & 1), frozenset(s for s in State if r.unless >> s & 1),
                   State(r.show_as) if r.show_as else None)


def _default_rules() -> tuple[Rule, ...]:
    count = ctypes.c_size_t()
    rules = lib.imp_presence_default_rules(ctypes.byref(count))
    return tuple(Rule._of(rules[i]) for i in range(count.value))


#: The rules that hold unless settings have others, in order.
DEFAULT_RULES: tuple[Rule, ...] = _default_rules()


class Settings(Struct):
    """Settings; the library's defaults, unless given. Settings(busy_show=1, without_client={Kind.CALENDAR})"""
    _type, _init = _abi.imp_presence_settings, staticmethod(lib.imp_presence_settings_default)

    busy_show: int          #: <show/> of busy, in a meeting, on the phone: 0 none (default), 1 away
    publish_subjects: int   #: 0 (default) or 1: others may read subjects of meetings
    status_source: int      #: 0, or 1 (default): <status/> says from which source
    max_sources: int        #: of one person; default 64 (Composer)
    max_note: int           #: bytes of a note; default 1,024 (Composer)

    @property
    def without_client(self) -> frozenset[Kind]:
        """Kinds that are shown although no client is there; default none."""
        return frozenset(k for k in Kind if self._struct.without_client >> k & 1)

    @property
    def rules(self) -> Sequence[Rule]:
        return self.__dict__.get("_rules", DEFAULT_RULES)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "without_client":
            self._struct.without_client = _bits(value)
        elif name == "rules":
            self._set_rules(None if value is None else tuple(value))
        elif name == "rules_count":
            raise AttributeError("rules_count follows from rules")
        else:
            super().__setattr__(name, value)

    def _set_rules(self, rules: tuple[Rule, ...] | None) -> None:
        if rules is None:
            self.__dict__.pop("_rules", None)
            self._struct.rules, self._struct.rules_count = None, 0
            return
        structs = [rule._struct() for rule in rules]
        array = (_abi.imp_presence_rule * max(len(structs), 1))(*structs)
        self.__dict__["_rules"], self.__dict__["_array"] = rules, (array, structs)
        self._struct.rules = ctypes.cast(array, ctypes.POINTER(_abi.imp_presence_rule))
        self._struct.rules_count = len(structs)

    def _values(self) -> dict[str, Any]:
        names = [name for name, _ in self._type._fields_ if name not in ("size", "rules", "rules_count")]
        values = {name: getattr(self, name) for name in names}
        return values | ({"rules": self.rules} if "_rules" in self.__dict__ else {})

    def check(self) -> None:
        """Raises OutOfRange or InvalidArgument, whose text says what is wrong."""
        text = ctypes.create_string_buffer(300)
        check(lib.imp_presence_settings_check(ctypes.byref(self._struct), text, len(text)), lambda: dec(text.value))


def _ref(settings: Settings | None) -> Any:
    return ctypes.byref(settings._struct) if settings is not None else None


# ---- presence ----

@dataclass(frozen=True)
class Presence:
    """One presence, and why. Moments are datetimes in UTC, None if not known."""
    state: State
    kind: Kind | None = None            #: of the source that won
    rule: int | None = None             #: the number of the rule that matched
    idle: bool = False                  #: there are clients, and none is in use
    at: datetime | None = None          #: when it was composed
    from_: datetime | None = None
    until: datetime | None = None
    expiry: datetime | None = None      #: compose again then
    id: str = ""                        #: of the source that won
    note: str = ""                      #: the person's own words
    subject: str = ""                   #: of the meeting, if settings allow it
    away_note: str = ""                 #: the out-of-office note, beside whatever won

    @classmethod
    def _of(cls, p: Any) -> "Presence":
        return cls(State(p.state), Kind(p.kind) if p.kind < len(Kind) else None,
                   p.rule if p.rule != _abi.IMP_PRESENCE_NO_RULE else None, bool(p.idle), _moment(p.at),
                   _moment(getattr(p, "from")), _moment(p.until), _moment(p.expiry), dec(p.id), dec(p.note), dec(p.subject),
                   dec(p.away_note))

    def _struct(self) -> Any:
        p = _abi.imp_presence(size=ctypes.sizeof(_abi.imp_presence), state=unsigned(self.state),
                              kind=len(Kind) if self.kind is None else unsigned(self.kind),
                              rule=_abi.IMP_PRESENCE_NO_RULE if self.rule is None else unsigned(self.rule),
                              idle=bool(self.idle), at=_ms(self.at), until=_ms(self.until),
                              expiry=_NEVER if self.expiry is None else _ms(self.expiry), id=need(self.id),
                              note=need(self.note), subject=need(self.subject), away_note=need(self.away_note))
        setattr(p, "from", _ms(self.from_))
        return p

    def _offset(self, tz: tzinfo | None) -> int:
        """Minutes east of Greenwich at the moment that words speak of."""
        moment = self.until or self.at
        shift = moment.astimezone(tz).utcoffset() if tz is not None and moment is not None else None
        return 0 if shift is None else shift // timedelta(minutes=1)

    def _text(self, write: Any, *arguments: Any) -> str:
        size = 512
        while True:
            text = ctypes.create_string_buffer(size)
            length = write(ctypes.byref(self._struct()), *arguments, text, size)
            if length < size:
                return dec(text.value)
            size = length + 1

    def same_as(self, other: "Presence") -> bool:
        """Others would see the same."""
        return bool(lib.imp_presence_equal(ctypes.byref(self._struct()), ctypes.byref(other._struct())))

    def reason(self, tz: tzinfo | None = None) -> str:
        """"in a meeting until 15:00, from calendar\""""
        return self._text(lib.imp_presence_write_reason, self._offset(tz))

    def status(self, settings: Settings | None = None, tz: tzinfo | None = None) -> str:
        """What others read as status text; "" if there is nothing to say."""
        return self._text(lib.imp_presence_write_status, _ref(settings), self._offset(tz))

    def show(self, settings: Settings | None = None) -> str:
        """The content of <show/>, "" if there is none."""
        return dec(lib.imp_presence_get_show(ctypes.byref(self._struct()), _ref(settings)))

    def xmpp(self, settings: Settings | None = None, tz: tzinfo | None = None) -> str:
        """<show/> and <status/>, as far as there are any."""
        return self._text(lib.imp_presence_write_xmpp, _ref(settings), self._offset(tz))

    def activity(self, tz: tzinfo | None = None) -> str:
        """<activity/> (XEP-0108), a payload for PEP."""
        return self._text(lib.imp_presence_write_activity, self._offset(tz))

    def pidf(self, entity: str, contact: str | None = None, *, tuple_id: str | None = None,
             settings: Settings | None = None, tz: tzinfo | None = None) -> str:
        """A PIDF document with RPID activities."""
        options = _abi.imp_pidf_options(size=ctypes.sizeof(_abi.imp_pidf_options), entity=need(entity), contact=enc(contact),
                                        tuple_id=enc(tuple_id), utc_offset=self._offset(tz))
        return self._text(lib.imp_presence_write_pidf, _ref(settings), ctypes.byref(options))

    @property
    def ms_number(self) -> int:
        """Microsoft's aggregate number."""
        return lib.imp_presence_get_ms_number(ctypes.byref(self._struct()))

    @property
    def ms_activity(self) -> str:
        """Microsoft's token: "in-a-meeting", …; "" for none."""
        return dec(lib.imp_presence_get_ms_activity(ctypes.byref(self._struct())))


def compose(sources: Iterable[Source], settings: Settings | None = None, at: Moment | None = None) -> Presence:
    """Composes one presence; `at` is now, unless told."""
    structs = [source._struct() for source in sources]
    pointers = (ctypes.POINTER(_abi.imp_source) * max(len(structs), 1))(*(ctypes.pointer(s) for s in structs))
    p = _abi.imp_presence()
    moment = now() if at is None else _ms(at)
    if settings is not None:
        settings.check()
    check(lib.imp_presence_compose(ctypes.byref(p), ctypes.sizeof(p), _ref(settings), pointers, len(structs), moment))
    return Presence._of(p)


def from_show(show: str | None) -> State:
    """The state that the content of <show/> stands for."""
    return State(lib.imp_presence_from_show(enc(show)))


def from_ms(number: int, activity: str | None = None) -> Presence:
    """What Microsoft's aggregate number, and the activity's token, stand for."""
    p = _abi.imp_presence()
    lib.imp_presence_from_ms(ctypes.byref(p), ctypes.sizeof(p), unsigned(number), enc(activity))
    return Presence._of(p)


@dataclass(frozen=True)
class Pidf:
    """A PIDF document that was read."""
    entity: str
    contact: str
    presence: Presence


def parse_pidf(text: str | bytes, at: Moment | None = None) -> Pidf:
    """Reads a PIDF document. Raises Malformed, TooBig."""
    data = text.encode() if isinstance(text, str) else bytes(text)
    found = ctypes.POINTER(_abi.imp_pidf)()
    check(lib.imp_pidf_parse(ctypes.byref(found), data, len(data), now() if at is None else _ms(at)))
    try:
        return Pidf(dec(found.contents.entity), dec(found.contents.contact), Presence._of(found.contents.presence))
    finally:
        lib.imp_pidf_del(found)


# ---- many people ----

class Composer(Unique):
    """The presence of many people. `changed(person, presence)` is called for those whose presence became another.

    Call handle_expiry() no later than `expiry`. Within `changed` only get() and sources() may be called.
    """
    _close_order = 0

    def __init__(self, changed: Callable[[str, Presence], None] | None = None, *, settings: Settings | None = None,
                 clock: Callable[[], int] = now):
        self._ptr = 0
        self.clock = clock
        self._changed = to_call(changed) if changed is not None else None
        self._busy = False
        self._settings = settings
        self._number = _composers.add(self)
        callbacks = _abi.imp_composer_callbacks(size=ctypes.sizeof(_abi.imp_composer_callbacks), changed=_on_changed)
        ptr, text = ctypes.c_void_p(), ctypes.create_string_buffer(300)
        check(lib.imp_composer_new(ctypes.byref(ptr), _ref(settings), ctypes.byref(callbacks), text, len(text),
                                   self._number), lambda: dec(text.value))
        self._ptr = ptr.value or 0
        close_at_exit(self)

    def _p(self) -> int:
        if not self._ptr:
            raise StateError("the composer is closed")
        return self._ptr

    def set(self, person: str, source: Source) -> None:
        """A source: new, or in place of that with the same kind and id. Raises LimitReached above max_sources."""
        struct = source._struct()
        check(lib.imp_composer_set(self._p(), need(person), ctypes.byref(struct), self.clock()))

    def remove(self, person: str, kind: Kind, id: str = "") -> None:
        """Takes a source away. Raises NotFound."""
        check(lib.imp_composer_remove(self._p(), need(person), int(kind), need(id), self.clock()))

    def forget(self, person: str) -> None:
        """Takes all of a person's sources away. Raises NotFound."""
        check(lib.imp_composer_forget(self._p(), need(person), self.clock()))

    def get(self, person: str) -> Presence:
        """Somebody's presence now; who has no sources is offline."""
        p = _abi.imp_presence()
        lib.imp_composer_get(self._p(), need(person), ctypes.byref(p), ctypes.sizeof(p), self.clock())
        return Presence._of(p)

    def sources(self, person: str) -> list[Source]:
        found: list[Source] = []
        ptr, name, pos = self._p(), need(person), ctypes.c_size_t()
        while source := lib.imp_composer_next_source(ptr, name, ctypes.byref(pos)):
            found.append(Source._of(source.contents))
        return found

    @property
    def settings(self) -> Settings:
        """A copy; assign to change."""
        return Settings(**self._settings._values()) if self._settings is not None else Settings()

    @settings.setter
    def settings(self, settings: Settings) -> None:
        text = ctypes.create_string_buffer(300)
        check(lib.imp_composer_set_settings(self._p(), _ref(settings), text, len(text), self.clock()),
              lambda: dec(text.value))
        self._settings = Settings(**settings._values())

    @property
    def expiry(self) -> datetime | None:
        """When to call handle_expiry() at the latest; None: never."""
        return _moment(lib.imp_composer_get_expiry(self._p()))

    def handle_expiry(self) -> None:
        """Sources begin and end."""
        check(lib.imp_composer_handle_expiry(self._p(), self.clock()))

    def __len__(self) -> int:
        """How many people have sources."""
        return lib.imp_composer_count(self._p())

    def __bool__(self) -> bool:
        return True

    def close(self) -> None:
        """Forgets everybody. Twice is no error."""
        if self._ptr:
            if self._busy:
                raise StateError("not within a callback: close")
            ptr, self._ptr = self._ptr, 0
            lib.imp_composer_del(ptr)
        _composers.pop(self._number)

    def __del__(self) -> None:
        if "_number" in self.__dict__:
            self.close()

    def __enter__(self) -> "Composer":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


_composers = Registry(weak=True)


@callback(_abi.imp_composer_callbacks_changed)
def _on_changed(ptr, person, presence, number):
    composer = _composers.get(number)
    if composer._changed is None:
        return
    composer._busy = True
    try:
        composer._changed(dec(person), Presence._of(presence.contents))
    except BaseException as e:
        report(e, getattr(composer._changed, "__qualname__", repr(composer._changed)))
    finally:
        composer._busy = False


assert [f.name for f in fields(Presence)] == [
    {"from": "from_"}.get(name, name) for name, _ in _abi.imp_presence._fields_ if name != "size"]
