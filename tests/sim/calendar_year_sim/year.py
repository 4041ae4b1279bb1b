"""A year of calendars, read over CalDAV on a virtual clock, composed, and compared edge by edge with an oracle's.

    year.py [--users N] [--seed N] [--days N] [--only USER]

Each user has a mailbox in one of six zones, with entries by dice (series.py); clients that come and go, presence set by
hand, automatic replies, a source of the host's own beside the server, a server with bad days. Every change of the composed
presence that the library tells is compared with those that the oracle (oracle.py) expects: none may be missing, none too
many, each at its second, with its end and in its words.
"""
import argparse
import random
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import unquote
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "bindings" / "python"))

from libimp import core, http, presence                                                     # noqa: E402
from libimp.calendar import Busy, BusyKind, Calendar, Gateway, GatewayKind, OutOfOffice, Settings, Tentative   # noqa: E402
from libimp.presence import Source, State                                                   # noqa: E402
from oracle import Person, Seen, Times                                                      # noqa: E402
from series import ZONES, Block, Kind, Series, changes, moment   # noqa: E402

BEGIN = int(datetime(2026, 1, 1, tzinfo=timezone.utc).timestamp())
DAY, NS = 86400, 10**9
ALIKE = 6           # neighbours with equal settings, each in another zone
STATES = {"available": State.AVAILABLE, "away": State.AWAY, "do not disturb": State.DND}
FROM_KIND = {BusyKind.ELSEWHERE: State.ELSEWHERE, BusyKind.TENTATIVE: State.TENTATIVE, BusyKind.BUSY: State.MEETING,
             BusyKind.OOF: State.OUT_OF_OFFICE}
TENTATIVE = [(Tentative.FREE, Kind.FREE), (Tentative.TENTATIVE, Kind.TENTATIVE), (Tentative.BUSY, Kind.BUSY)]


class User:
    """A user by dice: what the server has, what happens in the year, and the oracle's view of both."""

    def __init__(self, seed: int, number: int, days: int, tentative: Kind):
        rnd = random.Random(f"{seed}/{number}")
        self.name, self.mailbox = f"u{number}", f"u{number}@corp.example"
        self.zone = list(ZONES)[number % len(ZONES)]
        self.changes = rnd.random() < 0.3                       # the calendar becomes another in the middle of the year
        self.duties = self.pick_duties(rnd, days) if rnd.random() < 0.3 else []
        self.bodies, versions = [], []
        for n in range(2 if self.changes else 1):
            since = 0 if n == 0 else BEGIN + rnd.randrange(1, days * 24) * 3600 + 17
            series, times = self.entries(rnd, n, tentative)
            self.bodies.append((since, document(rnd, series)))
            versions.append((since, times))
        self.person = Person(self.zone, versions)
        moments = sorted(BEGIN + rnd.randrange(days * DAY) for _ in range(24))
        self.person.clients = [(BEGIN, "available")]
        for t in moments[::3]:
            self.person.clients += [(t, rnd.choice(["away", ""])), (t + rnd.choice([600, 50000, 250000]), "available")]
        self.person.clients.sort()
        self.person.manual = [(t, rnd.choice(list(STATES)), t + rnd.choice([600, 5400, 90000])) for t in moments[1::3]]
        if rnd.random() < 0.25:
            self.person.replies = (moments[2], moments[2] + 9 * DAY, f"gone, ask {number}")

    def pick_duties(self, rnd: random.Random, days: int) -> list[Block]:
        """What the host itself knows, beside the server: whole days."""
        found = []
        for number in rnd.sample(range(days), 20):
            day = datetime(2026, 1, 1) + timedelta(days=number)
            found.append(Block(moment(day, self.zone), moment(day + timedelta(days=1), self.zone),
                               rnd.choice([Kind.OOF, Kind.ELSEWHERE]), "", f"{self.name} duty {day:%Y%m%d}"))
        return found

    def entries(self, rnd: random.Random, version: int, tentative: Kind) -> tuple[list[Series], Times]:
        while True:
            series = [Series(rnd, f"{self.name}-{version}-{i}", self.zone, self.mailbox) for i in range(rnd.randrange(8, 15))]
            times = Times([b for s in series for b in s.blocks()] + self.duties, tentative)
            if not times.too_long():
                return series, times

    def body(self, now: float) -> bytes:
        return [body for since, body in self.bodies if since <= now][-1]


def document(rnd: random.Random, series: list[Series]) -> bytes:
    """A multistatus; texts as servers write them: escaped, or as CDATA."""
    out = ['<?xml version="1.0" encoding="utf-8"?><D:multistatus xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">']
    for s in series:
        text = s.ics()
        text = f"<![CDATA[{text}]]>" if rnd.random() < 0.3 else escape(text, {"\r": "&#13;"})
        out.append(f"<D:response><D:href>/{s.uid}.ics</D:href><D:propstat><D:prop><C:calendar-data>{text}</C:calendar-data>"
                   "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>")
    return "".join(out + ["</D:multistatus>"]).encode()


class Server(http.Http):
    """A CalDAV server that has its bad days: of every thirty answers one is a refusal, where nothing hangs on it."""

    def __init__(self, world: "World", rnd: random.Random):
        self.world, self.rnd, self.asked = world, rnd, 0

    def request(self, request: http.Request, answer: http.Answer) -> http.Response:
        self.asked += 1
        name = unquote(request.url.rsplit("/", 2)[1]).partition("@")[0]
        if "flaky" in request.url and self.world.now() > BEGIN and self.rnd.random() < 1 / 30:
            if self.rnd.random() < 0.5:
                return http.Response(503, [("Retry-After", str(self.rnd.randrange(1, 7200)))])
            answer.error("cable cut")
            raise core.Unavailable()
        body = self.world.users[name].body(self.world.now())
        return http.Response(207, [("Content-Type", "application/xml; charset=utf-8")], body)


class World:
    """Some users, the library, and the clock."""

    def __init__(self, seed: int, numbers: list[int], days: int):
        group = numbers[0] // ALIKE % 6
        self.policy, as_kind = TENTATIVE[group % 3]
        self.subjects, self.days, self.ns = group % 2, days, NS
        self.users = {u.name: u for u in (User(seed, n, days, as_kind) for n in numbers)}
        self.told: dict[str, list[tuple[int, Seen, str]]] = {name: [] for name in self.users}
        self.server = Server(self, random.Random(f"{seed}/server/{group}"))
        self.composer = presence.Composer(self.changed, clock=self.ms,
                                          settings=presence.Settings(publish_subjects=self.subjects))
        self.calendar = Calendar(Settings(tentative=self.policy, subjects=1), http=self.server, on_change=self.on_change,
                                 clock=lambda: self.ns, wallclock=self.ms)

    def ms(self) -> int:
        return BEGIN * 1000 + (self.ns - NS) // 10**6

    def now(self) -> float:
        return self.ms() / 1000

    def changed(self, name: str, p: presence.Presence) -> None:
        until = int(p.until.timestamp()) if p.until else 0
        reason = p.reason(ZoneInfo(self.users[name].zone))
        seen = Seen(presence.state_name(p.state), until, bool(p.idle), p.away_note, reason)
        told, at = self.told[name], self.ms()
        if told and told[-1][0] == at:
            told.pop()                  # several things happened in this moment: the last counts
        told.append((at, seen, p.subject))

    def on_change(self, name: str, state: object) -> None:
        """As a host does it: what the calendar says becomes a source."""
        if state.known and state.kind is not BusyKind.FREE:
            self.composer.set(name, Source(presence.Kind.CALENDAR, FROM_KIND[state.kind], "c", note=state.subject or "",
                                           until=state.until if state.until_known else None,
                                           expires=None if state.until_known else state.until))
        else:
            self.drop(name, presence.Kind.CALENDAR, "c")
        if state.out_of_office and state.note:
            self.composer.set(name, Source(presence.Kind.OUT_OF_OFFICE, State.OUT_OF_OFFICE, "c", note=state.note,
                                           until=state.oof_until))
        else:
            self.drop(name, presence.Kind.OUT_OF_OFFICE, "c")

    def drop(self, name: str, kind: presence.Kind, id: str) -> None:
        try:
            self.composer.remove(name, kind, id)
        except core.NotFound:
            pass

    # ---- what happens by itself ----

    def actions(self) -> list[tuple[int, object]]:
        found = []
        for u in self.users.values():
            for t, state in u.person.clients:
                found.append((t, lambda u=u, s=state: self.composer.set(u.name, Source(presence.Kind.CLIENT, STATES[s], "r"))
                              if s else self.drop(u.name, presence.Kind.CLIENT, "r")))
            for t, state, until in u.person.manual:
                found.append((t, lambda u=u, s=state, e=until: self.composer.set(
                    u.name, Source(presence.Kind.MANUAL, STATES[s], until=e * 1000))))
            for since, _ in u.bodies[1:]:
                found.append((since, lambda u=u: self.calendar.refresh(u.name, "steady")))
        return sorted(found, key=lambda a: a[0])

    def set_up(self) -> None:
        for name in ("steady", "flaky"):
            self.calendar.set_gateway(Gateway(GatewayKind.CALDAV, name=name, url=f"https://{name}.example/{{mailbox}}/",
                                              username="svc", secret="pw", window_hours=1440, poll_seconds=DAY, concurrency=64))
        for u in self.users.values():
            self.calendar.map(u.name, "steady" if u.changes else "flaky", u.mailbox, zone=u.zone)
            if u.duties:
                self.calendar.put(u.name, "host", at(BEGIN), at(BEGIN + 366 * DAY), [duty(b) for b in u.duties], u.zone)
            if u.person.replies:
                start, end, note = u.person.replies
                self.calendar.put_out_of_office(u.name, "host", OutOfOffice(True, at(start), at(end), note))

    def settle(self) -> None:
        """Everything that is due now."""
        for _ in range(10000):
            self.calendar.turn()
            expiry = self.calendar.expiry
            if expiry is None or expiry > self.ns:
                break
        else:
            raise AssertionError(f"the calendar never comes to rest at {self.now()}")
        self.composer.handle_expiry()

    def play(self) -> None:
        self.set_up()
        actions, i, end = self.actions(), 0, NS + self.days * DAY * NS
        while self.ns < end:
            while i < len(actions) and actions[i][0] <= self.now():
                actions[i][1]()
                i += 1
            self.settle()
            following = [end, self.calendar.expiry or end]
            if self.composer.expiry:
                ms = (self.composer.expiry - at(BEGIN)) // timedelta(milliseconds=1)
                following.append(NS + ms * 10**6)
            if i < len(actions):
                following.append(NS + (actions[i][0] - BEGIN) * NS)
            self.ns = max(self.ns, min(following))

    # ---- the comparison ----

    def check(self, name: str) -> tuple[int, int, str]:
        """How many edges were compared, how many of these near a change of clocks, and what is wrong."""
        user, last = self.users[name], BEGIN + self.days * DAY
        told: list[tuple[float, Seen]] = []
        for ms, seen, subject in self.told[name]:
            wrong = self.check_subject(user, ms // 1000, seen, subject)
            if wrong:
                return 0, 0, wrong
            # another subject alone is no edge
            if ms < last * 1000 and not (self.subjects and told and same(told[-1][1], seen)):
                told.append((ms / 1000, plain(seen, subject)))
        expected = user.person.edges(BEGIN, last)
        for i in range(max(len(told), len(expected))):
            e = expected[i] if i < len(expected) else (last, None)
            f = told[i] if i < len(told) else (last, None)
            if e != f:
                return i, 0, self.report(user, int(min(e[0], f[0])), e, f)
        near = [c for c in changes(user.zone) for t, _ in expected if abs(t - c) < DAY]
        return len(expected), len(near), ""

    def check_subject(self, user: User, t: int, seen: Seen, subject: str) -> str:
        run = user.person.calendar(t).at(t)
        allowed = run.subjects if run and self.subjects and "from calendar" in seen.reason else {""}
        return "" if subject in allowed else (
            f"user {user.name}: the subject {subject!r} is told at {utc(t)}, of {sorted(allowed)}")

    def report(self, user: User, t: int, expected: object, found: object) -> str:
        local = datetime.fromtimestamp(t, ZoneInfo(user.zone))
        lines = [f"user {user.name} ({user.zone}, tentative {self.policy.name}) at {utc(t)} = {local:%a %Y-%m-%d %H:%M:%S}"]
        for what, (at, seen) in (("expected", expected), ("told", found)):
            lines.append(f"  {what}: {utc(int(at))} {seen}" + (f" ends {utc(seen.until)}" if seen and seen.until else ""))
        around = user.person.around(t)
        lines += [f"  entry {b.label}: {b.kind.name} {utc(b.begin)} to {utc(b.end)}" for b in around]
        for uid in sorted({b.label.split()[0] for b in around if " duty " not in b.label}):
            lines.append(self.source(user, t, uid))
        return "\n".join(lines)

    def source(self, user: User, t: int, uid: str) -> str:
        text = user.body(t).decode().split(f"/{uid}.ics", 1)[1].split("BEGIN:VCALENDAR", 1)[1].split("END:VCALENDAR")[0]
        return text.replace("&#13;", "").replace("\r", "")

    def close(self) -> None:
        self.calendar.close()
        self.composer.close()


def at(t: int) -> datetime:
    return datetime.fromtimestamp(t, timezone.utc)


def utc(t: int) -> str:
    return at(t).strftime("%Y-%m-%dT%H:%M:%SZ")


def duty(b: Block) -> Busy:
    """As dates without a zone: which moments they are, is the library's to say."""
    day = datetime.strptime(b.label.split()[-1], "%Y%m%d").replace(tzinfo=timezone.utc)
    return Busy(day, day + timedelta(days=1), BusyKind(b.kind), floating=True)


def same(a: Seen, b: Seen) -> bool:
    return (a.state, a.until, a.idle, a.note) == (b.state, b.until, b.idle, b.note)


def plain(seen: Seen, subject: str) -> Seen:
    """Words without the subject: which of several it is, is not said by the specification."""
    reason = seen.reason.replace(f" ({subject})", "", 1) if subject else seen.reason
    return Seen(seen.state, seen.until, seen.idle, seen.note, reason)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="this user alone")
    parser.add_argument("--days", type=int, default=365)
    args = parser.parse_args()
    numbers = [args.only] if args.only is not None else list(range(args.users))
    began, edges, near, wrong, asked = time.monotonic(), 0, 0, [], 0
    while numbers:
        batch = [n for n in numbers if n // ALIKE % 6 == numbers[0] // ALIKE % 6]     # on one clock
        numbers = [n for n in numbers if n not in batch]
        world = World(args.seed, batch, args.days)
        world.play()
        asked += world.server.asked
        for name in world.users:
            count, on_change_days, text = world.check(name)
            edges, near = edges + count, near + on_change_days
            wrong += [f"seed {args.seed}, {text}"] if text else []
        world.close()
    if wrong:
        print("\n\n".join(wrong[:5]))
    print(f"seed {args.seed}: {edges} edges of presence compared, {near} of them within a day of a change of clocks, "
          f"{asked} readings, {len(wrong)} users differ, "
          f"{time.monotonic() - began:.1f} s")
    return 1 if wrong or not edges else 0


if __name__ == "__main__":
    sys.exit(main())
