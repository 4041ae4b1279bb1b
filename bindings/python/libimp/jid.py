"""Addresses (imp/jid.h; RFC 6122: nodeprep, nameprep, resourceprep)."""
import ctypes
from typing import Any

from ._lib import lib
from .core import Malformed, TooBig, check, enc, need

__all__ = ["Jid"]


class Jid:
    """A prepared address: immutable, compares and hashes by what it says.

    >>> str(Jid("Juliet@Example.Org/Balcony"))
    'juliet@example.org/Balcony'
    """
    __slots__ = ("_ptr", "__weakref__")

    def __init__(self, text: "str | Jid"):
        ptr, data = ctypes.c_void_p(), need(str(text) if isinstance(text, Jid) else text)
        check(lib.imp_jid_new(ctypes.byref(ptr), data, len(data)), lambda: f"no address: {text!r}")
        self._ptr = ptr.value

    @classmethod
    def of(cls, domain: str, local: str | None = None, resource: str | None = None) -> "Jid":
        """From parts, which are prepared each for itself."""
        ptr = ctypes.c_void_p()
        check(lib.imp_jid_new_parts(ctypes.byref(ptr), enc(local), need(domain), enc(resource)),
              lambda: f"no address: {local!r}, {domain!r}, {resource!r}")
        return cls._take(ptr.value)

    @classmethod
    def _take(cls, ptr: int | None) -> "Jid":
        self = cls.__new__(cls)
        self._ptr = ptr
        return self

    @classmethod
    def _ref(cls, ptr: int | None) -> "Jid | None":
        return cls._take(lib.imp_jid_ref(ptr)) if ptr else None

    def __del__(self, _free: Any = lib.imp_jid_del) -> None:
        _free(getattr(self, "_ptr", None))

    def __reduce__(self) -> Any:
        return Jid, (str(self),)

    def __str__(self) -> str:
        return lib.imp_jid_full(self._ptr).decode()

    def __repr__(self) -> str:
        return f"Jid({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            try:
                other = Jid(other)
            except (Malformed, TooBig):
                return False
        if not isinstance(other, Jid):
            return NotImplemented
        return bool(lib.imp_jid_equal(self._ptr, other._ptr))

    def __hash__(self) -> int:
        return hash(str(self))

    @property
    def bare(self) -> str:
        """local@domain"""
        return lib.imp_jid_bare(self._ptr).decode()

    @property
    def local(self) -> str:
        return lib.imp_jid_local(self._ptr).decode()

    @property
    def domain(self) -> str:
        return lib.imp_jid_domain(self._ptr).decode()

    @property
    def resource(self) -> str:
        return lib.imp_jid_resource(self._ptr).decode()

    @property
    def is_bare(self) -> bool:
        return bool(lib.imp_jid_is_bare(self._ptr))

    def same_bare(self, other: "Jid") -> bool:
        """The same user, whatever the resource."""
        return bool(lib.imp_jid_equal_bare(self._ptr, other._ptr))
