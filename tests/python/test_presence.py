"""Presence alone: sources in, one presence out, and its ways onto the wire."""
import pickle
import random
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from libimp import core, presence
from libimp.presence import Composer, Kind, Presence, Rule, Settings, Source, State, compose

NOON = datetime(2026, 11, 24, 12, tzinfo=timezone.utc)
BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)
PHONE = Source(Kind.CLIENT, State.AVAILABLE, "phone")
MEETING = Source(Kind.CALENDAR, State.MEETING, until=NOON + 2 * HOUR)
JULIET = "juliet@example.org"


class Office:
    """A composer with a clock, and what it told."""

    def __init__(self, settings=None):
        self.time, self.told = NOON, []
        self.composer = Composer(lambda person, p: self.told.append((person, p.reason())), settings=settings,
                                 clock=lambda: presence._ms(self.time))

    def heard(self):
        told, self.told = self.told, []
        return [reason for _, reason in told]


@pytest.fixture
def office():
    office = Office()
    yield office
    office.composer.close()


def test_the_example():
    p = compose([PHONE, MEETING], at=NOON)
    assert (p.state, p.kind, p.rule) == (State.MEETING, Kind.CALENDAR, 4)
    assert presence.DEFAULT_RULES[p.rule].name == "meeting"
    assert p.at == NOON and p.until == p.expiry == NOON + 2 * HOUR and p.from_ is None
    assert p.reason() == "in a meeting until 14:00, from calendar"
    assert p.reason(BERLIN) == "in a meeting until 15:00, from calendar"
    assert compose([]).reason() == "offline, no client"


def test_words_follow_daylight_saving_time():
    before = datetime(2026, 10, 24, 20, tzinfo=timezone.utc)        # 22:00 in Berlin, in summer
    p = compose([PHONE, Source(Kind.MANUAL, State.AWAY, until=before + 12 * HOUR)], at=before)
    assert p.reason(BERLIN) == "away until 25 Oct, 09:00, set by hand"      # winter by then


def test_three_ways():
    p = compose([replace(PHONE, note="<3 & more"), MEETING, Source(Kind.OUT_OF_OFFICE, note="ask Romeo")], at=NOON)
    assert p.status() == "In a meeting until 14:00, from calendar. <3 & more. Out of office: ask Romeo"
    assert p.status(Settings(status_source=0)).startswith("In a meeting until 14:00. ")
    assert p.show() == "" and p.show(Settings(busy_show=1)) == "away"
    stanza = ET.fromstring(f"<presence>{p.xmpp(Settings(busy_show=1))}</presence>")
    assert [e.tag for e in stanza] == ["show", "status"] and stanza[1].text == p.status()
    activity = ET.fromstring(p.activity())
    assert activity[0][0].tag == "{%s}in_a_meeting" % presence.NS_ACTIVITY and activity[1].text == p.reason()
    document = ET.fromstring(p.pidf("sip:juliet@example.org", "sip:juliet@example.org").encode())
    assert document.find(f".//{{{presence.NS_PIDF}}}status/{{{presence.NS_RPID}}}activities/{{{presence.NS_RPID}}}meeting") is not None
    assert (p.ms_number, p.ms_activity) == (6000, "in-a-meeting")
    long = replace(p, note="x" * 5000)                              # no text is too long
    assert "x" * 5000 in long.status() and "x" * 5000 in long.pidf("sip:a@b")


def test_ways_back():
    p = compose([PHONE, MEETING], at=NOON)
    read = presence.parse_pidf(p.pidf("sip:juliet@example.org"), NOON)
    assert (read.entity, read.contact, read.presence.state, read.presence.until) == (
        "sip:juliet@example.org", "", State.MEETING, NOON + 2 * HOUR)
    assert presence.from_ms(7500).idle and presence.from_ms(6500, "on-the-phone").state == State.CALL
    assert presence.from_show("dnd") == State.DND and presence.from_show(None) == State.AVAILABLE
    with pytest.raises(core.Malformed):
        presence.parse_pidf("<presence/>")
    with pytest.raises(core.TooBig):
        presence.parse_pidf(b" " * 70000)


def test_presence_goes_through_c_unchanged():
    p = compose([PHONE, MEETING], at=NOON)
    assert Presence._of(p._struct()) == p and p.same_as(replace(p, at=None)) and not p.same_as(replace(p, note="x"))


def test_settings_and_rules():
    s = Settings(without_client={Kind.CALENDAR, Kind.PHONE}, publish_subjects=1)
    assert s.without_client == {Kind.CALENDAR, Kind.PHONE} and s.rules == presence.DEFAULT_RULES
    s.check()
    assert compose([replace(MEETING, note="Merger")], s, NOON).reason() == "in a meeting (Merger) until 14:00, from calendar"
    assert compose([MEETING], at=NOON).state == State.OFFLINE
    perhaps = Rule("perhaps", frozenset({Kind.CALENDAR}), frozenset({State.TENTATIVE}), show_as=State.BUSY)
    s.rules = [perhaps, *presence.DEFAULT_RULES]
    assert s.rules[0] == perhaps and Rule._of(perhaps._struct()) == perhaps
    p = compose([PHONE, Source(Kind.CALENDAR, State.TENTATIVE)], s, NOON)
    assert (p.state, p.rule) == (State.BUSY, 0)
    copy = pickle.loads(pickle.dumps(s))
    assert copy.rules == s.rules and copy.without_client == s.without_client and "perhaps" in repr(copy)
    s.rules = None
    assert compose([PHONE, Source(Kind.CALENDAR, State.TENTATIVE)], s, NOON).state == State.AVAILABLE
    for wrong in ({"busy_show": 2}, {"max_sources": 0}, {"without_client": {Kind.CLIENT}}):
        with pytest.raises(core.OutOfRange, match=next(iter(wrong))):
            compose([], Settings(**wrong))
    with pytest.raises(AttributeError):
        s.rules_count = 1
    with pytest.raises(AttributeError):
        Settings(nonsense=1)


def test_default_order():
    assert [r.name for r in presence.DEFAULT_RULES] == [
        "manual", "do-not-disturb", "call", "out-of-office", "meeting", "busy", "present", "away", "elsewhere", "available"]
    assert State.CALL in presence.DEFAULT_RULES[2].states and presence.DEFAULT_RULES[7].unless


# ---- the rules once more, as the requirement says them ----

IN_USE = {State.AVAILABLE, State.CHAT, State.ELSEWHERE}
GONE = {State.IDLE, State.BRB, State.AWAY, State.XA, State.OUT_OF_OFFICE}


def oracle(sources, at):
    """(state, kind) without the library."""
    holding = [s for s in sources if (s.from_ or 0) <= at < min(s.until or 1 << 60, s.expires or 1 << 60)]

    def said(states, *kinds):
        return [s for s in holding if s.kind in kinds and s.state in states]

    def telling(found):
        """Of calendars and the like: the most telling."""
        best = max(found, key=lambda s: (s.priority, s.state))
        return best.state, best.kind

    clients = [s for s in holding if s.kind == Kind.CLIENT and s.state != State.OFFLINE]
    if not clients:
        return State.OFFLINE, None
    if by_hand := said(set(State) - IN_USE - {State.TENTATIVE}, Kind.MANUAL):
        return telling(by_hand)
    if said({State.DND}, Kind.CLIENT):
        return State.DND, Kind.CLIENT
    if calls := said({State.CALL}, Kind.PHONE, Kind.CLIENT):
        return State.CALL, {c.kind for c in calls}
    if said({State.OUT_OF_OFFICE}, Kind.CALENDAR):
        return State.OUT_OF_OFFICE, Kind.CALENDAR
    if meetings := said({State.MEETING, State.BUSY}, Kind.CALENDAR):
        return telling(meetings)
    if busy := said({State.MEETING, State.BUSY}, Kind.CLIENT):
        best = min(busy, key=lambda s: (-s.priority, s.state))
        return best.state, best.kind
    if here := said(IN_USE, Kind.MANUAL):
        return telling(here)
    if said(GONE, Kind.CLIENT) and not said(IN_USE, Kind.CLIENT):
        best = min(said(GONE, Kind.CLIENT), key=lambda s: (-s.priority, s.state))
        return best.state, best.kind
    if said({State.ELSEWHERE}, Kind.CALENDAR):
        return State.ELSEWHERE, Kind.CALENDAR
    if there := said(IN_USE, Kind.CLIENT):
        best = min(there, key=lambda s: (-s.priority, s.state))
        return best.state, best.kind
    return State.AVAILABLE, None


def test_an_oracle_agrees():
    chance = random.Random(3)
    kinds = [Kind.CLIENT, Kind.CLIENT, Kind.CLIENT, Kind.PHONE, Kind.CALENDAR, Kind.CALENDAR, Kind.MANUAL]
    seen = set()
    for _ in range(4000):
        sources = [Source(chance.choice(kinds), chance.choice(list(State)), str(i), priority=chance.randint(0, 1),
                          from_=chance.randint(0, 6), until=chance.choice([0, chance.randint(1, 12)]),
                          expires=chance.choice([0, 0, chance.randint(1, 12)])) for i in range(chance.randint(0, 6))]
        for at in (3, 6, 9):
            p, (state, kind) = compose(sources, at=at), oracle(sources, at)
            assert p.state == state and (p.kind in kind if isinstance(kind, set) else p.kind == kind), (sources, at)
            seen.add((p.state, p.kind))
            edges = [e for s in sources for e in (s.from_, s.until, s.expires) if e and e > at]
            assert p.expiry is None or presence._ms(p.expiry) in edges
            if edges and p.expiry is not None:    # nothing changes before
                assert all(compose(sources, at=t).same_as(p) for t in range(at, presence._ms(p.expiry)))
    assert len(seen) > 25


def test_a_day(office):
    c = office.composer
    c.set(JULIET, PHONE)
    c.set(JULIET, replace(MEETING, from_=NOON + HOUR, note="Merger"))
    assert office.heard() == ["available, from client"] and c.expiry == NOON + HOUR
    assert c.sources(JULIET) == [PHONE, replace(MEETING, from_=NOON + HOUR, note="Merger")]
    office.time = NOON + HOUR
    c.handle_expiry()
    assert office.heard() == ["in a meeting until 14:00, from calendar"] and c.get(JULIET).subject == ""
    office.time = NOON + 2 * HOUR
    c.handle_expiry()
    assert office.heard() == ["available, from client"] and c.expiry is None and len(c) == 1
    c.settings = Settings(rules=[])
    assert office.heard() == ["available"] and c.settings.rules == ()
    c.remove(JULIET, Kind.CLIENT, "phone")
    assert office.heard() == ["offline, no client"] and len(c) == 0 and c
    for missing in (lambda: c.remove(JULIET, Kind.CLIENT), lambda: c.forget(JULIET)):
        with pytest.raises(core.NotFound):
            missing()
    c.set(JULIET, PHONE)
    c.forget(JULIET)
    assert office.heard() == ["available", "offline, no client"]


def test_bounds(office):
    c = Office(Settings(max_sources=1, max_note=3)).composer
    c.set(JULIET, replace(PHONE, note="abcd"))
    assert c.get(JULIET).note == "abc"
    with pytest.raises(core.LimitReached):
        c.set(JULIET, MEETING)
    with pytest.raises(core.OutOfRange):
        c.set(JULIET, replace(PHONE, priority=1 << 31))
    with pytest.raises(core.InvalidArgument):
        c.set(JULIET, replace(PHONE, note="a\0b"))
    with pytest.raises(core.InvalidArgument, match="time zone"):
        c.set(JULIET, replace(PHONE, until=datetime(2026, 1, 1)))
    with pytest.raises(core.OutOfRange):
        c.set(JULIET, replace(PHONE, until=-1))
    with pytest.raises(core.InvalidArgument):
        c.set("", PHONE)
    with pytest.raises(core.OutOfRange, match="max_sources"):
        Composer(settings=Settings(max_sources=0))
    c.close()


def test_within_a_callback_one_may_look_only():
    seen = []

    def changed(person, p):
        assert c.get(person).same_as(p) and c.sources(person)
        for forbidden in (lambda: c.set(person, PHONE), lambda: c.forget(person), c.handle_expiry, c.close):
            with pytest.raises(core.StateError):
                forbidden()
        seen.append(p.state)

    c = Composer(changed)
    c.set(JULIET, PHONE)
    assert seen == [State.AVAILABLE]
    c.close()


@pytest.mark.reports
def test_exceptions_in_callbacks(caplog):
    def broken(person, p):
        raise RuntimeError("a fault of the host's")

    with Composer(broken) as c:
        c.set(JULIET, PHONE)
        assert "a fault of the host's" in caplog.text and c.get(JULIET).state == State.AVAILABLE


def test_use_after_close():
    c = Composer()
    c.set(JULIET, PHONE)
    c.close()
    c.close()
    for use in (lambda: c.set(JULIET, PHONE), lambda: c.get(JULIET), c.handle_expiry, lambda: c.expiry, lambda: len(c),
                lambda: c.sources(JULIET)):
        with pytest.raises(core.StateError):
            use()


def test_names():
    assert presence.state_name(State.OUT_OF_OFFICE) == "out of office" and presence.kind_name(Kind.PHONE) == "phone"
