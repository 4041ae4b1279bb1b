"""What contacts see: calendars, overrides and phones of a node's users."""
import gc
from datetime import datetime, timedelta, timezone

import pytest
from wire import World

from libimp import core, roster
from libimp import presence as pr
from libimp.calendar import Busy, BusyKind
from libimp.calendar import Settings as CalendarSettings
from libimp.presence import Kind, Source, State
from libimp.status import GATEWAYS, Settings, Status, StatusText

DAY = datetime(2026, 3, 29, tzinfo=timezone.utc)     # the clocks of Europe are put forward at one o'clock


class Clocked(World):
    def __init__(self):
        super().__init__(wallclock=lambda: int(DAY.timestamp() * 1000) + (self.time - self.began) // 1_000_000)

    began = 1_000_000_000


@pytest.fixture
def world():
    with Clocked() as world:
        for name in ("alice", "bob"):
            world.account(name)
        roster.subscribe(world.node, "alice", "bob")
        yield world


def test_a_meeting_is_seen_and_told(world):
    told = []
    status = Status(world.node, Settings(zone="Europe/Berlin"), changed=lambda *args: told.append(args))
    alice, bob = world.client("alice"), world.client("bob")
    bob.send("<presence/>")
    alice.send("<presence/>")
    status.calendar.put("alice", "mine", DAY, DAY + timedelta(days=1),
                        [Busy(DAY + timedelta(minutes=30), DAY + timedelta(hours=2), BusyKind.BUSY)])
    world.turn()
    assert not told and "meeting" not in bob.got
    world.wait(30 * 60)
    assert [(user, p.state, p.kind) for user, p in told] == [("alice", State.MEETING, Kind.CALENDAR)]
    assert "<status>In a meeting until 04:00, from calendar</status>" in bob.got    # summer time by then
    assert status.utc_offset(DAY) == 60 and status.utc_offset(DAY + timedelta(hours=1)) == 120
    assert [s.id for s in status.sources("alice") if s.kind == Kind.CALENDAR] == [GATEWAYS]
    assert status.stats().users == 1 and status.stats().shown == 1 and "users=1" in repr(status.stats())
    world.wait(90 * 60)
    assert told[-1][1].state == State.AVAILABLE and status.stats().users == 0


def test_the_host_says(world):
    status = Status(world.node, Settings(text=StatusText.ALWAYS, everybody=1))
    status.put("alice", Source(Kind.MANUAL, State.DND, note="not now", expires=DAY + timedelta(minutes=5)))
    alice = world.client("alice")
    alice.send("<presence/>")
    assert status.get("alice").state == State.DND and status.get("alice").note == "not now"
    assert {s.kind for s in status.sources("alice")} == {Kind.MANUAL, Kind.CLIENT}
    world.wait(300)
    assert status.get("alice").state == State.AVAILABLE
    status.put("alice", Source(Kind.PHONE, State.CALL, id="1"))
    status.remove("alice", Kind.PHONE, "1")
    with pytest.raises(core.NotFound):
        status.remove("alice", Kind.PHONE, "1")
    with pytest.raises(core.ImpError):
        status.put("alice", Source(Kind.CALENDAR, State.MEETING, id=GATEWAYS))
    assert status.get("nobody").state == State.OFFLINE and status.sources("nobody") == []


def test_settings(world):
    with pytest.raises(core.OutOfRange, match="status text 9: must be 0 to 2"):
        Settings(text=9).check()
    with pytest.raises(core.NotFound, match="Nowhere"):
        Status(world.node, Settings(zone="Nowhere"), get_zone=lambda name: (_ for _ in ()).throw(core.NotFound(name)))
    settings = Settings(presence=pr.Settings(busy_show=1), calendar=CalendarSettings(subjects=1))
    status = Status(world.node, settings)
    assert settings.presence.busy_show == 1 and settings.calendar.subjects == 1
    status.calendar.put("alice", "mine", DAY, DAY + timedelta(days=1), [Busy(DAY, DAY + timedelta(hours=1), BusyKind.BUSY)])
    with pytest.raises(core.StateError, match="calendar"):
        status.set_settings(Settings())
    with pytest.raises(core.StateError):
        status.calendar.turn()


def test_after_the_node(world):
    status = Status(world.node)
    calendar = status.calendar
    world.close()
    with pytest.raises(core.StateError):
        calendar.gateways
    with pytest.raises(core.StateError):
        status.get("alice")
    del status, calendar
    gc.collect()
