"""NTLM, Negotiate and Basic with Apache."""
import re

import pytest
from apache import REALM
from servers import ALICE, ntlm


@pytest.fixture
def access(folder):
    """Lines of Apache's log since the test began: (port of the client, status, user)."""
    log = folder / "access.log"
    before = len(log.read_text()) if log.exists() else 0
    return lambda: [tuple(line.split()[:3]) for line in log.read_text()[before:].splitlines()]


def user_of(answer):
    return re.search("^X-Remote-User: (.*)$", answer["body"], re.M).group(1)


@pytest.mark.parametrize("name", ["plain", "tls"])
def test_ntlm(apache, backend, request_, access, name):
    """One handshake a connection, and none of its answers is told; bodies arrive whole."""
    url = f"{apache[name]}/ntlm/echo"
    answers = request_("--ca", backend["ca"], *ntlm(), "--method", "POST", "--body", "b" * 60000, "--affinity", "a", url,
                       "--wait", url, "--wait", url)
    assert [(a["status"], a["code"]) for a in answers] == [("OK", 200)] * 3
    assert all(user_of(a).endswith("alice") and a["body"].endswith("b" * 60000) for a in answers)
    assert all("WWW-Authenticate" not in a["fields"] for a in answers)
    assert answers.stats["connections"] == 1
    assert [status for _, status, _ in access()] == ["401", "200", "200", "200"]


def test_ntlm_denied(apache, request_, access):
    wrong, unknown = request_(*ntlm(secret="wr0ngword"), f"{apache['plain']}/ntlm/echo", "--wait",
                              *ntlm(user="TEST\\eve"), f"{apache['plain']}/ntlm/echo")
    assert (wrong["status"], wrong["code"]) == (unknown["status"], unknown["code"]) == ("OK", 401)


def test_users_do_not_share_connections(apache, request_, access):
    url = f"{apache['plain']}/ntlm/echo"
    bob = ntlm("TEST\\bob", "tweedle")
    answers = request_(*ntlm(), "--affinity", "same", url, "--wait", *bob, url, "--wait", *ntlm(), url, "--wait", *bob, url,
                       "--wait", "--auth", "none", "--user", "", "--secret", "", url)
    assert [a["code"] for a in answers] == [200, 200, 200, 200, 401]
    assert ["alice" in user_of(a) for a in answers[:4]] == [True, False, True, False]
    ports = [a["fields"]["X-Port"] for a in answers]
    assert ports[0] == ports[2] and ports[1] == ports[3] and len(set(ports)) == 3


def test_a_changed_password_is_proved_anew(apache, request_):
    url = f"{apache['plain']}/ntlm/echo"
    answers = request_("--affinity", "same", *ntlm(), url, "--wait", *ntlm(secret="wr0ngword"), url)
    assert [a["code"] for a in answers] == [200, 401]


def test_many_at_a_time(apache, request_):
    """Each connection has its own handshake."""
    url = f"{apache['plain']}/ntlm/slow/100"
    answers = request_(*ntlm(), *[url] * 12, "--wait", *[url] * 12)
    assert [a["code"] for a in answers] == [200] * 24
    assert 12 <= answers.stats["connections"] <= 16


def test_negotiate(apache, backend, kerberos, request_):
    """Apache asks for a proof with each request."""
    url = f"{apache['tls']}/kerberos/echo"
    args = ["--ca", backend["ca"], "--auth", "negotiate", "--method", "POST", "--body", "whole"]
    answers = request_(*args, url, "--wait", url, env=kerberos)
    assert [a["code"] for a in answers] == [200, 200]
    assert all(user_of(a) == f"alice@{REALM}" and a["body"].endswith("whole") for a in answers)
    without = request_(*args, url, env={**kerberos, "KRB5CCNAME": "FILE:/nonexistent"})
    assert without[0]["code"] == 401 or without[0]["status"] == "DENIED"


def test_no_other_kind_is_tried(apache, kerberos, request_, access):
    """NTLM was wanted, and the server has Basic or Kerberos only: no password goes there."""
    for path in ("basic", "kerberos"):
        answers = request_(*ntlm(), f"{apache['plain']}/{path}/echo", env=kerberos)
        assert (answers[0]["status"], answers[0]["code"]) == ("OK", 401)
    basic = request_("--auth", "basic", "--user", "alice", "--secret", ALICE["secret"], f"{apache['plain']}/ntlm/echo",
                     f"{apache['plain']}/basic/echo")
    assert [a["code"] for a in basic] == [401, 200]


def test_streams_and_bounds_behind_ntlm(apache, request_):
    events, big = request_(*ntlm(), f"{apache['plain']}/ntlm/events/3/10", f"{apache['plain']}/ntlm/endless")
    assert events["body"] == "event 0\nevent 1\nevent 2\n"
    assert big["status"] == "TOO_BIG"
