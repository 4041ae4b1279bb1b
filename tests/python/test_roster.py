"""Rosters, blocking and presence, from the host's side."""
import pytest
from wire import World

from libimp import Error, core, roster
from libimp.roster import Subscription


@pytest.fixture
def world():
    with World() as world:
        for name in ("alice", "bob"):
            world.account(name)
        yield world


def outcome(world, function, *args, **more):
    told = []
    function(world.node, *args, **more, done=told.append)
    world.turn()
    assert len(told) == 1
    return told[0]


def items(world, username):
    told = []
    roster.read(world.node, username, lambda status, items: told.append((status, items)))
    world.turn()
    [(status, found)] = told
    assert status == Error.OK
    return found


def online(world, name):
    client = world.client(name)
    client.send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq><presence/>")
    world.turn()
    return client


def test_contacts(world):
    assert outcome(world, roster.put, "alice", "Carol@localhost", name="Carol & co", groups=["Team", "Über"]) == Error.OK
    [item] = items(world, "alice")
    assert (str(item.jid), item.name, item.groups) == ("carol@localhost", "Carol & co", ("Team", "Über"))
    assert (item.subscription, item.ask, item.asked, item.approved, item.listed) == (Subscription.NONE, 0, 0, 0, 1)
    alice = online(world, "alice")
    assert "name='Carol &amp; co'" in alice.got and "<group>Über</group>" in alice.got
    assert outcome(world, roster.remove, "alice", "carol@localhost") == Error.OK
    assert "subscription='remove'" in alice.got
    assert outcome(world, roster.remove, "alice", "carol@localhost") == Error.NOT_FOUND
    assert items(world, "alice") == []


def test_two_users(world):
    alice, bob = online(world, "alice"), online(world, "bob")
    assert outcome(world, roster.subscribe, "alice", "bob") == Error.OK
    assert "from='bob@localhost/r'" in alice.got and "from='alice@localhost/r'" in bob.got
    assert [i.subscription for i in items(world, "alice") + items(world, "bob")] == [Subscription.BOTH] * 2
    bob.send("<presence><show>away</show></presence>")
    [seen] = roster.presence(world.node, "bob")
    assert str(seen.from_) == "bob@localhost/r" and "<show>away</show>" in str(seen)
    assert "<show>away</show>" in alice.got
    assert outcome(world, roster.unsubscribe, "alice", "bob") == Error.OK
    assert "type='unavailable'" in alice.got
    bob.send("<presence type='unavailable'/>")
    assert roster.presence(world.node, "bob") == []


def test_blocking(world):
    alice, bob = online(world, "alice"), online(world, "bob")
    assert not roster.is_blocked(world.node, "alice", "bob@localhost")
    assert outcome(world, roster.block, "alice", "bob@localhost") == Error.OK
    assert outcome(world, roster.block, "alice", "spam.example") == Error.OK
    assert sorted(map(str, roster.blocked(world.node, "alice"))) == ["bob@localhost", "spam.example"]
    assert roster.is_blocked(world.node, "alice", "x@spam.example/y")
    bob.send("<message to='alice@localhost' type='chat' id='m'><body>hello</body></message>")
    assert "hello" not in alice.got and "service-unavailable" in bob.got
    assert outcome(world, roster.unblock, "alice", "bob@localhost") == Error.OK
    assert outcome(world, roster.unblock, "alice", "bob@localhost") == Error.NOT_FOUND
    bob.send("<message to='alice@localhost' type='chat' id='m'><body>again</body></message>")
    assert "again" in alice.got


def test_bounds(world):
    roster.set_settings(world.node, roster.Settings(max_items=1, max_name_bytes=4))
    assert outcome(world, roster.put, "alice", "bob@localhost", name="Bob") == Error.OK
    assert outcome(world, roster.put, "alice", "carol@localhost") == Error.LIMIT
    with pytest.raises(core.ImpError):
        roster.put(world.node, "alice", "bob@localhost", name="Robert")
    with pytest.raises(core.ImpError, match="max_items"):
        roster.set_settings(world.node, roster.Settings(max_items=10**6))
    with pytest.raises(core.ImpError):
        roster.put(world.node, "alice", "no@good@address")


def test_wrong_types(world):
    for wrong in (5, 1.5, object(), ["alice"], None):
        with pytest.raises(TypeError):
            roster.put(world.node, wrong, "bob@localhost")
        with pytest.raises(TypeError):
            roster.put(world.node, "alice", "bob@localhost", groups=[wrong])
    with pytest.raises(TypeError):
        roster.put(world.node, "alice", "bob@localhost", groups="Team")
    assert items(world, "alice") == []
