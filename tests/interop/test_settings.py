"""Stream management with other settings than the defaults, set as options of the echo server."""
import asyncio
import subprocess

import pytest

from harness.raw import SM, body_of
from harness.scene import Scene
from harness.servers import own_address


@pytest.fixture
def stage(make_server, request):
    """stage(options, coroutine): plays it on a server with these options."""
    if request.config.getoption("prosody"):
        pytest.skip("options of the echo server")

    def play(options, function):
        server = make_server(*options)

        async def run():
            async with Scene(server) as scene:
                await asyncio.wait_for(function(scene), 60)
        asyncio.run(run())
        return server
    return play


def numbers(count):
    return ["n%d" % i for i in range(count)]


async def send_many(sender, to, count):
    for body in numbers(count):
        await sender.say(to, body)
    await sender.sync()


def test_switched_off(stage):
    async def play(scene):
        sender, client = scene.raw(), scene.raw(scene.me)
        for one in (sender, client):
            await one.open()
            features = await one.authenticate()
            assert features.find("{%s}sm" % SM) is None
            await one.bind()
        await client.raw("<enable xmlns='%s' resume='true'/>" % SM)
        assert (await client._next()).tag == "{%s}failed" % SM
        for one in (sender, client):
            one.go_on()
            await one.send("<presence/>")
        for body in numbers(10):
            await sender.say(client.jid, body)
        await client.expect(lambda: client.bodies() == numbers(10))
    stage(["--no-sm"], play)


def test_the_smallest_buffer_and_the_most_requests(stage):
    """Five packets, a request after each stanza: forty messages in the gap are still not lost."""
    async def play(scene):
        sender, client = await scene.raw().login(), await scene.raw(scene.me).login()
        for n in range(3):
            await client.sync()
            await sender.say(client.jid, "n%d" % n)
            await client.expect(lambda: client.requests > n)
        await client.expect(lambda: client.bodies() == numbers(3))
        await client.cut()
        client.inbox.clear()
        await send_many(sender, client.jid, 40)
        assert not await client.return_(), "40 packets were kept in a buffer for 5"
        await client.expect(lambda: len(client.bodies()) >= 40)
        assert client.bodies() == numbers(40)
        assert not [s for s in sender.inbox if s.get("type") == "error"]
    stage(["--sm-buffer", "5", "--sm-ack-rate", "1"], play)


def test_the_buffer_is_bounded_in_bytes_too(stage):
    """60 messages of 40 KB are less than 100 packets, but more than a megabyte."""
    async def play(scene):
        sender, client = await scene.raw().login(), await scene.raw(scene.me).login()
        await client.sync()
        await client.cut()
        bodies = ["%02d" % i + "x" * 40000 for i in range(60)]
        for body in bodies:
            await sender.say(client.jid, body)
        await sender.sync()
        assert not await client.return_(), "2.4 MB were kept in a buffer for one"
        await client.expect(lambda: len(client.bodies()) >= 60, 20)
        assert [b[:2] for b in client.bodies()] == [b[:2] for b in bodies]
    stage([], play)


def test_large_messages_from_offline_storage(stage):
    """2.4 MB wait, more than a connection may hold for a slow reader: no login loop, with stream
    management and without."""
    async def play(scene):
        sender = await scene.raw().login()
        for sm in (True, False):
            name = "%s-%s" % (scene.me, sm)
            bodies = ["%02d" % i + "x" * 40000 for i in range(60)]
            for body in bodies:
                await sender.say(scene.jid(name), body)
            await sender.sync()
            client = await scene.raw(name).login(sm=sm)
            await client.expect(lambda: len(client.bodies()) >= 60, 20)
            assert [b[:2] for b in client.bodies()] == [b[:2] for b in bodies]
    stage([], play)


def test_timeout_of_the_setting_is_what_is_granted(stage):
    async def play(scene):
        assert (await scene.raw().login()).sm_max == "30"
    stage(["--sm-timeout", "30"], play)


def test_policy_store(stage):
    async def play(scene):
        sender = await scene.raw().login()
        client = await scene.raw(scene.me).login(max_s=1)
        await client.sync()
        await client.cut()
        await send_many(sender, client.jid, 3)
        await asyncio.sleep(2.5)
        again = await scene.raw(scene.me, "another").login()
        await again.expect(lambda: again.bodies() == numbers(3))
        assert not [s for s in sender.inbox if s.get("type") == "error"]
    stage(["--sm-policy", "store"], play)


def test_policy_redirect(stage):
    async def play(scene):
        sender = await scene.raw().login()
        other = await scene.raw(scene.me, "other").login()
        client = await scene.raw(scene.me).login(max_s=1)
        await client.sync()
        await client.cut()
        await send_many(sender, client.jid, 3)
        await other.expect(lambda: other.bodies() == numbers(3))
        assert not [s for s in sender.inbox if s.get("type") == "error"]
        await other.close()         # nobody is left: then they are returned
        await client.login(max_s=1)
        await client.sync()
        await client.cut()
        await send_many(sender, client.jid, 2)
        await sender.expect(lambda: [body_of(s) for s in sender.inbox
                                     if s.get("type") == "error"] == numbers(2))
    stage(["--sm-policy", "redirect"], play)


@pytest.mark.parametrize("option,value,says", [
    ("--sm-timeout", "15", "30"), ("--sm-timeout", "91", "90"), ("--sm-buffer", "4", "5"),
    ("--sm-buffer", "151", "150"), ("--sm-ack-rate", "0", "1"), ("--sm-ack-rate", "65", "64")])
def test_a_value_out_of_range_is_refused_by_name(request, tmp_path, option, value, says):
    executable = request.config.getoption("echo")
    if not executable:
        pytest.skip("options of the echo server")
    done = subprocess.run([executable, "--listen", own_address(7), "--data", str(tmp_path), option,
                           value], timeout=20, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True)
    assert done.returncode not in (0, -6, -11)
    assert value in done.stdout and says in done.stdout, done.stdout
    assert option.split("-", 3)[-1].replace("-", " ").split()[0] in done.stdout, done.stdout
