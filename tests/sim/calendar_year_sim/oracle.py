"""What a user's presence should be, and when it should become another: by the specification, none of the library's code."""
import bisect
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from series import Block, Kind

MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
LONGEST = 50 * 86400        # runs that last longer would reach beyond what a gateway reads


@dataclass(frozen=True)
class Seen:
    """What others see."""
    state: str
    until: int          # seconds since 1970; 0: not known
    idle: bool
    note: str           # out of office
    reason: str


@dataclass
class Run:
    begin: int
    end: int
    kind: Kind
    subjects: set[str]


def merge(blocks: list[Block]) -> list[Run]:
    """Runs of equal kind: out of office > busy > tentative > elsewhere."""
    edges: dict[int, list[tuple[int, Block]]] = {}
    for b in blocks:
        edges.setdefault(b.begin, []).append((1, b))
        edges.setdefault(b.end, []).append((-1, b))
    runs: list[Run] = []
    active: list[Block] = []
    times = sorted(edges)
    for t, after in zip(times, times[1:]):
        for sign, b in edges[t]:
            active.append(b) if sign > 0 else active.remove(b)
        if not active:
            continue
        kind = max(b.kind for b in active)
        subjects = {b.subject for b in active if b.kind is kind}
        if runs and runs[-1].end == t and runs[-1].kind is kind:
            runs[-1].end = after
            runs[-1].subjects |= subjects
        else:
            runs.append(Run(t, after, kind, subjects))
    return runs


class Times:
    """Merged blocks, to be asked what holds at a moment."""

    def __init__(self, blocks: list[Block], tentative: Kind):
        self.blocks = blocks
        counted = [b if b.kind is not Kind.TENTATIVE else Block(b.begin, b.end, tentative, b.subject, b.label) for b in blocks]
        self.runs = merge([b for b in counted if b.kind is not Kind.FREE])
        self.begins = [r.begin for r in self.runs]

    def too_long(self) -> bool:
        return any(r.end - r.begin > LONGEST for r in self.runs)

    def at(self, t: int) -> Run | None:
        i = bisect.bisect_right(self.begins, t) - 1
        return self.runs[i] if i >= 0 and t < self.runs[i].end else None

    def edges(self) -> set[int]:
        return {t for r in self.runs for t in (r.begin, r.end)}


@dataclass
class Person:
    """Everything that is known of one."""
    zone: str
    versions: list[tuple[int, Times]]                                          # since when the calendar holds this
    clients: list[tuple[int, str]] = field(default_factory=list)               # from then on: "available", "away", ""
    manual: list[tuple[int, str, int]] = field(default_factory=list)           # from, state, until
    replies: tuple[int, int, str] | None = None                                # automatic: from, until, text

    def calendar(self, t: int) -> Times:
        return [times for since, times in self.versions if since <= t][-1]

    def moments(self) -> set[int]:
        found = {t for _, times in self.versions for t in times.edges()} | {since for since, _ in self.versions}
        found |= {t for t, _ in self.clients} | {t for m in self.manual for t in (m[0], m[2])}
        return found | set(self.replies[:2] if self.replies else ())

    def at(self, t: int) -> Seen:
        run = self.calendar(t).at(t)
        kind = run.kind if run else Kind.FREE
        client = ([c for since, c in self.clients if since <= t] or [""])[-1]
        by_hand = ([m for m in self.manual if m[0] <= t] or [(0, "", 0)])[-1]
        hand = by_hand[1] if t < by_hand[2] else ""
        note = self.replies[2] if self.replies and self.replies[0] <= t < self.replies[1] else ""
        if not client:
            state, until, source = "offline", 0, ", no client"
        elif hand in ("do not disturb", "away"):
            state, until, source = hand, by_hand[2], ", set by hand"
        elif kind is Kind.OOF:
            state, until, source = "out of office", run.end, ", from calendar"
        elif kind is Kind.BUSY:
            state, until, source = "in a meeting", run.end, ", from calendar"
        elif hand:
            state, until, source = hand, by_hand[2], ", set by hand"
        elif client == "away":
            state, until, source = "away", 0, ", from client"
        elif kind is Kind.ELSEWHERE:
            state, until, source = "working elsewhere", run.end, ", from calendar"
        else:
            state, until, source = "available", 0, ", from client"
        return Seen(state, until, client == "away", note, state + self.words(t, until) + source)

    def words(self, now: int, until: int) -> str:
        if not until:
            return ""
        end = datetime.fromtimestamp(until, ZoneInfo(self.zone))
        here = datetime.fromtimestamp(now, timezone(end.utcoffset()))      # by the clock that shows then
        if end.date() == here.date():
            return f" until {end:%H:%M}"
        if end.date() == here.date() + timedelta(days=1) and (end.hour, end.minute) == (0, 0):
            return " until midnight"
        year = f" {end.year}" if end.year != here.year else ""
        at = f", {end:%H:%M}" if (end.hour, end.minute) != (0, 0) else ""
        return f" until {end.day} {MONTHS[end.month - 1]}{year}{at}"

    def edges(self, begin: int, end: int) -> list[tuple[int, Seen]]:
        """The state at `begin`, and every change before `end`."""
        found = [(begin, self.at(begin))]
        for t in sorted(m for m in self.moments() if begin < m < end):
            seen = self.at(t)
            was = found[-1][1]
            if (seen.state, seen.until, seen.idle, seen.note) != (was.state, was.until, was.idle, was.note):
                found.append((t, seen))
        return found

    def around(self, t: int) -> list[Block]:
        """Entries that touch a moment, for the report of a failure."""
        return [b for b in self.calendar(t).blocks if b.begin <= t <= b.end]
