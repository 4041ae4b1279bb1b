"""SASL mechanisms, server side (imp/sasl.h; RFC 4422): bytes in, bytes out, without XML and without a node."""
import ctypes
from dataclasses import dataclass
from enum import IntFlag

from . import _abi
from ._abi import IMP_SASL_MESSAGE_MAX as MESSAGE_MAX, SaslResult
from ._lib import lib
from .conn import ChannelBinding
from .core import StateError, Unique, check, dec, enc, need, octets, raw, unsigned
from .op import Credential

__all__ = ["Exchange", "MESSAGE_MAX", "Mechanism", "SaslResult", "Step", "binding_types",
           "scram_keys"]


class Mechanism(IntFlag):
    """Mechanisms, as bits."""
    PLAIN = _abi.IMP_SASL_PLAIN                              #: RFC 4616; only over TLS
    SCRAM_SHA_1 = _abi.IMP_SASL_SCRAM_SHA_1                  #: RFC 5802
    SCRAM_SHA_256 = _abi.IMP_SASL_SCRAM_SHA_256              #: RFC 7677
    SCRAM_SHA_512 = _abi.IMP_SASL_SCRAM_SHA_512
    SCRAM_SHA_1_PLUS = _abi.IMP_SASL_SCRAM_SHA_1_PLUS
    SCRAM_SHA_256_PLUS = _abi.IMP_SASL_SCRAM_SHA_256_PLUS
    SCRAM_SHA_512_PLUS = _abi.IMP_SASL_SCRAM_SHA_512_PLUS
    EXTERNAL = _abi.IMP_SASL_EXTERNAL                        #: XEP-0178
    ANONYMOUS = _abi.IMP_SASL_ANONYMOUS                      #: RFC 4505
    OAUTHBEARER = _abi.IMP_SASL_OAUTHBEARER                  #: RFC 7628
    HT_SHA_256_NONE = _abi.IMP_SASL_HT_SHA_256_NONE          #: FAST (XEP-0484)
    HT_SHA_256_UNIQ = _abi.IMP_SASL_HT_SHA_256_UNIQ
    HT_SHA_256_ENDP = _abi.IMP_SASL_HT_SHA_256_ENDP
    HT_SHA_256_EXPR = _abi.IMP_SASL_HT_SHA_256_EXPR

    @classmethod
    def by_name(cls, name: str) -> "Mechanism | None":
        """From the name on the wire, "SCRAM-SHA-256-PLUS"."""
        data = name.encode()
        bit = lib.imp_sasl_mechanism_by_name(data, len(data))
        return cls(bit) if bit else None

    @property
    def wire_name(self) -> str:
        """The name on the wire, "" for no single mechanism."""
        return dec(lib.imp_sasl_mechanism_name(int(self)))


@dataclass(frozen=True)
class Step:
    """What a step came to. `output` is to be sent as a challenge or with the success; None: nothing."""
    result: SaslResult
    output: bytes | None


class Exchange(Unique):
    """One attempt of one client.

    `fake_key`: 16 to 64 secret bytes, constant for the life of the service. `binding` None: not encrypted.
    `clear_passwords`: what users have, so that unknown ones cost the same: 0 keys, 1 passwords in the clear, 2 both.
    Raises Unsupported, Denied (the mechanism needs TLS or a binding), OutOfRange.
    """

    def __init__(self, mechanism: Mechanism | str, fake_key: bytes, binding: ChannelBinding | None = None, *,
                 plus_offered: bool = False, iterations: int = 0, clear_passwords: int = 0,
                 fake_hash: str | None = None):
        bit = Mechanism.by_name(mechanism) if isinstance(mechanism, str) else mechanism
        self._ptr = 0
        self._key = ctypes.create_string_buffer(fake_key, len(fake_key) or 1)
        self._hash = enc(fake_hash)
        self._params = _abi.imp_sasl_params(
            size=ctypes.sizeof(_abi.imp_sasl_params), plus_offered=plus_offered, iterations=unsigned(iterations),
            fake_key=ctypes.addressof(self._key), fake_keylen=len(fake_key), clear_passwords=unsigned(clear_passwords),
            fake_hash=self._hash)
        if binding is not None:
            self._binding = binding._struct()      # borrowed for the life of the exchange
            self._params.binding = ctypes.pointer(self._binding)
        ptr = ctypes.c_void_p()
        check(lib.imp_sasl_new(ctypes.byref(ptr), int(bit or 0), ctypes.byref(self._params)), f"mechanism {mechanism!s}")
        self._ptr = ptr.value or 0

    def _p(self) -> int:
        if not self._ptr:
            raise StateError("the exchange is closed")
        return self._ptr

    def _step(self, function, *args) -> Step:
        out, outlen = ctypes.c_void_p(), ctypes.c_size_t()
        result = function(self._p(), *args, ctypes.byref(out), ctypes.byref(outlen))
        return Step(SaslResult(result), None if out.value is None else raw(out.value, outlen.value))

    def step(self, message: bytes | None) -> Step:
        """A message of the client's, decoded; None: no initial response."""
        data = None if message is None else octets(message)
        return self._step(lib.imp_sasl_step, data, len(data or b""))

    def credential(self, credential: Credential | str | None) -> Step:
        """Answers NEED_CREDENTIAL; a string is a password, None an unknown user."""
        if credential is None:
            return self._step(lib.imp_sasl_credential, None)
        if isinstance(credential, str):
            credential = Credential(password=credential)
        return self._step(lib.imp_sasl_credential, ctypes.byref(credential._struct()))

    def decide(self, username: str | None, token: bytes | None = None) -> Step:
        """Answers NEED_HOST: the user as whom the peer is let in, None refuses. HT-*: with the token's secret."""
        secret = None if token is None else octets(token)
        return self._step(lib.imp_sasl_decide, enc(username), secret, len(secret or b""))

    def token_matches(self, token: bytes) -> bool:
        """HT-*, while the host is asked: the client has proved that it knows this secret."""
        secret = octets(token)
        return bool(lib.imp_sasl_token_matches(self._p(), secret, len(secret)))

    @property
    def mechanism(self) -> Mechanism:
        return Mechanism(lib.imp_sasl_mechanism(self._p()))

    @property
    def hash(self) -> str | None:
        """Which hash the credential must be for; None: any."""
        return dec(lib.imp_sasl_hash(self._p())) or None

    @property
    def username(self) -> str:
        return dec(lib.imp_sasl_username(self._p()))

    @property
    def authzid(self) -> str:
        return dec(lib.imp_sasl_authzid(self._p()))

    @property
    def token(self) -> str:
        return dec(lib.imp_sasl_token(self._p()))

    @property
    def condition(self) -> tuple[str, str]:
        """After a failure: the condition (RFC 6120 §6.5), and a text."""
        text = ctypes.c_char_p()
        return dec(lib.imp_sasl_condition(self._p(), ctypes.byref(text))), dec(text.value)

    @property
    def failure_is_negotiation(self) -> bool:
        """The failure says nothing about a secret: it is no failed credential."""
        return bool(lib.imp_sasl_failure_is_negotiation(self._p()))

    def close(self) -> None:
        """Wipes and frees. Twice is no error."""
        ptr, self._ptr = self._ptr, 0
        lib.imp_sasl_del(ptr)

    def __del__(self) -> None:
        self.close()

    def __enter__(self) -> "Exchange":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def scram_keys(password: str, hash: str = "SHA-256", salt: bytes | None = None, iterations: int = 10000) -> Credential:
    """Derives SCRAM keys (RFC 5802 §3), for hosts that store them. `salt` None: 16 random bytes."""
    ptr, salt = ctypes.c_void_p(), None if salt is None else octets(salt)
    check(lib.imp_scram_keys_new(ctypes.byref(ptr), need(hash), need(password), salt, len(salt or b""), unsigned(iterations)))
    try:
        return Credential._of(lib.imp_scram_keys_get(ptr).contents)
    finally:
        lib.imp_scram_keys_del(ptr)


def binding_types(binding: ChannelBinding) -> list[str]:
    """The types that a binding has data for, as XEP-0440 lists them, best first."""
    types = (ctypes.c_char_p * 3)()
    n = lib.imp_channel_binding_types(ctypes.byref(binding._struct()), types)
    return [dec(t) for t in types[:n]]
