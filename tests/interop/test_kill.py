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


class Pair:
    """One sender, one recipient, and the account of every message between them."""

    def __init__(self, scene, number):
        self.sender = scene.raw("%s-s%d" % (scene.me, number))
        self.recipient = scene.raw("%s-r%d" % (scene.me, number))
        self.number = number
        self.sent = []              # bodies, in order
        self.again = set()          # those the sender sent again: never acknowledged before
        self.away = False           # the recipient stays away over the next kill

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
        except (Closed, OSError, AttributeError):
            pass

    async def resume(self):
        """Both come back; the recipient at times only after the next kill."""
        again = await self.sender.resume()
        for text in again:
            for body in self.sent[-len(again) - 5:]:
                if "<body>%s</body>" % body in text:
                    self.again.add(body)
        if not self.away:
            await self.recipient.resume()

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
            assert first == self.sent, "lost: %s" % sorted(set(self.sent) - set(first))
        return len(repeated)


async def kill_and_return(server, pairs, rng):
    for pair in pairs:
        was_away, pair.away = pair.away, rng.random() < 0.2
        if was_away and not pair.away:
            continue
        if pair.away and not was_away:
            await pair.recipient.cut()
    talking = [asyncio.create_task(pair.talk(rng)) for pair in pairs]
    await asyncio.sleep(0.02 + rng.random() * 0.4)
    await asyncio.to_thread(server.kill)
    await asyncio.gather(*talking)
    for pair in pairs:
        await pair.sender.cut()
        await pair.recipient.cut()
    await asyncio.to_thread(server.restart)
    await asyncio.gather(*[pair.resume() for pair in pairs])


async def play(server, kills, seed):
    rng = random.Random(seed)
    async with Scene(server) as scene:
        pairs = [Pair(scene, number) for number in range(PAIRS)]
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
                await pair.recipient.resume()
        for pair in pairs:
            await pair.sender.sync(20)
            await pair.recipient.expect(
                lambda: len(set(pair.recipient.bodies())) >= len(pair.sent), 20)
        await asyncio.sleep(0.5)
        repeated = sum(pair.check(complete=True) for pair in pairs)
        total = sum(len(pair.sent) for pair in pairs)
        resent = sum(len(pair.again) for pair in pairs)
    return total, resent, repeated


@pytest.fixture
def durable(make_server, request):
    if request.config.getoption("prosody"):
        pytest.skip("has no durable sessions")
    return make_server("--durable")


def test_nothing_is_lost_when_the_server_is_killed(durable, request):
    kills, seed = request.config.getoption("kills"), request.config.getoption("seed")
    total, resent, repeated = asyncio.run(
        asyncio.wait_for(play(durable, kills, seed), 60 + kills * 15))
    print("%d kills, %d messages, %d sent again by their senders, of which %d had arrived"
          % (kills, total, resent, repeated))
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
