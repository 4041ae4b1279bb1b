"""A CalDAV server with passwords: methods, bodies, Basic."""
from servers import ALICE

CALENDAR = """<?xml version="1.0"?>
<mkcalendar xmlns="urn:ietf:params:xml:ns:caldav"/>"""
EVENT = """BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:test\r
BEGIN:VEVENT\r
UID:one\r
DTSTAMP:20260101T000000Z\r
DTSTART:20260105T090000Z\r
DTEND:20260105T100000Z\r
SUMMARY:Secret plans\r
END:VEVENT\r
END:VCALENDAR\r
"""
QUERY = """<?xml version="1.0"?>
<c:calendar-query xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><prop><getetag/><c:calendar-data/></prop>
<c:filter><c:comp-filter name="VCALENDAR"><c:comp-filter name="VEVENT">
<c:time-range start="20260105T000000Z" end="20260106T000000Z"/></c:comp-filter></c:comp-filter></c:filter></c:calendar-query>"""


def test_caldav(radicale, request_):
    basic = ["--auth", "basic", "--user", ALICE["user"], "--secret", ALICE["secret"], "--affinity", "radicale"]
    made, put, found, denied, gone = request_(
        *basic, "--method", "MKCALENDAR", "--type", "application/xml", "--body", CALENDAR, f"{radicale}/alice/work/", "--wait",
        "--method", "PUT", "--type", "text/calendar", "--body", EVENT, f"{radicale}/alice/work/one.ics", "--wait",
        "--method", "REPORT", "--type", "application/xml", "--body", QUERY, f"{radicale}/alice/work/", "--wait",
        "--secret", "wr0ng", f"{radicale}/alice/work/", "--wait",
        "--secret", ALICE["secret"], "--method", "GET", "--body", "", f"{radicale}/alice/none.ics")
    assert made["code"] == put["code"] == 201
    assert found["code"] == 207 and "DTSTART:20260105T090000Z" in found["body"]
    assert denied["code"] == 401 and denied["status"] == "OK"
    assert gone["code"] == 404
