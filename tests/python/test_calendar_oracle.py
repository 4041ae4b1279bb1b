"""A year of calendars in five zones, told by the library and by an oracle of other people's code (dateutil, zoneinfo)."""
import os
import random
from datetime import date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

if os.environ.get("IMP_MAY_SKIP"):
    pytest.importorskip("dateutil")
from dateutil import rrule                                                             # noqa: E402

from libimp import http                                                                # noqa: E402
from libimp.calendar import BusyKind, Calendar, Gateway, GatewayKind, Settings, Tentative  # noqa: E402

UTC = timezone.utc
ZONES = ["Europe/Berlin", "America/New_York", "Australia/Sydney", "America/Santiago", "Asia/Kolkata"]
DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
FREQ = {"DAILY": rrule.DAILY, "WEEKLY": rrule.WEEKLY, "MONTHLY": rrule.MONTHLY, "YEARLY": rrule.YEARLY}
KINDS = {"BUSY": BusyKind.BUSY, "OOF": BusyKind.OOF, "TENTATIVE": BusyKind.TENTATIVE,
         "WORKINGELSEWHERE": BusyKind.ELSEWHERE}
WINDOW = timedelta(hours=1440)


def moment(local, zone):
    return local.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)


def stamp(t):
    return t.strftime("%Y%m%d") if not isinstance(t, datetime) else t.strftime("%Y%m%dT%H%M%S")


class Event:
    """One series, as iCalendar text and as moments."""

    def __init__(self, rnd, zone, number):
        self.zone, self.uid = zone, f"e{number}"
        self.kind = rnd.choice(list(KINDS))
        self.all_day = rnd.random() < 0.2
        day = date(2025, 1, 1) + timedelta(days=rnd.randrange(500))
        at = time(0) if self.all_day else time(rnd.choice([0, 1, 2, 2, 3, 9, 14, 23]), rnd.choice([0, 15, 30]))
        self.length = timedelta(days=rnd.choice([1, 1, 2])) if self.all_day else timedelta(
            minutes=rnd.choice([15, 30, 60, 90, 600, 1500]))
        start = datetime.combine(day, at)
        self.rule, self.text = None, ""
        if rnd.random() < 0.8:
            start = self.make_rule(rnd, start)
        self.start = start
        self.locals = list(self.rule.between(datetime(2024, 12, 1), datetime(2027, 3, 1), inc=True)) if self.rule else [start]
        self.excluded = [t for t in self.locals if self.rule and rnd.random() < 0.05][:20]
        self.moved = {}
        for t in self.locals:
            if self.rule and t not in self.excluded and rnd.random() < 0.03 and not self.all_day:
                self.moved[t] = t + timedelta(minutes=rnd.choice([-240, 45, 3000]))
        self.by_end = not self.all_day and rnd.random() < 0.3

    def make_rule(self, rnd, start):
        freq = rnd.choice(list(FREQ))
        parts, options = [f"FREQ={freq}"], {}
        interval = rnd.choice([1, 1, 2, 3]) if freq != "YEARLY" else 1
        if interval > 1:
            parts.append(f"INTERVAL={interval}")
        if freq == "WEEKLY" and rnd.random() < 0.7:
            days = sorted(rnd.sample(range(7), rnd.choice([1, 2, 3])))
            parts.append("BYDAY=" + ",".join(DAYS[d] for d in days))
            options["byweekday"] = days
        elif freq == "MONTHLY" and rnd.random() < 0.7:
            n, d = rnd.choice([1, 2, 3, -1]), rnd.randrange(7)
            parts.append(f"BYDAY={n}{DAYS[d]}")
            options["byweekday"] = getattr(rrule, DAYS[d])(n)
        elif freq == "MONTHLY":
            d = rnd.choice([1, 15, 28, 30, 31, -1])
            parts.append(f"BYMONTHDAY={d}")
            options["bymonthday"] = d
        if rnd.random() < 0.35:
            self.make_rare(rnd, freq, parts, options)
        endless = rrule.rrule(FREQ[freq], dtstart=start, interval=interval, **options)
        begin, start = start, next(iter(endless), None)    # so that DTSTART is one of them
        if start is None:          # a rule that never comes true
            return begin
        if rnd.random() < 0.3:
            options["count"] = rnd.randrange(1, 60)
            parts.append(f"COUNT={options['count']}")
        elif rnd.random() < 0.4:
            options["until"] = start + timedelta(days=rnd.randrange(400))
            until = options["until"].date() if self.all_day else moment(options["until"], self.zone)
            parts.append("UNTIL=" + stamp(until) + ("" if self.all_day else "Z"))
        self.rule = rrule.rrule(FREQ[freq], dtstart=start, interval=interval, **options)
        self.text = ";".join(parts)
        return start

    def make_rare(self, rnd, freq, parts, options):
        """What calendars rarely hold."""
        kind = rnd.randrange(5)
        if kind == 0 and not self.all_day:
            options["byhour"] = sorted(rnd.sample(range(24), 2))
            parts.append("BYHOUR=" + ",".join(map(str, options["byhour"])))
        elif kind == 1:
            options["bymonth"] = sorted(rnd.sample(range(1, 13), 4))
            parts.append("BYMONTH=" + ",".join(map(str, options["bymonth"])))
            if freq == "YEARLY":   # the day comes from DTSTART
                options["bymonthday"] = 9
                parts.append("BYMONTHDAY=9")
        elif kind == 2 and freq == "MONTHLY" and "byweekday" not in options and "bymonthday" not in options:
            options["byweekday"], options["bysetpos"] = [0, 1, 2, 3, 4], rnd.choice([1, 2, -1, -3])
            parts += ["BYDAY=MO,TU,WE,TH,FR", f"BYSETPOS={options['bysetpos']}"]
        elif kind == 3 and freq == "YEARLY":
            options["byyearday"] = sorted(rnd.sample(range(1, 366), 5)) + [-1]
            parts.append("BYYEARDAY=" + ",".join(map(str, options["byyearday"])))
        elif kind == 4 and freq == "YEARLY":
            options["byweekno"], options["byweekday"] = sorted(rnd.sample(range(2, 51), 5)), [rnd.randrange(7)]
            parts += ["BYWEEKNO=" + ",".join(map(str, options["byweekno"])), f"BYDAY={DAYS[options['byweekday'][0]]}"]
        if rnd.random() < 0.3:
            options["wkst"] = 6
            parts.append("WKST=SU")

    def prop(self, name, t):
        if self.all_day:
            return f"{name};VALUE=DATE:{stamp(t.date())}"
        return f"{name};TZID={self.zone}:{stamp(t)}"

    def vevent(self, start, *more):
        lines = ["BEGIN:VEVENT", f"UID:{self.uid}", self.prop("DTSTART", start), f"X-MICROSOFT-CDO-BUSYSTATUS:{self.kind}"]
        if self.by_end and not more_is_override(more):
            lines.append("DTEND:" + stamp(moment(start, self.zone) + self.length) + "Z")
        elif self.all_day:
            lines.append(self.prop("DTEND", start + self.length))
        else:
            lines.append(f"DURATION:PT{int(self.length.total_seconds()) // 60}M")
        return lines + list(more) + ["END:VEVENT"]

    def ics(self):
        more = [f"RRULE:{self.text}"] if self.rule else []
        more += [self.prop("EXDATE", t) for t in self.excluded]
        lines = ["BEGIN:VCALENDAR", "VERSION:2.0"] + self.vevent(self.start, *more)
        for t, to in self.moved.items():
            lines += self.vevent(to, self.prop("RECURRENCE-ID", t))
        return "\r\n".join(lines + ["END:VCALENDAR", ""])

    def blocks(self):
        for t in self.locals:
            if t in self.excluded:
                continue
            t = self.moved.get(t, t)
            begin = moment(t, self.zone)
            yield (begin, moment(t + self.length, self.zone) if self.all_day else begin + self.length, KINDS[self.kind])


def more_is_override(more):
    return any(m.startswith("RECURRENCE-ID") for m in more)


def merged(blocks, start, end):
    """Runs of equal kind that are not free."""
    blocks = [(max(a, start), min(b, end), k) for a, b, k in blocks if a < end and b > start and a < b]
    times = sorted({t for a, b, _ in blocks for t in (a, b)})
    runs = []
    for a, b in zip(times, times[1:]):
        kinds = [k for x, y, k in blocks if x <= a and y >= b]
        if kinds:
            if runs and runs[-1][1] == a and runs[-1][2] == max(kinds):
                runs[-1][1] = b
            else:
                runs.append([a, b, max(kinds)])
    return [tuple(r) for r in runs]


class Server(http.Http):
    def __init__(self):
        self.bodies = {}

    def request(self, request, answer):
        user = request.url.rsplit("/", 2)[1]
        return http.Response(207, [], self.bodies[user])


def document(events):
    objects = "".join(f"<response><propstat><prop><C:calendar-data><![CDATA[{e.ics()}]]></C:calendar-data></prop></propstat>"
                      "</response>" for e in events)
    return f'<multistatus xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">{objects}</multistatus>'.encode()


@pytest.mark.parametrize("zone", ZONES)
def test_a_year(zone):
    rnd = random.Random(zone)
    server, now, ns = Server(), datetime(2026, 1, 1, tzinfo=UTC), 10**9
    clock = {"at": now}
    settings = Settings(tentative=Tentative.TENTATIVE, blocks_max=5000)
    with Calendar(settings, http=server, clock=lambda: ns + int((clock["at"] - now).total_seconds() * 1e9),
                  wallclock=lambda: int(clock["at"].timestamp() * 1000)) as cal:
        cal.set_gateway(Gateway(GatewayKind.CALDAV, name="dav", url="https://dav.example/{mailbox}/", username="x",
                                window_hours=1440, poll_seconds=86400))
        people = {}
        for n in range(20):
            events = people[f"u{n}"] = [Event(rnd, zone, i) for i in range(6)]
            server.bodies[f"u{n}"] = document(events)
            cal.map(f"u{n}", "dav", f"u{n}", zone=zone)
        compared = 0
        while clock["at"] < datetime(2027, 1, 1, tzinfo=UTC):
            for user in people:
                cal.refresh(user, "dav")
            for _ in range(100):
                cal.turn()
            start, end = clock["at"] - timedelta(hours=1), clock["at"] + WINDOW
            for user, events in people.items():
                expected = merged([b for e in events for b in e.blocks()], start, end)
                found = merged([(s.since, s.until, s.kind) for s in cal.runs(user, start, end) if s.kind != BusyKind.FREE],
                               start, end)
                assert found == expected, (user, [e.ics() for e in events])
                compared += len(expected)
            clock["at"] += timedelta(days=59)
    assert compared > 1000


@pytest.mark.parametrize("zone", ZONES)
def test_every_edge(zone):
    """The host is told of each edge at its time, and of nothing else."""
    rnd = random.Random(zone + "edges")
    server, begin = Server(), datetime(2026, 3, 1, tzinfo=UTC)
    clock, told = {"ns": 10**9}, {}
    at = lambda: begin + timedelta(microseconds=(clock["ns"] - 10**9) / 1000)          # noqa: E731
    with Calendar(Settings(tentative=Tentative.BUSY), http=server, clock=lambda: clock["ns"],
                  wallclock=lambda: int(begin.timestamp() * 1000) + (clock["ns"] - 10**9) // 10**6,
                  on_change=lambda user, s: told.setdefault(user, []).append((at(), s.kind))) as cal:
        cal.set_gateway(Gateway(GatewayKind.CALDAV, name="dav", url="https://dav.example/{mailbox}/", username="x",
                                window_hours=1440, poll_seconds=86400))
        people = {}
        for n in range(10):
            events = people[f"u{n}"] = [Event(rnd, zone, i) for i in range(4)]
            server.bodies[f"u{n}"] = document(events)
            cal.map(f"u{n}", "dav", f"u{n}", zone=zone)
        for _ in range(20):
            cal.turn()
        end = begin + timedelta(days=45)
        while at() < end:
            clock["ns"] = max(cal.expiry, clock["ns"])
            cal.turn()
        edges_compared = 0
        for user, events in people.items():
            blocks = [(a, b, max(k, BusyKind.BUSY) if k is BusyKind.TENTATIVE else k) for e in events for a, b, k in e.blocks()]
            runs = merged(blocks, begin - timedelta(hours=1), end + timedelta(days=1))
            kind_at = lambda t: next((k for a, b, k in runs if a <= t < b), BusyKind.FREE)     # noqa: E731
            edges = sorted({t for a, b, _ in runs for t in (a, b) if begin < t < end})
            expected = [(t, kind_at(t)) for t in edges]
            # a run that another one prolongs is told twice with one kind: only changes of kind are compared
            seen, last = [], kind_at(begin)
            for t, kind in told[user]:
                if kind != last and begin < t < end:
                    seen.append((t, kind))
                    last = kind
            assert seen == expected, user
            edges_compared += len(seen)
        assert edges_compared > 100
