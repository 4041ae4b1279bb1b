"""kill -9 of the server during traffic. Sessions are durable: to the clients it is a lost link.

What is asked: every message that the server acknowledged arrives (or comes back to its sender);
nothing that the recipient acknowledged is sent again; order holds. The clients count for
themselves (harness/raw.py). Timing comes from a seed, which a failure names.
"""
import asyncio
import random

import pytest

from harness.raw import SM, Closed, body_of
from harness.scene import Scene
from harness.servers import Prosody

PAIRS = 4
GONE = (Closed, OSError, AttributeError, asyncio.IncompleteReadError)   # what a kill looks like


class Pair:
    """One sender, one recipient, and the account of every message between them."""

    share_away = 0.2

    def __init__(self, scene, number):
        self.sender = scene.raw("%s-s%d" % (scene.me, number))
        self.recipient = scene.raw("%s-r%d" % (scene.me, number))
        self.number = number
        self.sent = []              # bodies, in order
        self.again = set()          # those the sender sent again: never acknowledged before
        self.away = False           # the recipient stays away over the next kill
        self.story = []             # what happened after how many messages, for a failure
        self.rebound = 0            # it stayed away for longer than the buffer could hold

    async def login(self):
        await self.sender.login()
        await self.recipient.login()
        # before anything is at stake, the sessions themselves have to be safe
        await self.sender.sync()
        await self.recipient.sync()
        self.target = self.recipient.jid

    async def talk(self, rng):
        """Says things until the server is gone."""
        try:
            while True:
                body = "%d-%d" % (self.number, len(self.sent))
                self.sent.append(body)
                await self.sender.say(self.target, body, ident=body)
                if rng.random() < 0.2:
                    await self.sender.request()
                await asyncio.sleep(rng.random() * 0.01)
        except GONE:
            pass

    async def resume(self):
        """Both come back; the recipient at times only after the next kill,
        when its session may be beyond resumption; then it binds anew and inherits."""
        again = await self.sender.resume()
        for text in again:
            for body in self.sent[-len(again) - 5:]:
                if "<body>%s</body>" % body in text:
                    self.again.add(body)
        if not self.away:
            await self.come_back()

    async def come_back(self):
        resumed = await self.recipient.return_()
        self.rebound += not resumed
        self.story.append((len(self.sent), "resumed" if resumed else "bound anew"))

    def has_all(self):
        return len(set(self.recipient.bodies())) >= len(self.sent)

    def check(self, complete):
        got = self.recipient.bodies()
        first = list(dict.fromkeys(got))
        repeated = {body for body in got if got.count(body) > 1} if len(first) < len(got) else set()
        wrong = repeated - self.again
        assert not wrong, "sent again although acknowledged: %s" % sorted(wrong)
        ranks = [int(body.split("-")[1]) for body in first]
        assert ranks == sorted(ranks), "out of order: %s" % ranks
        returned = [body_of(s) for s in self.sender.inbox if s.get("type") == "error"]
        assert not returned, "returned although the recipient came back: %s" % returned
        if complete:
            lost = [body for body in self.sent if body not in set(first)]
            assert not lost, "of %d lost: %s; %s" % (len(self.sent), lost, self.story)
        return len(repeated)


class Mailbox(Pair):
    """The recipient is not there: offline storage. At times it comes and takes what there is."""

    share_away = 0.7

    async def login(self):
        await self.sender.login()
        await self.sender.sync()
        self.target = "%s@%s" % (self.recipient.user, self.recipient.server.domain)
        self.away = True

    async def come_back(self):
        await self.recipient.login()
        await self.sender.sync(20)
        end = asyncio.get_running_loop().time() + 20
        while not self.has_all() and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.05)
        self.check(complete=True)
        await self.recipient.close()


async def kill_and_return(server, pairs, rng):
    for pair in pairs:
        was_away, pair.away = pair.away, rng.random() < pair.share_away
        if isinstance(pair, Mailbox):
            continue
        if was_away and not pair.away:
            continue
        if pair.away and not was_away:
            await pair.recipient.cut()
            pair.story.append((len(pair.sent), "away"))
    talking = [asyncio.create_task(pair.talk(rng)) for pair in pairs]
    await asyncio.sleep(0.02 + rng.random() * 0.4)
    await asyncio.to_thread(server.kill)
    await asyncio.gather(*talking)
    for pair in pairs:
        await pair.sender.cut()
        await pair.recipient.cut()
    await asyncio.to_thread(server.restart)
    if rng.random() < 0.25:
        await kill_while_they_return(server, pairs, rng)
    await asyncio.gather(*[pair.resume() for pair in pairs])


async def kill_while_they_return(server, pairs, rng):
    """The server dies again while its clients resume."""
    returning = [asyncio.create_task(pair.resume()) for pair in pairs
                 if not isinstance(pair, Mailbox)]
    await asyncio.sleep(rng.random() * 0.1)
    await asyncio.to_thread(server.kill)
    for outcome in await asyncio.gather(*returning, return_exceptions=True):
        if isinstance(outcome, Exception) and not isinstance(outcome, GONE):
            raise outcome
    for pair in pairs:
        await pair.sender.cut()
        await pair.recipient.cut()
    await asyncio.to_thread(server.restart)


async def play(server, kills, seed):
    rng = random.Random(seed)
    async with Scene(server) as scene:
        pairs = [Pair(scene, number) for number in range(PAIRS)] + [Mailbox(scene, PAIRS)]
        await asyncio.gather(*[pair.login() for pair in pairs])
        for kill in range(kills):
            try:
                await kill_and_return(server, pairs, rng)
                for pair in pairs:
                    pair.check(complete=False)
            except Exception as error:
                raise AssertionError("kill %d of %d, seed %d: %s" % (kill + 1, kills, seed, error)
                                     ) from error
        for pair in pairs:
            if pair.away:
                await pair.come_back()
        for pair in pairs:
            await pair.sender.sync(20)
            if not isinstance(pair, Mailbox):
                await pair.recipient.sync(20)
        end = asyncio.get_running_loop().time() + 20
        while (any(not pair.has_all() for pair in pairs)
               and asyncio.get_running_loop().time() < end):
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.5)
        repeated = sum(pair.check(complete=True) for pair in pairs)
        total = sum(len(pair.sent) for pair in pairs)
        resent = sum(len(pair.again) for pair in pairs)
        rebound = sum(pair.rebound for pair in pairs)
    return total, resent, repeated, rebound


@pytest.fixture
def durable(make_server, request):
    if request.config.getoption("prosody"):
        pytest.skip("has no durable sessions")
    return make_server("--durable")


def test_nothing_is_lost_when_the_server_is_killed(durable, request):
    kills, seed = request.config.getoption("kills"), request.config.getoption("seed")
    total, resent, repeated, rebound = asyncio.run(
        asyncio.wait_for(play(durable, kills, seed), 60 + kills * 15))
    print("%d kills, %d messages, %d sent again by their senders, of which %d had arrived; "
          "%d times a recipient was away for too long to resume"
          % (kills, total, resent, repeated, rebound))
    assert total > kills


def test_the_account_of_a_session_that_ended_survives_a_kill(durable):
    """<failed h=''/> after the session is gone and the server was killed."""
    async def run():
        async with Scene(durable) as scene:
            client = await scene.raw().login(max_s=1)
            for i in range(3):
                await client.say(scene.jid(scene.me), "n%d" % i)
            await client.sync()
            await client.cut()
            await asyncio.sleep(2.5)
            await asyncio.to_thread(durable.kill)
            await asyncio.to_thread(durable.restart)
            failed = await client.try_resume()
            assert failed.tag == "{%s}failed" % SM and failed.get("h") == "4"
            again = await scene.raw(scene.me).login()
            await again.expect(lambda: again.bodies() == ["n0", "n1", "n2"])
    asyncio.run(asyncio.wait_for(run(), 60))


def test_binding_anew_after_a_kill_inherits_the_queue(durable):
    async def run():
        async with Scene(durable) as scene:
            sender, client = await scene.raw().login(), await scene.raw(scene.me).login()
            await client.sync()
            await client.cut()
            for i in range(5):
                await sender.say(client.jid, "n%d" % i)
            await sender.sync()
            await asyncio.to_thread(durable.kill)
            await sender.cut()
            await asyncio.to_thread(durable.restart)
            again = await scene.raw(scene.me).login()
            await again.expect(lambda: again.bodies() == ["n%d" % i for i in range(5)])
            await sender.resume()
            await sender.sync()
            assert not [s for s in sender.inbox if s.get("type") == "error"]
    asyncio.run(asyncio.wait_for(run(), 60))
