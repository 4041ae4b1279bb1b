"""Calendars: sources of the host's own, and gateways with HTTP that is done in Python."""
import asyncio
import json
from datetime import datetime, timedelta, timezone

import pytest
from libimp import calendar, core, http
from libimp.calendar import Busy, BusyKind, Calendar, Gateway, GatewayHealth, GatewayKind, OutOfOffice, Settings

UTC = timezone.utc
MORNING = datetime(2026, 3, 2, 8, tzinfo=UTC)


class Clock:
    def __init__(self):
        self.ns, self.at = 10**9, MORNING

    def monotonic(self):
        return self.ns

    def wall(self):
        return int(self.at.timestamp() * 1000)

    def set(self, at):
        self.ns += int((at - self.at).total_seconds() * 1e9)
        self.at = at


def make(**options):
    clock = Clock()
    told = []
    cal = Calendar(on_change=lambda user, state: told.append((user, state)), clock=clock.monotonic, wallclock=clock.wall,
                   **options)
    return cal, clock, told


def meeting(start, end, **options):
    return Busy(MORNING.replace(hour=start), MORNING.replace(hour=end), **options)


def test_a_meeting():
    cal, clock, told = make(settings=Settings(subjects=1))
    with cal:
        cal.put("juliet", "host", MORNING, MORNING + timedelta(days=1), [meeting(9, 10, subject="Plans")])
        cal.turn()
        assert told[-1][0] == "juliet" and told[-1][1].kind is BusyKind.FREE
        assert cal.expiry == clock.ns + 3600 * 10**9
        clock.set(MORNING.replace(hour=9))
        cal.turn()
        state = told[-1][1]
        assert (state.kind, state.until, state.subject, state.source) == (BusyKind.BUSY, MORNING.replace(hour=10), "Plans", "host")
        assert cal.get("juliet") == state
        assert [r.kind for r in cal.runs("juliet", MORNING, MORNING + timedelta(days=1))] == [
            BusyKind.FREE, BusyKind.BUSY, BusyKind.FREE]
        cal.put_out_of_office("juliet", "host", OutOfOffice(note="back soon"))
        assert cal.get("juliet").note == "back soon"
        cal.put_out_of_office("juliet", "host", None)
        cal.forget("juliet", "host")
        cal.turn()
        assert not told[-1][1].known
        with pytest.raises(core.NotFound):
            cal.get("juliet")


def test_zones():
    with Calendar() as cal:
        assert cal.local_time("Europe/Berlin", datetime(2026, 3, 29, 3)) == datetime(2026, 3, 29, 1, tzinfo=UTC)
        with pytest.raises(core.NotFound):
            cal.local_time("../etc/passwd", MORNING)
    assert calendar.windows_zone("Tokyo Standard Time") == "Asia/Tokyo"
    assert calendar.windows_zone("Asia/Tokyo") is None


def test_misuse():
    with pytest.raises(core.OutOfRange, match="blocks_max 1"):
        Calendar(Settings(blocks_max=1))
    cal = Calendar()
    with pytest.raises(core.StateError):
        cal.set_gateway(Gateway(GatewayKind.CALDAV, name="dav", url="https://dav.example/", username="svc"))
    with pytest.raises(core.InvalidArgument):
        cal.put("juliet", "host", datetime(2026, 3, 2), MORNING)
    assert "pw" not in repr(Gateway(GatewayKind.CALDAV, name="dav", secret="pw"))
    cal.close()
    cal.close()
    with pytest.raises(core.StateError):
        cal.turn()


DAV = b"""<multistatus xmlns="DAV:"><response><propstat><prop><calendar-data xmlns="urn:ietf:params:xml:ns:caldav">BEGIN:VCALENDAR
BEGIN:VEVENT
UID:1
DTSTART:%sT000000Z
DURATION:P1D
END:VEVENT
END:VCALENDAR
</calendar-data></prop></propstat></response></multistatus>"""


class Dav(http.Http):
    def __init__(self, fail=False):
        self.asked, self.fail = [], fail

    async def request(self, request, answer):
        self.asked.append(request)
        await asyncio.sleep(0)
        if self.fail:
            answer.error("no route to host")
            raise core.Unavailable()
        return http.Response(207, [("Content-Type", "text/xml")], DAV % datetime.now(UTC).strftime("%Y%m%d").encode())


def run_gateway(dav):
    async def scene():
        seen = asyncio.Queue()
        with Calendar(http=dav, on_change=lambda u, s: seen.put_nowait(s), on_gateway=lambda s: seen.put_nowait(s)) as cal:
            cal.attach(asyncio.get_running_loop())
            cal.set_gateway(Gateway(GatewayKind.CALDAV, name="dav", url="https://dav.example/{mailbox}/", username="svc",
                                    secret="pw"))
            cal.map("juliet", "dav", "ju liet", zone="Europe/Berlin")
            first = await asyncio.wait_for(seen.get(), 5)
            return first, cal.gateways[0], cal.mailbox_status("juliet", "dav")
    return asyncio.run(scene())


def test_a_gateway_on_asyncio():
    dav = Dav()
    state, gateway, mailbox = run_gateway(dav)
    assert state.kind is BusyKind.BUSY and state.source == "dav"
    assert gateway.health is GatewayHealth.UP and gateway.mailboxes == 1 and gateway.requests == 1
    assert mailbox.last_error == "" and mailbox.known_until > datetime.now(UTC)
    request = dav.asked[0]
    assert (request.method, request.url, request.auth, request.secret) == (
        "REPORT", "https://dav.example/ju%20liet/", http.Auth.BASIC, "pw")
    assert b"calendar-query" in request.body and "pw" not in repr(request)


def test_a_gateway_that_is_down():
    status, gateway, mailbox = run_gateway(Dav(fail=True))
    assert status.health is GatewayHealth.DOWN and "no route to host" in status.last_error


def test_webhook_proof():
    with Calendar(http=Dav()) as cal:
        answer = cal.webhook("a=b&validationToken=Validation%3A+Testing", b"")
        assert (answer.status, answer.content_type, answer.body) == (200, "text/plain", b"Validation: Testing")
        assert cal.webhook("", b"nonsense").status == 400
        assert cal.webhook("", json.dumps({"value": [{"subscriptionId": "x"}]}).encode()).status == 202
