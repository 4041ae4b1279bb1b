"""Elements and stanzas (imp/xml.h)."""
import ctypes
import re
from typing import Any, Iterator

from ._abi import (IMP_NS_CLIENT as NS_CLIENT, IMP_NS_SERVER as NS_SERVER, IMP_NS_STANZAS as NS_STANZAS,
                   IMP_NS_STREAMS as NS_STREAMS, StanzaKind, StanzaType)
from ._lib import lib
from .core import InvalidArgument, NoMemory, StateError, TooBig, Unique, check, dec, enc, need, raw
from .jid import Jid

__all__ = ["Element", "NS_CLIENT", "NS_SERVER", "NS_STANZAS", "NS_STREAMS", "Stanza", "StanzaKind", "StanzaType"]

#: How deep stanzas are built at most: no parser of ours, and hardly one of others', reads deeper ones.
DEPTH_MAX = 250

_NAME = re.compile(r"[^\W\d][\w.-]*")


def _name(name: str, prefix: str = "") -> bytes:
    """The name of an element or attribute: nothing else gets between the angle brackets."""
    if not _NAME.fullmatch(name.removeprefix(prefix)):
        raise InvalidArgument(f"no XML name: {name!r}")
    return need(name)


class Element(Unique):
    """An element of a stanza. It keeps the stanza alive. Iterating yields its children."""
    __slots__ = ("_stanza", "_ptr", "_depth")

    def __init__(self, stanza: "Stanza", ptr: int, depth: int = 1):
        self._stanza, self._ptr, self._depth = stanza, ptr, depth

    @property
    def name(self) -> str:
        return dec(lib.imp_elem_name(self._ptr))

    @property
    def ns(self) -> str:
        return dec(lib.imp_elem_ns(self._ptr))

    @property
    def text(self) -> str:
        """The character data directly below, "" if none."""
        return dec(lib.imp_elem_text(self._ptr, None))

    def get(self, name: str, default: str | None = None, ns: str | None = None) -> str | None:
        """The value of an attribute."""
        if ns is None:
            value = lib.imp_elem_attr(self._ptr, need(name))
        else:
            value = lib.imp_elem_attr_ns(self._ptr, need(name), need(ns))
        return default if value is None else dec(value)

    def __iter__(self) -> Iterator["Element"]:
        ptr = lib.imp_elem_first(self._ptr)
        while ptr:
            yield Element(self._stanza, ptr, self._depth + 1)
            ptr = lib.imp_elem_next(ptr)

    def child(self, name: str, ns: str | None = None) -> "Element | None":
        """The first child with this name and namespace (None: any)."""
        ptr = lib.imp_elem_child(self._ptr, need(name), enc(ns))
        return Element(self._stanza, ptr, self._depth + 1) if ptr else None

    def is_(self, name: str, ns: str) -> bool:
        return bool(lib.imp_elem_is(self._ptr, need(name), need(ns)))

    def __repr__(self) -> str:
        return f"<Element {{{self.ns}}}{self.name}>"

    def _edit(self) -> int:
        return self._stanza._edit()

    def _below(self, levels: int = 1) -> int:
        """The depth of a child that has so many levels itself."""
        if self._depth + levels > DEPTH_MAX:
            raise TooBig(f"elements more than {DEPTH_MAX} deep")
        return self._depth + 1

    def _levels(self) -> int:
        return 1 + max((child._levels() for child in self), default=0)

    # building

    def add(self, name: str, ns: str | None = None, text: str | None = None, **attributes: str) -> "Element":
        """Adds a child at the end, and returns it. Without `ns` it is in its parent's namespace."""
        st, depth = self._edit(), self._below()
        if text is None:
            ptr = lib.imp_elem_add(st, self._ptr, _name(name), enc(ns))
        else:
            ptr = lib.imp_elem_add_text(st, self._ptr, _name(name), enc(ns), need(text))
        child = self._stanza._built(ptr, depth)
        for key, value in attributes.items():
            child.set(key, value)
        return child

    def add_copy(self, source: "Element") -> "Element":
        """Adds a deep copy of an element of any stanza."""
        st, depth = self._edit(), self._below(source._levels())
        return self._stanza._built(lib.imp_elem_add_copy(st, self._ptr, source._ptr), depth)

    def set(self, name: str, value: str) -> "Element":
        """Sets an attribute; returns the element."""
        lib.imp_elem_set_attr(self._edit(), self._ptr, _name(name, "xml:"), need(value))
        return self

    def append_text(self, text: str) -> "Element":
        data = need(text)
        lib.imp_elem_append_text(self._edit(), self._ptr, data, len(data))
        return self


class Stanza:
    """A message, presence, iq, or anything else at the top level of a stream. Immutable once it has been routed."""
    __slots__ = ("_ptr", "_frozen", "__weakref__")

    def __init__(self, name: str, to: Jid | str | None = None, *, type: StanzaType | None = None, id: str | None = None,
                 from_: Jid | str | None = None, body: str | None = None, ns: str | None = None):
        ptr = ctypes.c_void_p()
        check(lib.imp_stanza_new(ctypes.byref(ptr), _name(name), enc(ns)), f"no stanza: {name!r}")
        self._ptr, self._frozen = ptr.value, False
        self.to, self.from_, self.id = to, from_, id
        if type is not None:
            self.type = type
        if body is not None:
            self.root.add("body", text=body)

    @classmethod
    def message(cls, to: Jid | str, body: str | None = None, **more: Any) -> "Stanza":
        """A message of type chat, unless told otherwise."""
        return cls("message", to, body=body, **{"type": StanzaType.CHAT, **more})

    @classmethod
    def parse(cls, text: str | bytes) -> "Stanza":
        """From text, with the namespace jabber:client implied. Raises Malformed or TooBig."""
        ptr, data = ctypes.c_void_p(), text.encode() if isinstance(text, str) else text
        check(lib.imp_stanza_parse(ctypes.byref(ptr), data, len(data)))
        return cls._take(ptr.value)

    @classmethod
    def _take(cls, ptr: int | None, frozen: bool = False) -> "Stanza":
        self = cls.__new__(cls)
        self._ptr, self._frozen = ptr, frozen
        return self

    @classmethod
    def _ref(cls, ptr: int) -> "Stanza":
        """One that C shows us: it is immutable, and may be kept."""
        return cls._take(lib.imp_stanza_ref(ptr), True)

    def __del__(self, _free: Any = lib.imp_stanza_del) -> None:
        _free(getattr(self, "_ptr", None))

    def __reduce__(self) -> Any:
        """A copy is a stanza of its own, which may be changed."""
        return Stanza.parse, (str(self),)

    def reply(self) -> "Stanza":
        """A new stanza that answers this one: addresses swapped, same id."""
        ptr = ctypes.c_void_p()
        check(lib.imp_stanza_new_reply(ctypes.byref(ptr), self._ptr))
        return Stanza._take(ptr.value)

    def error(self, condition: str, text: str | None = None) -> "Stanza":
        """The error answer (RFC 6120 §8.3), for example "service-unavailable". Errors are never answered: InvalidArgument."""
        ptr = ctypes.c_void_p()
        check(lib.imp_stanza_new_error(ctypes.byref(ptr), self._ptr, need(condition), enc(text)))
        return Stanza._take(ptr.value)

    def to_text(self) -> str:
        """As on a jabber:client stream."""
        length = ctypes.c_size_t()
        ptr = lib.imp_stanza_to_text(self._ptr, ctypes.byref(length))
        if not ptr:
            raise NoMemory()
        try:
            return raw(ptr, length.value).decode()
        finally:
            lib.imp_free(ptr)

    __str__ = to_text

    def __repr__(self) -> str:
        return f"<Stanza {self.root.name} to={self.to} from={self.from_}>"

    @property
    def kind(self) -> StanzaKind:
        return StanzaKind(lib.imp_stanza_get_kind(self._ptr))

    @property
    def type(self) -> StanzaType:
        return StanzaType(lib.imp_stanza_get_type(self._ptr))

    @type.setter
    def type(self, value: StanzaType) -> None:
        if value == StanzaType.OTHER:
            raise InvalidArgument("StanzaType.OTHER is for reading")
        lib.imp_stanza_set_type(self._edit(), StanzaType(value))

    @property
    def id(self) -> str | None:
        value = lib.imp_stanza_get_id(self._ptr)
        return None if value is None else dec(value)

    @id.setter
    def id(self, value: str | None) -> None:
        lib.imp_stanza_set_id(self._edit(), enc(value))

    @property
    def from_(self) -> Jid | None:
        """Of a stanza that a client sent: always its session's full JID."""
        return Jid._ref(lib.imp_stanza_get_from(self._ptr))

    @from_.setter
    def from_(self, value: Jid | str | None) -> None:
        jid = value if value is None or isinstance(value, Jid) else Jid(value)
        lib.imp_stanza_set_from(self._edit(), jid._ptr if jid else None)

    @property
    def to(self) -> Jid | None:
        return Jid._ref(lib.imp_stanza_get_to(self._ptr))

    @to.setter
    def to(self, value: Jid | str | None) -> None:
        jid = value if value is None or isinstance(value, Jid) else Jid(value)
        lib.imp_stanza_set_to(self._edit(), jid._ptr if jid else None)

    @property
    def body(self) -> str | None:
        """The text of the first <body/>."""
        value = lib.imp_stanza_get_body(self._ptr)
        return None if value is None else dec(value)

    @property
    def root(self) -> Element:
        """The stanza's own element."""
        return Element(self, lib.imp_stanza_root(self._ptr))

    def child(self, name: str, ns: str | None = None) -> Element | None:
        """The first child of the root with this name and namespace (None: any)."""
        ptr = lib.imp_stanza_child(self._ptr, need(name), enc(ns))
        return Element(self, ptr, 2) if ptr else None

    def _edit(self) -> int:
        if self._frozen:
            raise StateError("a stanza that was routed is immutable; reply() or error() make new ones")
        assert self._ptr
        return self._ptr

    def _built(self, ptr: int | None, depth: int) -> Element:
        if not ptr:
            raise NoMemory()
        return Element(self, ptr, depth)

    def _routed(self) -> int | None:
        """For calls that route: it is immutable from now on."""
        self._frozen = True
        return self._ptr
