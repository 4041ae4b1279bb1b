"""The node composes the rooms into a server (imp/node.h). It has no socket, thread or clock.

`libimp.aio` does on asyncio what has to be done around it.
"""
import ctypes
import inspect
import time
from dataclasses import dataclass
from typing import Any, Awaitable, Callable, Iterable

from . import _abi, conn, sm
from ._abi import Conflict as ConflictPolicy, LogArea, LogLevel, Role, SessionEvent, SessionState
from ._lib import lib
from .conn import ChannelBinding, Connection
from .core import (NEVER, Error, NotFound, Registry, StateError, Struct, Unique, callback, check, close_at_exit, dec,
                   enc, need, now, report, spawn, to_call)
from .jid import Jid
from .op import Credential, Op, answer, give_credential, give_name
from .sm import Ledger, Stats as SmStats
from .store import CStore
from .xml import Stanza

__all__ = ["ConflictPolicy", "Node", "Role", "SessionEvent", "SessionInfo", "SessionState", "Settings", "Stats"]


class Settings(Struct):
    """Settings of a node; the library's defaults, unless given. imp/node.h has the ranges; Node() checks them."""
    _type, _init = _abi.imp_settings, staticmethod(lib.imp_settings_default)

    domain: str
    node_name: str            #: begins session ids
    software: str             #: XEP-0092 name; default "libimp"
    mechanisms: int           #: sasl.Mechanism bits
    scram_iterations: int     #: of new accounts, and of users that do not exist; default 10,000
    conflict: int             #: a ConflictPolicy
    durable: int              #: 1: sessions survive the process, if the store does
    fast: int                 #: 1: FAST tokens are offered (XEP-0484)
    max_stanza_bytes: int
    max_preauth_stanza_bytes: int
    max_preauth_bytes: int
    preauth_timeout: int      #: seconds; default 30
    auth_attempts: int        #: on one connection; default 5
    max_output_bytes: int     #: that may wait for a slow reader; default 1 MiB
    recv_rate: int            #: bytes a second of one connection; 0: unlimited
    max_connections: int
    max_preauth_connections: int
    max_sessions_per_user: int
    offline_max: int          #: messages stored for one user; default 1,000
    op_timeout: int           #: seconds for an answer of the host; default 30
    xml_contexts: int
    log_level: int            #: a LogLevel; default info
    sm_location: str          #: XEP-0198 `location`: where clients should resume; "": not said

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "sm":
            self.__dict__["_sm"] = value
            self._struct.sm = ctypes.pointer(value._struct) if value else None
        else:
            super().__setattr__(name, value)

    @property
    def sm(self) -> sm.Settings | None:
        """Settings of stream management; None: defaults."""
        return self.__dict__.get("_sm")


@dataclass(frozen=True)
class SessionInfo:
    """A session as it was when asked."""
    jid: str              #: full JID
    peer: str             #: address of the connection, "" while hibernating
    state: SessionState
    available: bool       #: has sent presence
    priority: int
    secure: bool
    websocket: bool
    sm: bool              #: stream management is on
    queued: int           #: packets not acknowledged
    carbons: bool
    inactive: bool        #: XEP-0352
    since: int

    @classmethod
    def _of(cls, s: Any) -> "SessionInfo":
        return cls(dec(s.jid), dec(s.peer), SessionState(s.state), bool(s.available), s.priority, bool(s.secure),
                   bool(s.websocket), bool(s.sm), s.queued, bool(s.carbons), bool(s.inactive), s.since)


@dataclass(frozen=True)
class Stats:
    connections: int       #: now
    preauth: int           #: of them not authenticated
    sessions: int          #: now, hibernating included
    users: int             #: with a session now
    accepted: int          #: connections since the start
    logins: int            #: since the start
    login_failures: int
    stanzas_in: int
    stanzas_out: int
    bytes_in: int          #: on the wire
    bytes_out: int
    commits: int           #: of the store
    commit_failures: int
    ops_pending: int       #: with the host now
    sm: SmStats
    ledger: Ledger         #: the account of every message

    @classmethod
    def _of(cls, s: Any) -> "Stats":
        values = {name: getattr(s, name) for name, _ in s._fields_ if name != "size"}
        values["sm"], values["ledger"] = SmStats._of(s.sm), Ledger._of(s.ledger)
        return cls(**values)


Handler = Callable[[Stanza], Any]
_MISSING: Any = object()


class Node(Unique):
    """A server for one domain.

    Node("example.org", durable=True, sm=sm.Settings(timeout=90)): keywords are those of Settings, and the callbacks:

    on_write(connection)        has output, or is to be looked at: take(), is_paused, want_close; at the end of a turn
    on_turn()                   something was submitted, or an answer came: turn() should be called soon
    get_credential(username)    a password, a Credential, several, or None; of the same kind for all users, whom unknown
                                ones are made to resemble; default: accounts in the store
    user_exists(username)       True or False; default: accounts in the store
    check_token(username, token)            the local part, or None (OAUTHBEARER); default: refused
    check_certificate(authzid, der)         the local part, or None; default: xmppAddr names decide (XEP-0178)
    log(area, level, subject, text)         must not call into the library
    random(length), wallclock()             bytes; milliseconds since 1970. For tests that must repeat
    clock()                                 nanoseconds, monotonic

    The four in the middle may be coroutines. A node belongs to one thread. After every batch of calls comes turn().
    Raises OutOfRange or InvalidArgument for settings.
    """
    _close_order = 0

    def __init__(self, domain: str, *, settings: Settings | None = None,
                 on_write: Callable[[Connection], None] | None = None, on_turn: Callable[[], None] | None = None,
                 get_credential: Callable[[str], str | Credential | Iterable[Credential] | None | Awaitable[Any]] | None = None,
                 user_exists: Callable[[str], bool | Awaitable[bool]] | None = None,
                 check_token: Callable[[str, str], str | None | Awaitable[str | None]] | None = None,
                 check_certificate: Callable[[str, bytes], str | None | Awaitable[str | None]] | None = None,
                 log: Callable[[LogArea, LogLevel, str, str], None] | None = None,
                 random: Callable[[int], bytes] | None = None, wallclock: Callable[[], int] | None = None,
                 clock: Callable[[], int] = now, **values: Any):
        self._ptr = self._depth = self._logging = 0
        self.clock, self.on_write, self.on_turn = clock, on_write, on_turn
        self._get_credential, self._user_exists = get_credential, user_exists
        self._check_token, self._check_certificate = check_token, check_certificate
        self._log, self._random, self._wallclock = log, random, wallclock or _wallclock_now
        self._conns: dict[int, Connection] = {}
        self._dirty: list[Connection] = []
        self._handlers: dict[tuple[str, str], int] = {}
        self._listeners: list[Callable[[SessionEvent, SessionInfo], Any]] = []
        self._store: Any = None
        self._number = _nodes.add(self)
        settings = settings or Settings()
        settings.domain = domain
        for name, value in values.items():
            setattr(settings, name, value)
        wanted = {"want_write": True, "want_turn": True, "wallclock": True, "get_credential": get_credential,
                  "check_token": check_token, "check_certificate": check_certificate, "user_exists": user_exists,
                  "log": log, "random": random}
        callbacks = _abi.imp_callbacks(size=ctypes.sizeof(_abi.imp_callbacks),
                                       **{name: _THUNKS[name] for name, on in wanted.items() if on})
        ptr = ctypes.c_void_p()
        check(lib.imp_node_new(ctypes.byref(ptr), ctypes.byref(settings._struct), ctypes.byref(callbacks), self._number),
              lambda: dec(lib.imp_node_new_error()))
        self._ptr = ptr.value or 0
        close_at_exit(self)

    # ---- life ----

    def _p(self) -> int:
        if not self._ptr:
            raise StateError("the node is closed")
        self._not_in_log()
        return self._ptr

    def _not_in_log(self) -> None:
        if self._logging:
            raise StateError("not within the log callback")

    def _outside(self, what: str) -> int:
        if self._depth:
            raise StateError(f"not within a callback of the library: {what}")
        return self._p()

    def _check(self, rv: int) -> int:
        return check(rv, lambda: dec(lib.imp_node_last_error(self._p())))

    def _submitted(self) -> None:
        """Something is to be done at the end of a turn: outside of one, the host is asked for it."""
        if not self._depth and self.on_turn:
            self.on_turn()

    def close(self) -> None:
        """Frees the node, its connections and sessions; shutdown() before ends them in good order."""
        if self._ptr:
            self._outside("close")
            for connection in list(self._conns.values()):
                connection.close()
            ptr, self._ptr = self._ptr, 0
            lib.imp_node_del(ptr)
            for number in self._handlers.values():
                _calls.pop(number)
            self._handlers.clear()
            self._store = None
        _nodes.pop(self._number)

    def __del__(self) -> None:
        if "_number" in self.__dict__:
            self.close()

    def __enter__(self) -> "Node":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def is_closed(self) -> bool:
        return not self._ptr

    @property
    def domain(self) -> str:
        return dec(lib.imp_node_domain(self._p()))

    @property
    def last_error(self) -> str:
        return dec(lib.imp_node_last_error(self._p()))

    def set_store(self, store: Any) -> None:
        """Before the first connection: a MemoryStore, an SqliteStore, a Store. The node keeps it; close it after the node."""
        vtable, ctx = store._door()
        self._check(lib.imp_node_set_store(self._p(), vtable, ctx))
        self._store = store
        if isinstance(store, CStore):
            store._serves(self)
        self._submitted()

    @property
    def is_ready(self) -> bool:
        """Durable sessions of an earlier run are back."""
        return bool(lib.imp_node_is_ready(self._p()))

    def set_tls(self, certificate_pem: str | bytes, key_pem: str | bytes, ca_pem: str | bytes | None = None) -> None:
        """Certificate chain, key, and roots for client certificates, as text. May be called again: new connections get it."""
        self._check(lib.imp_node_set_tls(self._p(), need(certificate_pem), need(key_pem), enc(ca_pem)))

    @property
    def tls_fingerprint(self) -> str:
        """SHA-256 of the certificate, "AB:CD:…"."""
        text = ctypes.create_string_buffer(96)
        self._check(lib.imp_node_tls_fingerprint(self._p(), text))
        return dec(text.value)

    def set_sm(self, settings: sm.Settings) -> None:
        """Stream management, for sessions enabled from now on."""
        self._check(lib.imp_node_set_sm(self._p(), ctypes.byref(settings._struct)))

    def set_log_level(self, level: LogLevel) -> None:
        """Log lines up to this level, from now on."""
        self._check(lib.imp_node_set_log_level(self._p(), level))

    # ---- connections and turns ----

    def accept(self, role: Role = Role.C2S, peer: str | None = None, *, secure: bool = False,
               binding: ChannelBinding | None = None, peer_certificate: bytes | None = None,
               allow_plaintext: bool = False, proxy_protocol: bool = False) -> Connection:
        """A connection was accepted. `secure`: the host ends TLS itself. Raises LimitReached: close it."""
        params = conn.params(role, peer, secure, binding, peer_certificate, allow_plaintext, proxy_protocol)
        ptr = ctypes.c_void_p()
        self._check(lib.imp_node_accept(self._outside("accept"), ctypes.byref(ptr), ctypes.byref(params), self.clock()))
        connection = self._conns[ptr.value or 0] = Connection(self, ptr.value or 0)
        return connection

    @property
    def connections(self) -> list[Connection]:
        """Those that are open."""
        return list(self._conns.values())

    def _forget(self, ptr: int) -> None:
        self._conns.pop(ptr, None)

    def turn(self) -> None:
        """The end of a turn: completions, commits, output."""
        lib.imp_node_turn(self._outside("turn"), self.clock())
        self._write()

    @property
    def expiry(self) -> int:
        """When to call handle_expiry() at the latest; NEVER."""
        return lib.imp_node_get_expiry(self._ptr) if self._ptr else NEVER

    def handle_expiry(self) -> None:
        """What was due; ends the turn, too."""
        lib.imp_node_handle_expiry(self._outside("handle_expiry"), self.clock())
        self._write()

    def _write(self) -> None:
        dirty, self._dirty = self._dirty, []
        for connection in dirty:
            if self.on_write and not connection.is_closed:
                self.on_write(connection)

    def shutdown(self, condition: str = "system-shutdown") -> None:
        """Closes every stream, commits, refuses new connections. Turns are still needed until all are gone."""
        lib.imp_node_shutdown(self._outside("shutdown"), need(condition), self.clock())
        self._submitted()

    # ---- accounts ----

    def set_account(self, username: str, password: str, done: Callable[[Error], None] | None = None) -> None:
        """Creates an account or changes its password; stored as SCRAM keys. `done(status)` at the end of a turn."""
        self._account(lib.imp_node_account_set, done, need(username), need(password))

    def ensure_account(self, username: str, password: str, done: Callable[[Error], None] | None = None) -> None:
        """As set_account(), but an account that has this password already keeps its keys: for every start."""
        self._account(lib.imp_node_account_ensure, done, need(username), need(password))

    def delete_account(self, username: str, done: Callable[[Error], None] | None = None) -> None:
        """Removes an account with all that is its."""
        self._account(lib.imp_node_account_del, done, need(username))

    def _account(self, function: Any, done: Callable[[Error], None] | None, *args: Any) -> None:
        number = _calls.add((self, done)) if done else None
        rv = function(self._p(), *args, _on_result if done else _abi.imp_result_fn(), number)
        if rv < 0:
            _calls.pop(number)
        self._check(rv)
        self._submitted()

    # ---- stanzas ----

    def handle_jid(self, jid: Jid | str, fn: Handler | None = _MISSING) -> Any:
        """Handles messages and presence to a bare JID and its resources. None: no more. Also a decorator.

        The handler may be a coroutine. What it raises is reported, and answered with <internal-server-error/> (unless it
        is a coroutine: then the stanza has been taken).
        """
        return self._handle("jid", str(Jid(jid)), lib.imp_node_handle_jid, fn)

    def handle_iq(self, ns: str, fn: Handler | None = _MISSING) -> Any:
        """Handles iq get and set in a namespace, sent to the node or to a bare JID of its domain. Also a decorator."""
        return self._handle("iq", ns, lib.imp_node_handle_iq, fn)

    def _handle(self, kind: str, name: str, function: Any, fn: Any) -> Any:
        if fn is _MISSING:
            return lambda fn: self._handle(kind, name, function, fn)
        key = (kind, name)
        if fn is None:
            self._check(function(self._p(), need(name), _abi.imp_stanza_fn(), None))
            _calls.pop(self._handlers.pop(key, None))
            return None
        number = _calls.add((_nodes_ref(self), to_call(fn)))
        rv = function(self._p(), need(name), _on_stanza, number)
        if rv < 0:
            _calls.pop(number)
        self._check(rv)
        _calls.pop(self._handlers.get(key))
        self._handlers[key] = number
        return fn

    def send(self, stanza: Stanza) -> None:
        """Routes a stanza as if from the node; it is immutable afterwards. Without `from_` it is from the domain."""
        if stanza._frozen:
            raise StateError("the stanza was routed already; reply() or error() make new ones")
        self._check(lib.imp_node_send(self._p(), stanza._routed()))
        self._submitted()

    def reply_text(self, stanza: Stanza, text: str) -> None:
        """Answers a message with a text: same type and thread, fresh id."""
        self._check(lib.imp_node_reply_text(self._p(), stanza._ptr, need(text)))
        self._submitted()

    # ---- sessions ----

    def sessions(self, username: str | None = None) -> list[SessionInfo]:
        """Every session, or those of a user."""
        found: list[SessionInfo] = []
        number = _calls.add(found)
        try:
            self._check(lib.imp_node_each_session(self._p(), enc(username), _on_each, number))
        finally:
            _calls.pop(number)
        return found

    def end_session(self, jid: Jid | str, condition: str | None = None) -> None:
        """Ends a session, connected or hibernating, with a stream error (default "reset"). Raises NotFound."""
        self._check(lib.imp_node_end_session(self._p(), need(str(jid) if isinstance(jid, Jid) else jid), enc(condition)))
        self._submitted()

    def on_session(self, fn: Callable[[SessionEvent, SessionInfo], Any]) -> Any:
        """Has fn(event, info) told of sessions. Also a decorator."""
        to_call(fn)
        if not self._listeners:
            self._check(lib.imp_node_on_session(self._p(), _on_session, self._number))
        self._listeners.append(fn)
        return fn

    def stats(self) -> Stats:
        s = _abi.imp_stats()
        lib.imp_node_stats(self._p(), ctypes.byref(s), ctypes.sizeof(s))
        return Stats._of(s)


# ---- what C calls ----

_nodes = Registry(weak=True)
_calls = Registry()


def _nodes_ref(node: Node) -> int:
    """The node's number: what is registered in C must not keep the node."""
    return node._number


def _wallclock_now() -> int:
    return time.time_ns() // 1_000_000


class _Inside:
    """While C waits for us, only submitting is legal."""
    __slots__ = ("node",)

    def __init__(self, node: Node):
        self.node = node

    def __enter__(self) -> Node:
        self.node._depth += 1
        return self.node

    def __exit__(self, *exc: object) -> None:
        self.node._depth -= 1


def _run(fn: Callable[..., Any], *args: Any) -> None:
    """A handler that may be a coroutine."""
    value = fn(*args)
    if inspect.isawaitable(value):
        spawn(value)


@callback(_abi.imp_callbacks_want_write)
def _want_write(ptr, number):
    node = _nodes.get(number)
    connection = node._conns.get(ptr)
    if connection:
        node._dirty.append(connection)


@callback(_abi.imp_callbacks_want_turn)
def _want_turn(ptr, number):
    node = _nodes.get(number)
    if node.on_turn:
        node.on_turn()


@callback(_abi.imp_callbacks_wallclock)
def _on_wallclock(number):
    return _nodes.get(number)._wallclock()


@callback(_abi.imp_callbacks_get_credential)
def _on_get_credential(op, username, number):
    with _Inside(_nodes.get(number)) as node:
        return answer(op, node._get_credential(dec(username)), give_credential)


@callback(_abi.imp_callbacks_check_token)
def _on_check_token(op, username, token, number):
    with _Inside(_nodes.get(number)) as node:
        return answer(op, node._check_token(dec(username), dec(token)), give_name)


@callback(_abi.imp_callbacks_check_certificate)
def _on_check_certificate(op, authzid, der, derlen, number):
    with _Inside(_nodes.get(number)) as node:
        return answer(op, node._check_certificate(dec(authzid), ctypes.string_at(der, derlen)), give_name)


def _give_existence(op: Op, value: Any) -> None:
    if not value:
        raise NotFound()


@callback(_abi.imp_callbacks_user_exists)
def _on_user_exists(op, username, number):
    with _Inside(_nodes.get(number)) as node:
        return answer(op, node._user_exists(dec(username)), _give_existence)


@callback(_abi.imp_log_fn)
def _on_log(number, area, level, subject, text):
    with _Inside(_nodes.get(number)) as node:
        node._logging += 1
        try:
            node._log(LogArea(area), LogLevel(level), dec(subject), dec(text))
        finally:
            node._logging -= 1


@callback(_abi.imp_callbacks_random)
def _on_random(to, length, number):
    data = _nodes.get(number)._random(length)
    if len(data) != length:
        raise ValueError(f"{length} random bytes were asked for, {len(data)} given")
    ctypes.memmove(to, data, length)


@callback(_abi.imp_result_fn)
def _on_result(ptr, status, number):
    node, done = _calls.pop(number)
    with _Inside(node):
        done(Error(status) if status in Error._value2member_map_ else status)


@callback(_abi.imp_stanza_fn)
def _on_stanza(ptr, st, number):
    owner, fn = _calls.get(number)
    with _Inside(_nodes.get(owner)):
        _run(fn, Stanza._ref(st))


@callback(_abi.imp_node_each_session_fn)
def _on_each(info, number):
    _calls.get(number).append(SessionInfo._of(info.contents))


@callback(_abi.imp_session_fn)
def _on_session(ptr, event, info, number):
    with _Inside(_nodes.get(number)) as node:
        told = SessionInfo._of(info.contents)
        for fn in list(node._listeners):
            try:
                _run(fn, SessionEvent(event), told)
            except BaseException as e:
                report(e, getattr(fn, "__qualname__", repr(fn)))


_THUNKS = {"want_write": _want_write, "want_turn": _want_turn, "wallclock": _on_wallclock,
           "get_credential": _on_get_credential, "check_token": _on_check_token,
           "check_certificate": _on_check_certificate, "user_exists": _on_user_exists, "log": _on_log,
           "random": _on_random}
