"""Calendar entries by dice: each as iCalendar (RFC 5545), and as the blocks of time that it stands for.

The blocks come from dateutil and zoneinfo alone, none of the library's code.
"""
import functools
import random
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from enum import IntEnum
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

FROM, TO = datetime(2025, 11, 1), datetime(2027, 3, 20)     # occurrences that may matter in 2026, and beyond its end
# Zones of the mailboxes, as Windows calls them too: two hemispheres, a gap at midnight, one of half an hour, a winter
# time that is in the summer's place (Ramadan), 45 minutes.
ZONES = {"Europe/Berlin": "W. Europe Standard Time", "America/New_York": "Eastern Standard Time",
         "America/Santiago": "Pacific SA Standard Time", "Australia/Lord_Howe": "Lord Howe Standard Time",
         "Africa/Casablanca": "Morocco Standard Time", "Asia/Kathmandu": "Nepal Standard Time"}
# What a VTIMEZONE of its own says: (from, to, rule) of summer and winter.
RULES = {"Europe/Berlin": (("+0100", "+0200", "19810329T020000", "BYMONTH=3;BYDAY=-1SU"),
                           ("+0200", "+0100", "19961027T030000", "BYMONTH=10;BYDAY=-1SU")),
         "America/New_York": (("-0500", "-0400", "20070311T020000", "BYMONTH=3;BYDAY=2SU"),
                              ("-0400", "-0500", "20071104T020000", "BYMONTH=11;BYDAY=1SU")),
         "Australia/Lord_Howe": (("+1030", "+1100", "20081005T020000", "BYMONTH=10;BYDAY=1SU"),
                                 ("+1100", "+1030", "20080406T020000", "BYMONTH=4;BYDAY=1SU"))}
DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]


class Kind(IntEnum):
    FREE, ELSEWHERE, TENTATIVE, BUSY, OOF = range(5)


@dataclass(frozen=True)
class Block:
    begin: int          # seconds since 1970
    end: int
    kind: Kind
    subject: str        # "" if it is private
    label: str          # for the report of a failure


def moment(local: datetime, zone: str) -> int:
    """RFC 5545 §3.3.5: twice there is the first, never there is as by the clock before."""
    return int(local.replace(tzinfo=ZoneInfo(zone), fold=0).timestamp())


def stamp(local: datetime) -> str:
    return local.strftime("%Y%m%dT%H%M%S")


def utc(seconds: int) -> str:
    return stamp(datetime.fromtimestamp(seconds, timezone.utc)) + "Z"


def fold(line: str) -> str:
    out = []
    while len(line) > 74:
        out.append(line[:74])
        line = " " + line[74:]
    return "\r\n".join(out + [line])


@functools.cache
def changes(zone: str) -> list[int]:
    """When clocks change in 2026, to the hour."""
    offset = lambda t: datetime.fromtimestamp(t, ZoneInfo(zone)).utcoffset()           # noqa: E731
    begin = int(datetime(2026, 1, 1, tzinfo=timezone.utc).timestamp())
    return [t for t in range(begin, begin + 365 * 86400, 3600) if offset(t) != offset(t - 3600)]


def change_days(zone: str, at: time) -> list[datetime]:
    """Those days, at a time of day."""
    return [datetime.combine(datetime.fromtimestamp(t - 3601, ZoneInfo(zone)).date(), at) for t in changes(zone)]


class Clock:
    """How an entry names its zone."""

    def __init__(self, rnd: random.Random, home: str):
        self.form = rnd.choice(["iana", "iana", "iana", "windows", "quoted", "prefixed", "own", "floating", "utc"])
        self.zone = home if self.form == "floating" or rnd.random() < 0.7 else rnd.choice(list(ZONES))
        if self.form == "own" and self.zone not in RULES:
            self.zone = rnd.choice(list(RULES))
        if self.form == "utc":
            self.zone = "UTC"
        self.tzid = {"iana": self.zone, "windows": ZONES.get(self.zone), "quoted": f'"{ZONES.get(self.zone)}"',
                     "prefixed": f"/example.org/20240101/{self.zone}", "own": "Our clock"}.get(self.form)

    def write(self, name: str, local: datetime) -> str:
        """A property with a date and time."""
        if self.form == "utc":
            return f"{name}:{stamp(local)}Z"
        return f"{name};TZID={self.tzid}:{stamp(local)}" if self.tzid else f"{name}:{stamp(local)}"

    def vtimezone(self) -> list[str]:
        if self.form != "own":
            return []
        lines = ["BEGIN:VTIMEZONE", f"TZID:{self.tzid}"]
        for name, (before, after, start, rule) in zip(("DAYLIGHT", "STANDARD"), RULES[self.zone]):
            lines += [f"BEGIN:{name}", f"DTSTART:{start}", f"TZOFFSETFROM:{before}", f"TZOFFSETTO:{after}",
                      f"RRULE:FREQ=YEARLY;{rule}", f"END:{name}"]
        return lines + ["END:VTIMEZONE"]


class Length:
    """How an entry says how long it lasts: days are the calendar's, hours are exact, and DTEND means one exact length for
    all occurrences (RFC 5545 §3.8.5.3)."""

    def __init__(self, rnd: random.Random, minutes: int):
        self.form = rnd.choice(["duration", "local", "utc"])
        self.days, self.minutes = 0, minutes
        if rnd.random() < 0.06:
            self.form, self.days = "nominal", 1
            self.minutes = rnd.choice([0, 30])

    def property(self, clock: Clock, start: datetime) -> str:
        end = start + timedelta(minutes=self.minutes)
        if self.form == "nominal":
            return f"DURATION:P1DT{self.minutes}M" if self.minutes else "DURATION:P1D"
        if self.form == "local" and moment(end, clock.zone) > moment(start, clock.zone):
            return clock.write("DTEND", end)
        if self.form == "utc":
            return "DTEND:" + utc(moment(start, clock.zone) + self.minutes * 60)
        return f"DURATION:PT{self.minutes // 60}H{self.minutes % 60}M"

    def end(self, clock: Clock, first: datetime, start: datetime) -> int:
        if self.form == "nominal":
            return moment(start + timedelta(days=self.days), clock.zone) + self.minutes * 60
        exact = self.minutes * 60
        if self.form == "local":
            between = moment(first + timedelta(minutes=self.minutes), clock.zone) - moment(first, clock.zone)
            exact = between if between > 0 else exact
        return moment(start, clock.zone) + exact


def pick_kind(rnd: random.Random, owner: str) -> tuple[Kind, list[str]]:
    """What it counts for, and one of the ways to say so."""
    def answer(partstat: str) -> list[str]:
        return ["ATTENDEE;PARTSTAT=ACCEPTED:mailto:nurse@corp.example",
                f"ATTENDEE;ROLE=REQ-PARTICIPANT;PARTSTAT={partstat}:mailto:{owner}"]
    cdo = "X-MICROSOFT-CDO-BUSYSTATUS:"
    kind = rnd.choices(list(Kind), [2, 2, 2, 6, 2])[0]
    return kind, rnd.choice({
        Kind.FREE: [["TRANSP:TRANSPARENT"], [cdo + "FREE"], ["STATUS:CANCELLED"], answer("DECLINED")],
        Kind.ELSEWHERE: [[cdo + "WORKINGELSEWHERE"]],
        Kind.TENTATIVE: [["STATUS:TENTATIVE"], [cdo + "TENTATIVE"], answer("TENTATIVE"), answer("NEEDS-ACTION")],
        Kind.BUSY: [[], ["STATUS:CONFIRMED", "TRANSP:OPAQUE"], [cdo + "BUSY"], answer("ACCEPTED")],
        Kind.OOF: [[cdo + "OOF"]]}[kind])


def pick_rule(rnd: random.Random, nasty: bool, all_day: bool) -> str:
    some = ",".join(sorted(rnd.sample(DAYS[:5], rnd.choice([1, 2, 3])), key=DAYS.index))
    day, nth = rnd.choice(DAYS), rnd.choice([1, 2, 3, 4, -1])
    if nasty:            # days on which clocks change are Sundays, mostly
        return rnd.choice(["FREQ=DAILY", "FREQ=WEEKLY;BYDAY=SU", "FREQ=WEEKLY;BYDAY=SA,SU", "FREQ=MONTHLY;BYDAY=-1SU",
                           "FREQ=MONTHLY;BYDAY=1SU", "FREQ=DAILY;BYDAY=SU,MO"])
    rules = [f"FREQ=WEEKLY;BYDAY={some}", f"FREQ=WEEKLY;INTERVAL=2;WKST={rnd.choice(['SU', 'MO'])};BYDAY={some}", "FREQ=WEEKLY",
             f"FREQ=MONTHLY;BYDAY={nth}{day}", f"FREQ=MONTHLY;BYMONTHDAY={rnd.choice([1, 15, 29, 30, 31, -1, -2])}",
             "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "FREQ=YEARLY", f"FREQ=YEARLY;BYMONTH=3,10;BYDAY={nth}SU",
             f"FREQ=MONTHLY;INTERVAL=3;BYDAY={day}", f"FREQ=DAILY;INTERVAL={rnd.choice([3, 5, 7, 10])}"]
    if not all_day:
        rules += ["FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "FREQ=DAILY", f"FREQ=DAILY;INTERVAL=2;BYMONTH={rnd.randrange(1, 13)}"]
    return rnd.choice(rules)


class Series:
    """One calendar object: an entry, its rule, what is left out, added, moved and cancelled."""

    def __init__(self, rnd: random.Random, uid: str, home: str, owner: str):
        self.uid, self.owner, self.rnd = uid, owner, rnd
        self.all_day = rnd.random() < 0.15
        self.clock = Clock(rnd, home)
        if self.all_day:
            self.clock.form, self.clock.tzid, self.clock.zone = "date", None, home
        nasty = rnd.random() < 0.3 and not self.all_day
        at = time(0) if self.all_day else time(*rnd.choice(
            [(0, 0), (0, 30), (1, 0), (1, 30), (1, 45), (2, 0), (2, 15), (2, 30), (3, 0), (23, 30)] if nasty else
            [(8, 30), (9, 0), (9, 15), (10, 0), (11, 30), (13, 0), (14, 0), (15, 45), (17, 0), (22, 0)]))
        self.days = rnd.choice([1, 1, 1, 2, 3])
        self.length = Length(rnd, rnd.choice([15, 30, 30, 60, 60, 90, 120, 480, 600]))
        start = datetime.combine(date(2025, 6, 1) + timedelta(days=rnd.randrange(560)), at)
        self.rule, self.locals = "", [start]
        if rnd.random() < 0.75:
            self.recur(rnd, start, nasty)
        self.start = self.locals[0]
        self.kind, self.lines = pick_kind(rnd, owner)
        self.private = rnd.random() < 0.15
        self.locals = [t for t in self.locals if FROM < t < TO]
        self.edit(rnd)

    def recur(self, rnd: random.Random, start: datetime, nasty: bool) -> None:
        rule = pick_rule(rnd, nasty, self.all_day)
        start = rrulestr(rule, dtstart=start)[0]        # so that DTSTART is an occurrence
        ends = rnd.random()
        if ends < 0.25:
            rule += f";COUNT={rnd.randrange(2, 120)}"
        found = []
        until = moment(start + timedelta(days=rnd.randrange(500), minutes=rnd.choice([0, 0, -1])), self.clock.zone)
        until = max(until, moment(start, self.clock.zone))
        for t in rrulestr(rule, dtstart=start):
            if t >= TO or (0.25 <= ends < 0.5 and moment(t, self.clock.zone) > until):
                break
            found.append(t)
        if 0.25 <= ends < 0.5:
            last = datetime.fromtimestamp(until, ZoneInfo(self.clock.zone))
            rule += ";UNTIL=" + (last.strftime("%Y%m%d") if self.all_day else
                                 stamp(last) if self.clock.form == "floating" else utc(until))
        if found:                                       # else its first is beyond all that matters: it stays a single one
            self.rule, self.locals = rule, found

    def edit(self, rnd: random.Random) -> None:
        """Exceptions, one by one."""
        self.excluded, self.added, self.periods, self.overrides = [], [], [], []
        if not self.rule:
            return
        for t in self.locals:
            dice = rnd.random()
            if dice < 0.03:
                self.excluded.append(t)
            elif dice < 0.06 and len(self.overrides) < 40:
                self.overrides.append(Override(rnd, self, t))
        if rnd.random() < 0.2 and len(self.locals) > 2:
            some = [t for t in self.locals for _ in range(2)] + change_days(self.clock.zone, self.start.time())
            shift = [1440, 4320] if self.all_day else [95, 777, 1500]
            self.added = {rnd.choice(some) + timedelta(minutes=rnd.choice(shift)) for _ in range(4)}
            self.added |= set(change_days(self.clock.zone, self.start.time()))
            self.added = sorted(self.added - set(self.locals))
            self.periods = [] if self.all_day else [moment(rnd.choice(some) + timedelta(minutes=333), self.clock.zone)]

    def several(self, name: str, locals: list[datetime]) -> list[str]:
        """A property for each, or one for all."""
        lines = [self.reference(name, t) for t in locals]
        if len(lines) > 1 and len({line.partition(":")[0] for line in lines}) == 1 and self.rnd.random() < 0.5:
            return [",".join([lines[0]] + [line.partition(":")[2] for line in lines[1:]])]
        return lines

    def prop(self, name: str, local: datetime) -> str:
        return f"{name};VALUE=DATE:{local:%Y%m%d}" if self.all_day else self.clock.write(name, local)

    def reference(self, name: str, t: datetime) -> str:
        """An occurrence, perhaps in other words: the same moment."""
        if not self.all_day and self.length.form != "nominal" and self.rnd.random() < 0.2:
            return f"{name}:{utc(moment(t, self.clock.zone))}"
        return self.prop(name, t)

    def vevent(self, start: datetime, lines: list[str], private: bool, subject: str,
               length: Length | None = None) -> list[str]:
        length = (self.prop("DTEND", start + timedelta(days=self.days)) if self.all_day else
                  (length or self.length).property(self.clock, start))
        return ["BEGIN:VEVENT", f"UID:{self.uid}@corp.example", "DTSTAMP:20260101T000000Z", self.prop("DTSTART", start), length,
                f"SUMMARY:{subject}", *(["CLASS:PRIVATE"] if private else []), *lines, "END:VEVENT"]

    def subject(self, private: bool, what: str = "") -> str:
        return f"secret {self.uid}{what}" if private else f"about {self.uid}{what}"

    def ics(self) -> str:
        more = [f"RRULE:{self.rule}"] if self.rule else []
        more += self.several("EXDATE", self.excluded) + self.several("RDATE", self.added)
        more += [f"RDATE;VALUE=PERIOD:{utc(p)}/PT40M" for p in self.periods]
        parts = [self.vevent(self.start, self.lines + more, self.private, self.subject(self.private))]
        parts += [o.vevent() for o in self.overrides] + [self.clock.vtimezone()]
        if self.rnd.random() < 0.5:
            parts.reverse()                 # no order is prescribed
        lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//year//"] + [line for part in parts for line in part]
        return "\r\n".join(fold(line) for line in lines + ["END:VCALENDAR"]) + "\r\n"

    def block(self, first: datetime, t: datetime, kind: Kind, subject: str, label: str,
              length: Length | None = None) -> Block:
        zone = self.clock.zone
        end = (moment(t + timedelta(days=self.days), zone) if self.all_day else
               (length or self.length).end(self.clock, first, t))
        return Block(moment(t, zone), end, kind, subject, f"{self.uid} {label}{t} {self.clock.form} {zone}")

    def blocks(self) -> list[Block]:
        gone = set(self.excluded) | {o.instead for o in self.overrides}
        said = "" if self.private else self.subject(False)
        found = [self.block(self.start, t, self.kind, said, "") for t in self.locals + self.added if t not in gone]
        found += [Block(p, p + 2400, self.kind, said, f"{self.uid} period") for p in self.periods]
        found += [o.block() for o in self.overrides]
        return [b for b in found if b.kind is not Kind.FREE and b.end > b.begin]


class Override:
    """One occurrence that is otherwise: cancelled, moved, or counts for something else."""

    def __init__(self, rnd: random.Random, series: Series, instead: datetime):
        self.series, self.instead, self.start = series, instead, instead
        self.kind, self.lines = series.kind, series.lines
        self.private = rnd.random() < 0.2
        self.length = Length(rnd, rnd.choice([20, 50, 180])) if rnd.random() < 0.3 else series.length
        what = rnd.random()
        if what < 0.35:
            self.kind, self.lines = Kind.FREE, ["STATUS:CANCELLED"]
        elif what < 0.75:
            shift = timedelta(days=rnd.choice([-3, 1, 10])) if series.all_day else timedelta(
                minutes=rnd.choice([-240, -30, 45, 60, 1440, 3000, 20000]))
            self.start = instead + shift
        else:
            self.kind, self.lines = pick_kind(rnd, series.owner)

    def vevent(self) -> list[str]:
        s = self.series
        return s.vevent(self.start, [s.reference("RECURRENCE-ID", self.instead), *self.lines], self.private,
                        s.subject(self.private, " moved"), self.length)

    def block(self) -> Block:
        subject = "" if self.private else self.series.subject(False, " moved")
        return self.series.block(self.start, self.start, self.kind, subject, f"(was {self.instead}) ", self.length)
