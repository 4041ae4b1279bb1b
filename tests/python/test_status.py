"""What contacts see: calendars, overrides and phones of a node's users."""
import base64
import gc
import os
import subprocess
import sys
import threading
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from wire import World

from libimp import core, roster
from libimp import presence as pr
from libimp.calendar import Busy, BusyKind
from libimp.calendar import Settings as CalendarSettings
from libimp.presence import Kind, Source, State
from libimp.status import GATEWAYS, Settings, Status, StatusText

DAY = datetime(2026, 3, 29, tzinfo=timezone.utc)     # the clocks of Europe are put forward at one o'clock


class Clocked(World):
    def __init__(self):
        super().__init__(wallclock=lambda: int(DAY.timestamp() * 1000) + (self.time - self.began) // 1_000_000)

    began = 1_000_000_000


@pytest.fixture
def world():
    with Clocked() as world:
        for name in ("alice", "bob"):
            world.account(name)
        roster.subscribe(world.node, "alice", "bob")
        yield world


def test_a_meeting_is_seen_and_told(world):
    told = []
    status = Status(world.node, Settings(zone="Europe/Berlin"), changed=lambda *args: told.append(args))
    alice, bob = world.client("alice"), world.client("bob")
    bob.send("<presence/>")
    alice.send("<presence/>")
    status.calendar.put("alice", "mine", DAY, DAY + timedelta(days=1),
                        [Busy(DAY + timedelta(minutes=30), DAY + timedelta(hours=2), BusyKind.BUSY)])
    world.turn()
    assert not told and "meeting" not in bob.got
    world.wait(30 * 60)
    assert [(user, p.state, p.kind) for user, p in told] == [("alice", State.MEETING, Kind.CALENDAR)]
    assert "<status>In a meeting until 04:00, from calendar</status>" in bob.got    # summer time by then
    assert status.utc_offset(DAY) == 60 and status.utc_offset(DAY + timedelta(hours=1)) == 120
    assert [s.id for s in status.sources("alice") if s.kind == Kind.CALENDAR] == [GATEWAYS]
    assert status.stats().users == 1 and status.stats().shown == 1 and "users=1" in repr(status.stats())
    world.wait(90 * 60)
    assert told[-1][1].state == State.AVAILABLE and status.stats().users == 0


def test_the_host_says(world):
    status = Status(world.node, Settings(text=StatusText.ALWAYS, everybody=1))
    status.put("alice", Source(Kind.MANUAL, State.DND, note="not now", expires=DAY + timedelta(minutes=5)))
    alice = world.client("alice")
    alice.send("<presence/>")
    assert status.get("alice").state == State.DND and status.get("alice").note == "not now"
    assert {s.kind for s in status.sources("alice")} == {Kind.MANUAL, Kind.CLIENT}
    world.wait(300)
    assert status.get("alice").state == State.AVAILABLE
    status.put("alice", Source(Kind.PHONE, State.CALL, id="1"))
    status.remove("alice", Kind.PHONE, "1")
    with pytest.raises(core.NotFound):
        status.remove("alice", Kind.PHONE, "1")
    with pytest.raises(core.ImpError):
        status.put("alice", Source(Kind.CALENDAR, State.MEETING, id=GATEWAYS))
    assert status.get("nobody").state == State.OFFLINE and status.sources("nobody") == []


def test_settings(world):
    with pytest.raises(core.OutOfRange, match="status text 9: must be 0 to 2"):
        Settings(text=9).check()
    with pytest.raises(core.NotFound, match="Nowhere"):
        Status(world.node, Settings(zone="Nowhere"), get_zone=lambda name: (_ for _ in ()).throw(core.NotFound(name)))
    settings = Settings(presence=pr.Settings(busy_show=1), calendar=CalendarSettings(subjects=1))
    status = Status(world.node, settings)
    assert settings.presence.busy_show == 1 and settings.calendar.subjects == 1
    status.calendar.put("alice", "mine", DAY, DAY + timedelta(days=1), [Busy(DAY, DAY + timedelta(hours=1), BusyKind.BUSY)])
    with pytest.raises(core.StateError, match="calendar"):
        status.set_settings(Settings())
    with pytest.raises(core.StateError):
        status.calendar.turn()


def test_after_the_node(world):
    status = Status(world.node)
    calendar = status.calendar
    world.close()
    with pytest.raises(core.StateError):
        calendar.gateways
    with pytest.raises(core.StateError):
        status.get("alice")
    del status, calendar
    gc.collect()


# ---- the example ----

PROGRAM = Path(__file__).resolve().parents[2] / "examples" / "presence.py"
MEETING = """BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//Example//EN\r
BEGIN:VEVENT\r
UID:1\r
DTSTAMP:20260101T000000Z\r
DTSTART:20260302T090000Z\r
DTEND:20260302T140000Z\r
SUMMARY:Plans & <more>\r
END:VEVENT\r
END:VCALENDAR\r
"""


def run(*arguments, **environment):
    done = subprocess.run([sys.executable, "-B", PROGRAM, *arguments], capture_output=True, text=True, timeout=30,
                          env=os.environ | environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines(), done.stderr.splitlines()


def test_example_files(tmp_path):
    (tmp_path / "a.ics").write_text(MEETING)
    out, err = run(f"juliet={tmp_path}/a.ics", f"romeo={tmp_path}/none.ics", "--at=2026-03-02T10:30", "--zone=Europe/Rome")
    assert out == ["juliet  in a meeting until 15:00, from calendar", "romeo   calendar not known"]
    assert len(err) == 1 and "No such file" in err[0]
    out, err = run(f"juliet={tmp_path}/a.ics", "--at=2026-03-02T08:30:00+00:00")
    assert (out, err) == (["juliet  free until 09:00"], [])


def test_example_what_is_wrong(tmp_path):
    (tmp_path / "garbage.ics").write_bytes(bytes(range(256)))
    (tmp_path / "a.ics").write_text(MEETING)
    out, err = run(f"juliet={tmp_path}/garbage.ics", f"a+b.c={tmp_path}/a.ics", "--at=2026-03-02T10:30+00:00")
    assert out == ["juliet  calendar not known", "a+b.c   in a meeting until 14:00, from calendar"]
    assert len(err) == 1 and err[0].startswith("juliet: ")
    for wrong in (["a@b=x"], ["=x"], ["juliet="], ["juliet=x", "Juliet=y"], ["juliet=x", "--serve=99999"],
                  ["juliet=x", "--zone=Nowhere"]):
        done = subprocess.run([sys.executable, "-B", PROGRAM, *wrong], capture_output=True, text=True, timeout=30,
                              env=os.environ | {"XMPP_PASSWORD": "secret"})
        assert done.returncode != 0 and "Traceback" not in done.stderr, done.stderr


class Dav(BaseHTTPRequestHandler):
    def do_REPORT(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Authorization") != "Basic " + base64.b64encode(b"svc:secret").decode():
            self.send_response(401)
            self.end_headers()
            return
        body = ("<?xml version='1.0'?><multistatus xmlns='DAV:' xmlns:C='urn:ietf:params:xml:ns:caldav'><response><href>/1</href>"
                "<propstat><prop><getetag>1</getetag><C:calendar-data>" + MEETING.replace("& <more>", "") +
                "</C:calendar-data></prop><status>HTTP/1.1 200 OK</status></propstat></response></multistatus>").encode()
        self.send_response(207)
        self.send_header("Content-Type", "application/xml")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def test_example_caldav():
    with HTTPServer(("127.0.0.1", 0), Dav) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"juliet=http://127.0.0.1:{server.server_port}/juliet/"
        out, err = run(url, "--username=svc", "--at=2026-03-02T09:30:00+00:00", DAV_PASSWORD="secret")
        assert (out, err) == (["juliet  in a meeting until 14:00, from calendar"], [])
        out, err = run(url, "--username=svc", "--at=2026-03-02T09:30:00+00:00", DAV_PASSWORD="wrong")
        assert out == ["juliet  calendar not known"] and len(err) == 1 and "401" in err[0]
        server.shutdown()


def test_example_serves(tmp_path):
    (tmp_path / "a.ics").write_text(MEETING)
    with subprocess.Popen([sys.executable, "-B", PROGRAM, f"juliet={tmp_path}/a.ics", "--serve=0", "--at=2026-03-02T08:59:58+00:00"],
                          stdout=subprocess.PIPE, text=True, env=os.environ | {"XMPP_PASSWORD": "secret"}) as program:
        lines = [program.stdout.readline().strip() for _ in range(3)]
        program.terminate()
    assert lines[0] == "juliet  free until 09:00" and lines[1].startswith("ready localhost port=")
    assert lines[2] == "juliet  in a meeting until 14:00, from calendar"
    assert program.returncode == 0
