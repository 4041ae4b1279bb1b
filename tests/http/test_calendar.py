"""The calendar room reads from Radicale by the adapter: passwords in the open, and NTLM with Apache in front."""
import datetime
import os
import subprocess

import pytest
from servers import ALICE, ntlm
from test_radicale import CALENDAR

EVENT = """BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:test\r
BEGIN:VEVENT\r
UID:now\r
DTSTAMP:20260101T000000Z\r
DTSTART:{start:%Y%m%dT%H%M%SZ}\r
DTEND:{end:%Y%m%dT%H%M%SZ}\r
SUMMARY:Secret plans\r
END:VEVENT\r
END:VCALENDAR\r
"""


@pytest.fixture
def busy(pytestconfig):
    program = os.path.join(os.path.dirname(pytestconfig.getoption("--request")), "busy")
    if not os.path.exists(program):
        pytest.skip("without the room calendar")

    def run(seconds, url, auth, user, secret, ca=""):
        done = subprocess.run([program, str(seconds), "caldav", url, auth, user, secret, str(ca), "alice"],
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert secret not in done.stdout + done.stderr
        assert "Secret plans" not in done.stdout + done.stderr
        return done.stdout.splitlines()
    return run


def meeting():
    now = datetime.datetime.now(datetime.timezone.utc)
    return EVENT.format(start=now - datetime.timedelta(minutes=10), end=now + datetime.timedelta(minutes=20))


def fill(request_, how, url):
    made, put = request_(*how, "--method", "MKCALENDAR", "--type", "application/xml", "--body", CALENDAR, url, "--wait",
                         "--method", "PUT", "--type", "text/calendar", "--body", meeting(), url + "now.ics")
    assert (made["code"], put["code"]) == (201, 201)


def check(lines):
    assert lines[-1].startswith("gateway up") or lines[-2].startswith("gateway up")
    state = next(line.split() for line in lines if line.startswith("state") and "unknown" not in line)
    assert state[1] == "busy" and 1100 < int(state[2]) <= 1200


def test_basic(radicale, request_, busy):
    url = f"{radicale}/alice/today/"
    fill(request_, ["--auth", "basic", "--user", ALICE["user"], "--secret", ALICE["secret"]], url)
    check(busy(20, url.replace("alice", "{mailbox}"), "basic", ALICE["user"], ALICE["secret"]))


def test_a_wrong_password(radicale, busy):
    lines = busy(2, f"{radicale}/{{mailbox}}/today/", "basic", ALICE["user"], "wr0ngword")
    assert any(line.startswith("gateway down") and "401" in line for line in lines), lines
    assert not any(line.startswith("state") and "unknown" not in line for line in lines)


def test_nobody_there(busy):
    lines = busy(2, "http://127.0.0.1:1/alice/", "basic", ALICE["user"], ALICE["secret"])
    assert any(line.startswith("gateway down") and "127.0.0.1" in line for line in lines), lines


def test_a_wrong_certificate(backend, busy):
    lines = busy(2, f"https://127.0.0.1:{backend['wrong_name']}/alice/", "basic", ALICE["user"], ALICE["secret"], backend["ca"])
    assert any(line.startswith("gateway down") for line in lines), lines


def test_ntlm(apache, backend, request_, busy):
    url = f"{apache['tls']}/caldav/alice/today/"
    fill(request_, ["--ca", backend["ca"], *ntlm()], url)
    check(busy(20, url.replace("alice", "{mailbox}"), "ntlm", "TEST\\alice", ALICE["secret"], backend["ca"]))
