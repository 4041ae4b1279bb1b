"""What a host publishes for users (libimp.pep)."""
import pytest
from wire import World

from libimp import Error, core, pep

IN_MEETING = f"<activity xmlns='{pep.ACTIVITY}'><working><in_a_meeting/></working></activity>"


@pytest.fixture
def world():
    with World() as world:
        world.account("alice")
        yield world


def ask(world, function, *args, **kwargs):
    """What the callback is told."""
    told = []
    function(world.node, "alice", *args, lambda *values: told.append(values), **kwargs)
    world.turn()
    assert len(told) == 1
    return told[0]


def done(world, function, *args):
    told = []
    function(world.node, "alice", *args, done=told.append)
    world.turn()
    assert len(told) == 1
    return told[0]


def test_publish_and_get(world):
    assert done(world, pep.publish, pep.ACTIVITY, IN_MEETING) == 0
    status, item = ask(world, pep.get, pep.ACTIVITY)
    assert status == 0 and item.root.get("id") == "current"
    assert item.root.child("activity", pep.ACTIVITY).child("working").child("in_a_meeting") is not None
    alice = world.client("alice")
    assert "<in_a_meeting/>" in alice.send(
        "<iq type='get' id='1'><pubsub xmlns='http://jabber.org/protocol/pubsub'>"
        f"<items node='{pep.ACTIVITY}'/></pubsub></iq>")
    assert done(world, pep.retract, pep.ACTIVITY, "current") == 0
    assert done(world, pep.retract, pep.ACTIVITY, "current") == Error.NOT_FOUND
    assert ask(world, pep.get, pep.ACTIVITY, id="current") == (Error.NOT_FOUND, None)


def test_vcard(world):
    assert ask(world, pep.get_vcard) == (Error.NOT_FOUND, None)
    assert done(world, pep.set_vcard, "<vCard xmlns='vcard-temp'><FN>Alice</FN></vCard>") == 0
    status, vcard = ask(world, pep.get_vcard)
    assert status == 0 and vcard.root.child("FN").text == "Alice"


def test_bounds_and_mistakes(world):
    settings = pep.Settings(max_nodes=1)
    pep.set_settings(world.node, settings)
    assert done(world, pep.publish, "one", None) == 0
    assert done(world, pep.publish, "two", None) == Error.LIMIT
    with pytest.raises(core.OutOfRange, match="max_nodes"):
        pep.set_settings(world.node, pep.Settings(max_nodes=0))
    with pytest.raises(core.ImpError):
        pep.publish(world.node, "alice", "one", "<broken")
    with pytest.raises(core.ImpError):
        pep.publish(world.node, "no body", "one", None)
