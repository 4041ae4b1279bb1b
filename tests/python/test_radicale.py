"""CalDAV as a real server speaks it: Radicale holds the events of the oracle, and some by hand."""
import base64
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone
import random

import pytest


from libimp import http                                                                # noqa: E402
from libimp.calendar import BusyKind, Calendar, Gateway, GatewayHealth, GatewayKind, Settings, Tentative  # noqa: E402
from test_calendar_oracle import Event, merged                                         # noqa: E402

UTC = timezone.utc
AUTH = "Basic " + base64.b64encode(b"svc:pw").decode()


class Urllib(http.Http):
    """HTTP by the standard library, at once."""

    def request(self, request, answer):
        headers = dict(request.fields)
        if request.auth == http.Auth.BASIC:
            headers["Authorization"] = "Basic " + base64.b64encode(f"{request.username}:{request.secret}".encode()).decode()
        try:
            with urllib.request.urlopen(urllib.request.Request(request.url, request.body, headers, method=request.method),
                                        timeout=20) as r:
                return http.Response(r.status, list(r.headers.items()), r.read())
        except urllib.error.HTTPError as e:
            return http.Response(e.code, list(e.headers.items()), e.read())


@pytest.fixture(scope="module")
def radicale(tmp_path_factory):
    """The address of a server with the user svc."""
    folder = tmp_path_factory.mktemp("radicale")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    (folder / "users").write_text("svc:pw\n")
    (folder / "config").write_text(
        f"[server]\nhosts = 127.0.0.1:{port}\n[auth]\ntype = htpasswd\nhtpasswd_filename = {folder}/users\n"
        f"htpasswd_encryption = plain\ndelay = 0\n[storage]\nfilesystem_folder = {folder}/data\n[rights]\ntype = authenticated\n")
    if subprocess.run([sys.executable, "-c", "import radicale"], capture_output=True).returncode != 0:
        (pytest.skip if os.environ.get("IMP_MAY_SKIP") else pytest.fail)("Radicale is not installed")
    with open(folder / "log", "w") as log:
        server = subprocess.Popen([sys.executable, "-m", "radicale", "--config", str(folder / "config")], stdout=log,
                                  stderr=log, env={k: v for k, v in os.environ.items() if k != "LD_PRELOAD"})
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def send(method, url, body, content_type):
    request = urllib.request.Request(url, body.encode(), {"Authorization": AUTH, "Content-Type": content_type}, method=method)
    with urllib.request.urlopen(request, timeout=20) as r:
        assert r.status == 201


def fill(radicale, name, objects):
    url = f"{radicale}/svc/{name}/"
    send("MKCALENDAR", url, '<?xml version="1.0"?><mkcalendar xmlns="urn:ietf:params:xml:ns:caldav"/>', "application/xml")
    for i, text in enumerate(objects):
        send("PUT", f"{url}{i}.ics", text, "text/calendar")


def read(radicale, names, at, zone, hours=1000, secret="pw"):
    """The runs of each calendar at a time, and the gateway's status."""
    settings = Settings(tentative=Tentative.TENTATIVE, subjects=1)
    with Calendar(settings, http=Urllib(), clock=lambda: 10**9, wallclock=lambda: int(at.timestamp() * 1000)) as cal:
        cal.set_gateway(Gateway(GatewayKind.CALDAV, name="dav", url=radicale + "/svc/{mailbox}/", auth=http.Auth.BASIC,
                                username="svc", secret=secret, window_hours=hours))
        for name in names:
            cal.map(name, "dav", name, zone=zone)
        for _ in range(len(names) + 2):
            cal.turn()
        end = at + timedelta(hours=hours)
        found = {}
        for name in names:
            if cal.mailbox_status(name, "dav").last_success:
                found[name] = [r for r in cal.runs(name, at - timedelta(hours=1), end) if r.kind != BusyKind.FREE]
        return found, cal.gateway_status("dav"), {n: cal.mailbox_status(n, "dav") for n in names}


def one(*lines):
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:test", "BEGIN:VEVENT", "UID:x", "DTSTAMP:20260101T000000Z",
                        *lines, "END:VEVENT", "END:VCALENDAR", ""])


def test_by_hand(radicale):
    at = datetime(2026, 3, 25, tzinfo=UTC)
    fill(radicale, "weekly", [one("DTSTART;TZID=Europe/Berlin:20260105T090000", "DURATION:PT1H", "RRULE:FREQ=WEEKLY", "SUMMARY:Round")])
    fill(radicale, "allday", [one("DTSTART;VALUE=DATE:20260329", "DTEND;VALUE=DATE:20260330")])
    fill(radicale, "private", [one("DTSTART:20260326T090000Z", "DURATION:PT1H", "CLASS:PRIVATE", "SUMMARY:Doctor")])
    fill(radicale, "cancelled", [one("DTSTART:20260326T090000Z", "DURATION:PT1H", "STATUS:CANCELLED")])
    found, gateway, boxes = read(radicale, ["weekly", "allday", "private", "cancelled", "none"], at, "Europe/Berlin", 300)
    assert [(r.since, r.subject) for r in found["weekly"]] == [(datetime(2026, 3, 30, 7, tzinfo=UTC), "Round"),
                                                             (datetime(2026, 4, 6, 7, tzinfo=UTC), "Round")]
    day = found["allday"][0]    # the day that the clocks change has 23 hours
    assert (day.since, day.until) == (datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC))
    assert [(r.kind, r.private, r.subject) for r in found["private"]] == [(BusyKind.BUSY, True, None)]
    assert found["cancelled"] == []
    assert boxes["none"].last_error and gateway.health is GatewayHealth.UP and gateway.mailboxes_failing == 1


def test_wrong_password(radicale):
    _, gateway, _ = read(radicale, ["weekly"], datetime(2026, 3, 25, tzinfo=UTC), None, secret="wrong")
    assert gateway.health is GatewayHealth.DOWN and gateway.last_error == "401: credentials are not accepted"


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Santiago"])
def test_against_the_oracle(radicale, zone):
    rnd = random.Random("radicale" + zone)
    people = {}
    for n in range(6):
        name = f"{zone.split('/')[1].lower()}{n}"
        people[name] = [Event(rnd, zone, i) for i in range(4)]
        fill(radicale, name, [e.ics().replace("VERSION:2.0", "VERSION:2.0\r\nPRODID:test") for e in people[name]])
    for at in (datetime(2026, 3, 10, tzinfo=UTC), datetime(2026, 10, 10, tzinfo=UTC)):
        found, gateway, _ = read(radicale, list(people), at, zone)
        assert gateway.health is GatewayHealth.UP
        start, end = at - timedelta(hours=1), at + timedelta(hours=1000)
        for name, events in people.items():
            expected = merged([b for e in events for b in e.blocks()], start, end)
            assert merged([(r.since, r.until, r.kind) for r in found[name]], start, end) == expected, [e.ics() for e in events]
