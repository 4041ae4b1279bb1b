"""People see each other, and a meeting of a real calendar shows: slixmpp, profanity and converse.js
on the reference server, Radicale behind it.

`--out` gets a picture of what one sees of the other's meeting: meeting.png.
"""
import asyncio
import functools
import hashlib
import os
import struct
import zlib
from datetime import datetime, timedelta, timezone

import pytest

from clients.base import Unavailable
from clients.people import PATIENCE, ConversePerson, ProfanityPerson, SlixPerson
from harness.proxy import Proxy
from harness.radicale import Radicale
from harness.reference import Reference
from harness.servers import own_address

PEOPLE = ("juliet", "romeo", "benvolio")
MEETING = "In a meeting until "
AHEAD = 24      # seconds until a meeting begins: the calendar is read every 15
SOON = 10       # seconds in which others must know; a busy machine, so generous


def missing(reason):
    (pytest.skip if reason.may_be_skipped() else pytest.fail)(str(reason))


class Stage:
    """Server, calendars, clients: cleared away at the end."""

    def __init__(self, request, folder):
        self.options = request.config.option
        if not self.options.reference:
            pytest.skip("say --reference EXECUTABLE")
        self.options.out = os.path.abspath(self.options.out)
        self.folder = str(folder)
        self.server = self.radicale = None
        self.people = []

    def start(self, status="", more=""):
        if not Radicale.installed():
            missing(Unavailable("Radicale is not installed"))
        self.radicale = Radicale(os.path.join(self.folder, "radicale"), own_address(1))
        for who in PEOPLE:
            self.radicale.add_calendar(who)
        Reference.executable = self.options.reference
        more += self.radicale.gateway(PEOPLE) + "\nstatus: { %s };\n" % status
        self.server = Reference(os.path.join(self.folder, "server"), PEOPLE, more, salt=1)
        self.server.start()

    def jid(self, who):
        return "%s@%s" % (who, self.server.domain)

    async def login(self, kind, who, **settings):
        try:
            kind.require(self.options)
        except Unavailable as reason:
            missing(reason)
        person = kind(self.server, self.options, user=who, resource="at-" + who,
                      folder=os.path.join(self.folder, "%s-%d" % (who, len(self.people))), **settings)
        self.people.append(person)
        await person.login(PATIENCE)
        return person

    async def meet(self, who, begins, ends, name="Balcony"):
        await asyncio.to_thread(self.radicale.put, who, name.lower(), begins, ends, name)

    async def clear(self):
        for person in self.people:
            await person.stop()
        if self.radicale:
            self.radicale.stop()
        if self.server:
            assert self.server.stop() in (None, 0), self.server.log_tail()


def play(function):
    """A test that is a coroutine on a Stage."""
    @functools.wraps(function)
    def test(request, tmp_path):
        async def run():
            stage = Stage(request, tmp_path)
            try:
                await asyncio.wait_for(function(stage), 240)
            finally:
                await stage.clear()
        asyncio.run(run())
    del test.__wrapped__
    return test


def now():
    return datetime.now(timezone.utc)


def picture(path, color):
    """A PNG of 64 × 64 points."""
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
    rows = (b"\0" + bytes(color) * 64) * 64
    data = (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
    with open(path, "wb") as f:
        f.write(data)
    return hashlib.sha1(data).hexdigest()


async def sees(person, jid, condition, what, timeout=PATIENCE):
    await person.expect(what, lambda: condition(person.presences(jid)), timeout)


async def befriend(stage, asks, who_asks, answers, who_answers):
    """By the clients' own means: one asks, the other allows it and asks back."""
    here, there = stage.jid(who_asks), stage.jid(who_answers)
    await asks.subscribe(there)
    await answers.expect("request", lambda: answers.presences(here, "subscribe"), PATIENCE)
    await answers.allow(here)
    await answers.subscribe(here)
    await asks.expect("request", lambda: asks.presences(there, "subscribe"), PATIENCE)
    await asks.allow(there)
    await sees(asks, there, bool, "presence")
    await sees(answers, here, bool, "presence")


@play
async def test_slixmpp_and_profanity_see_each_other(stage):
    stage.start()
    juliet, romeo = await asyncio.gather(stage.login(SlixPerson, "juliet"),
                                         stage.login(ProfanityPerson, "romeo"))
    me, him = stage.jid("juliet"), stage.jid("romeo")
    await befriend(stage, juliet, "juliet", romeo, "romeo")
    await juliet.do("roster")
    await juliet.expect("subscription", lambda: juliet.has("contact", him, "both"), PATIENCE)

    await romeo.type('/status set away "Out hunting"')
    await sees(juliet, him, lambda p: p[-1] == ("away", "Out hunting"), "away")
    await juliet.do("show", "dnd", "Asleep")
    await sees(romeo, me, lambda p: p[-1] == ("dnd", "Asleep"), "dnd")

    # Caps: what each is told is the other's own, and the features stand behind it.
    assert any(e[0] == "presence" and e[1].startswith(him) and "profanity" in e[5]
               for e in juliet.events), juliet.events
    await romeo.type("/mood on")
    await romeo.type("/avatar get " + me)
    await asyncio.sleep(1)
    await juliet.do("features", juliet.full_jid(him))
    features = next(e for e in reversed(juliet.events) if e[0] == "features")
    assert "urn:xmpp:avatar:metadata+notify" in features, features

    # PEP each way: an avatar, which profanity fetches and keeps; a mood, which slixmpp understands.
    path = os.path.join(stage.folder, "juliet.png")
    digest = picture(path, (200, 40, 80))
    await juliet.do("avatar", path)
    await romeo.expect("avatar", romeo.avatars, PATIENCE)
    with open(romeo.avatars()[0], "rb") as f:
        assert hashlib.sha1(f.read()).hexdigest() == digest
    await romeo.type('/mood set happy "It is the east"')
    await juliet.expect("mood", lambda: juliet.has("mood", him, "happy"), PATIENCE)
    # It did not ask for activities.
    await juliet.do("activity", "inactive", "sleeping", "")
    await juliet.do("show", "", "Awake")
    await sees(romeo, me, lambda p: p[-1] == ("", "Awake"), "awake")
    assert not romeo.events_of("http://jabber.org/protocol/activity")

    await romeo.type("/quit")
    await juliet.expect("farewell", lambda: juliet.presences(him, "unavailable"), PATIENCE)
    await asyncio.sleep(1)
    assert len(juliet.presences(him, "unavailable")) == 1


@play
async def test_slixmpp_publishes_and_who_comes_later_knows(stage):
    stage.start()
    juliet, romeo = await asyncio.gather(stage.login(SlixPerson, "juliet"),
                                         stage.login(SlixPerson, "romeo"))
    me = stage.jid("juliet")
    await befriend(stage, juliet, "juliet", romeo, "romeo")
    digest = picture(os.path.join(stage.folder, "juliet.png"), (20, 140, 80))

    def published(person):
        return (person.has("activity", me, "relaxing", "reading", "By the window")
                and person.has("nick", me, "Jule") and person.has("metadata", me, digest))
    await juliet.do("activity", "relaxing", "reading", "By the window")
    await juliet.do("nick", "Jule")
    await juliet.do("avatar", os.path.join(stage.folder, "juliet.png"))
    await romeo.expect("all that was published", lambda: published(romeo), PATIENCE)
    await romeo.do("fetch", me, digest)
    assert romeo.has("avatar", me, digest)
    await romeo.stop()
    stage.people.remove(romeo)
    romeo = await stage.login(SlixPerson, "romeo")
    await romeo.expect("what was published before", lambda: published(romeo), PATIENCE)
    await sees(romeo, me, bool, "presence")


@play
async def test_presence_outlives_the_link(stage):
    """Contacts see nothing of a resumption, and one farewell of who does not come back."""
    stage.start(more="sm: { timeout = 30; };\n")
    port = stage.server.port
    proxy = await Proxy(stage.server.address, port + 10000, port).start()
    try:
        juliet, romeo = await asyncio.gather(stage.login(SlixPerson, "juliet"),
                                             stage.login(SlixPerson, "romeo", port=proxy.port))
        me, him = stage.jid("juliet"), stage.jid("romeo")
        await befriend(stage, juliet, "juliet", romeo, "romeo")
        await romeo.do("show", "away", "Out hunting")
        await sees(juliet, him, lambda p: p[-1][0] == "away", "away")
        seen = len(juliet.presences(him))
        proxy.cut()
        await juliet.do("show", "dnd", "Asleep")
        await romeo.reconnect()
        await romeo.expect("resumption", romeo.resumptions, PATIENCE)
        await sees(romeo, me, lambda p: p[-1] == ("dnd", "Asleep"), "what happened meanwhile")
        assert len(juliet.presences(him)) == seen and not juliet.presences(him, "unavailable")
        proxy.cut()
        cut = now()
        await juliet.expect("farewell", lambda: juliet.presences(him, "unavailable"), 30 + PATIENCE)
        assert now() - cut > timedelta(seconds=28), "too early"
        await asyncio.sleep(1)
        assert len(juliet.presences(him, "unavailable")) == 1
        assert len(juliet.presences(him)) == seen
    finally:
        await proxy.stop()


@play
async def test_a_meeting_begins_and_ends(stage):
    """By the local clock: the calendar is read before; nothing is asked when it happens."""
    stage.start()
    juliet, romeo, benvolio = await asyncio.gather(
        stage.login(SlixPerson, "juliet"), stage.login(ProfanityPerson, "romeo"),
        stage.login(SlixPerson, "benvolio"))
    me = stage.jid("juliet")
    await befriend(stage, juliet, "juliet", romeo, "romeo")
    await befriend(stage, juliet, "juliet", benvolio, "benvolio")
    begins = (now() + timedelta(seconds=AHEAD)).replace(microsecond=0)
    ends = begins + timedelta(seconds=10)
    await stage.meet("juliet", begins, ends, "Wedding")
    left = (begins - now()).total_seconds()
    await asyncio.sleep(max(0, left - 2))
    assert not any(MEETING in p[1] for p in benvolio.presences(me)), "too early"
    for person in (benvolio, romeo):
        await sees(person, me, lambda p: p[-1][1].startswith(MEETING), "meeting", SOON + 2)
    print("known %.1f s after it began" % (now() - begins).total_seconds())
    await benvolio.expect("activity", lambda: benvolio.has("activity", me, "working", "in_a_meeting"),
                          SOON)
    await asyncio.sleep(max(0, (ends - now()).total_seconds()))
    for person in (benvolio, romeo):
        await sees(person, me, lambda p: p[-1][1] == "", "end of the meeting", SOON)
    print("known %.1f s after it ended" % (now() - ends).total_seconds())
    await benvolio.expect("no activity", lambda: benvolio.events and [
        e for e in benvolio.events if e[0] == "activity"][-1][2] == "", SOON)
    assert not any("wedding" in str(e).lower() for e in benvolio.events), "the subject is nobody's business"


def next_half_hour(moment):
    """At least 20 minutes away."""
    moment += timedelta(minutes=20)
    return moment + timedelta(seconds=1800 - moment.timestamp() % 1800)


@play
async def test_a_meeting_shows_in_a_browser(stage):
    """Two converse.js in headless Chromium over WebSocket."""
    stage.start('busy_show = "away";')
    romeo, juliet = await asyncio.gather(stage.login(ConversePerson, "romeo"),
                                         stage.login(ConversePerson, "juliet"))
    me, her = stage.jid("romeo"), stage.jid("juliet")
    await romeo.subscribe(her, "Juliet")
    await juliet.expect("request", lambda: juliet.has("asked", me), PATIENCE)
    await juliet.allow(me, "Romeo")
    await sees(romeo, her, lambda p: p and p[-1][0] == "online", "Juliet online")
    await sees(juliet, me, lambda p: p and p[-1][0] == "online", "Romeo online")
    await romeo.tell("open", her)
    await romeo.expect("open chat", lambda: romeo.has("opened"), PATIENCE)
    await romeo.say(her, "1", "Lunch at noon?")
    await juliet.expect("message", lambda: len(juliet.bodies()) == 1, PATIENCE)
    await juliet.say(me, "2", "Gladly. I have a meeting first.")
    await romeo.expect("answer", lambda: len(romeo.bodies()) == 1, PATIENCE)

    begins = (now() + timedelta(seconds=AHEAD)).replace(microsecond=0)
    ends = next_half_hour(begins)
    await stage.meet("juliet", begins, ends)
    await asyncio.sleep(max(0, (begins - now()).total_seconds() - 2))
    assert MEETING not in await romeo.look(), "too early"
    words = MEETING + ends.strftime("%H:%M")
    await sees(romeo, her, lambda p: p[-1][0] == "away" and p[-1][1].startswith(words), "meeting",
               SOON + 2)
    print("known %.1f s after it began" % (now() - begins).total_seconds())
    await asyncio.sleep(1)                          # for its last brush stroke
    assert words in await romeo.look()
    path = os.path.join(stage.options.out, "meeting.png")
    await romeo.tell("picture", path)
    await romeo.expect("picture", lambda: romeo.has("picture"), PATIENCE)
    assert os.path.getsize(path) > 10000
