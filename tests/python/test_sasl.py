"""SASL exchanges without a node. The client's side of SCRAM is computed here."""
import base64
import hashlib
import hmac

import pytest

from libimp import ChannelBinding, Credential, Mechanism, core, sasl
from libimp.sasl import Exchange, SaslResult

KEY = b"0123456789abcdef"
TLS = ChannelBinding(tls_exporter=b"e" * 32, tls_server_end_point=b"p" * 32)


def scram(exchange, password, cbind=b"n,,", user="juliet", credential="from keys"):
    first = b"n=" + user.encode() + b",r=abcdef"
    step = exchange.step(cbind + first)
    if step.result == SaslResult.NEED_CREDENTIAL:
        assert exchange.username == user
        if credential == "from keys":
            credential = sasl.scram_keys("pencil", exchange.hash, iterations=4096)
        step = exchange.credential(credential)
    assert step.result == SaslResult.CONTINUE
    fields = dict(part.split(b"=", 1) for part in step.output.split(b","))
    name = exchange.hash.lower().replace("-", "")
    binding = cbind + (TLS.tls_exporter if cbind.startswith(b"p=tls-exporter") else b"")
    final = b"c=" + base64.b64encode(binding) + b",r=" + fields[b"r"]
    salted = hashlib.pbkdf2_hmac(name, password.encode(), base64.b64decode(fields[b"s"]), int(fields[b"i"]))
    client_key = hmac.digest(salted, b"Client Key", name)
    stored = hashlib.new(name, client_key).digest()
    message = first + b"," + step.output + b"," + final
    proof = bytes(a ^ b for a, b in zip(client_key, hmac.digest(stored, message, name)))
    end = exchange.step(final + b",p=" + base64.b64encode(proof))
    server_key = hmac.digest(salted, b"Server Key", name)
    verifier = b"v=" + base64.b64encode(hmac.digest(server_key, message, name))
    return end, verifier


@pytest.mark.parametrize("name", ["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512", "SCRAM-SHA-256-PLUS"])
def test_scram(name):
    cbind = b"p=tls-exporter,," if name.endswith("PLUS") else b"n,,"
    with Exchange(name, KEY, TLS) as exchange:
        assert exchange.mechanism.wire_name == name
        end, verifier = scram(exchange, "pencil", cbind)
        assert (end.result, end.output) == (SaslResult.SUCCESS, verifier) and exchange.username == "juliet"


@pytest.mark.parametrize("credential", [None, "from keys"])
def test_wrong_password_and_unknown_user_look_the_same(credential):
    with Exchange("SCRAM-SHA-256", KEY) as exchange:
        end, _ = scram(exchange, "wrong", credential=credential)
        assert end.result == SaslResult.FAILURE and exchange.condition[0] == "not-authorized"
        assert not exchange.failure_is_negotiation


def test_plain():
    for password, result in (("secret", SaslResult.SUCCESS), ("guess", SaslResult.FAILURE)):
        with Exchange(Mechanism.PLAIN, KEY, TLS) as exchange:
            assert exchange.step(b"\0juliet\0" + password.encode()).result == SaslResult.NEED_CREDENTIAL
            assert exchange.credential("secret").result == result


def test_the_host_decides():
    with Exchange("OAUTHBEARER", KEY, TLS) as exchange:
        step = exchange.step(b"n,a=juliet@example.org,\x01auth=Bearer sesame\x01\x01")
        assert step.result == SaslResult.NEED_HOST and (exchange.token, exchange.username) == ("sesame", "juliet")
        assert exchange.decide("juliet").result == SaslResult.SUCCESS


def test_refusals():
    with pytest.raises(core.Unsupported):
        Exchange("SCRAM-MD5", KEY)
    with pytest.raises(core.Denied):
        Exchange("PLAIN", KEY)                      # not without TLS
    with pytest.raises(core.Denied):
        Exchange("SCRAM-SHA-1-PLUS", KEY, ChannelBinding())
    with pytest.raises(core.OutOfRange):
        Exchange("SCRAM-SHA-1", KEY, iterations=1)
    with pytest.raises((core.OutOfRange, core.InvalidArgument)):
        Exchange("SCRAM-SHA-1", b"short")
    exchange = Exchange("SCRAM-SHA-1", KEY)
    assert exchange.step(b"nonsense").result == SaslResult.FAILURE and exchange.condition[0] == "malformed-request"
    exchange.close()
    exchange.close()
    with pytest.raises(core.StateError):
        exchange.step(b"")


def test_keys():
    keys = sasl.scram_keys("pencil", "SHA-1", base64.b64decode("QSXCR+Q6sek8bf92"), 4096)
    salted = hashlib.pbkdf2_hmac("sha1", b"pencil", keys.salt, 4096)
    assert keys == Credential(None, "SHA-1", 4096, base64.b64decode("QSXCR+Q6sek8bf92"),
                              hashlib.sha1(hmac.digest(salted, b"Client Key", "sha1")).digest(),
                              hmac.digest(salted, b"Server Key", "sha1"))
    assert len(sasl.scram_keys("pencil").salt) == 16
    with pytest.raises(core.Unsupported):
        sasl.scram_keys("pencil", "MD5")
    with pytest.raises(core.InvalidArgument):
        sasl.scram_keys("")
    assert sasl.binding_types(TLS) == ["tls-exporter", "tls-server-end-point"] and sasl.binding_types(ChannelBinding()) == []
    assert Mechanism.by_name("PLAIN") == Mechanism.PLAIN and Mechanism.by_name("X") is None
    assert len(Mechanism) == 14 and all(Mechanism.by_name(m.wire_name) == m for m in Mechanism)
