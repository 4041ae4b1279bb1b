"""Stream management alone: no node, no XML."""
import dataclasses

import pytest

from libimp import core, sm
from libimp.sm import Manager, Policy, ResumeResult, Settings, Settled

USER = "juliet@example.org"


class Host:
    def __init__(self, **settings):
        self.time, self.settled, self.over, self.evicted, self.late = 1_000_000_000, [], [], [], []
        self.manager = Manager(self.settle, self.over.append, settings=Settings(**settings), prefix="n1.",
                               evicted_acked=lambda s, n: self.evicted.append(n),
                               late_acked=lambda user, id, n: self.late.append((user, id, n)), clock=lambda: self.time)

    def settle(self, session, packet, number, how):
        self.settled.append((packet, number, how))

    def wait(self, seconds):
        self.time += seconds * core.SECONDS
        self.manager.handle_expiry()


@pytest.fixture
def host():
    host = Host(ack_rate=2)
    yield host
    stats = host.manager.stats()
    assert stats.packets == stats.queued + stats.acked + stats.evicted + stats.abandoned
    host.manager.close()
    assert len(host.manager._packets) == 0


def test_acknowledged_resumed_and_nothing_lost(host):
    s = host.manager.enable(USER, data="connection 1")
    assert s.id.startswith("n1.") and s.user == USER and s.max == 60 and s.data == "connection 1"
    assert "id=" in s.write_enabled("host:5222") and "host:5222" in s.write_enabled("host:5222")
    assert not s.sent({"text": "one"}, 10)
    assert s.sent(["two"], 10) and s.r_outstanding          # every second stanza asks
    s.received()
    assert s.write_a() == "<a xmlns='urn:xmpp:sm:3' h='1'/>" and (s.in_, s.out) == (1, 2)
    assert s.acked(1) is False and s.acked_count == 1
    assert host.settled == [({"text": "one"}, 1, Settled.ACKED)]
    s.disconnected()
    assert s.is_hibernating and s.deadline == host.time + 60 * core.SECONDS == host.manager.expiry
    s.sent("three", 10)
    assert host.manager.find_hibernating(USER) is s and list(host.manager.hibernating(USER)) == [s]
    host.wait(59)
    r = host.manager.resume(USER, s.id, 1)
    assert (r.result, r.session) == (ResumeResult.RESUMED, s)
    assert s.write_resumed() == f"<resumed xmlns='urn:xmpp:sm:3' previd='{s.id}' h='1'/>"
    assert s.unacked(resend=True) == [(2, ["two"]), (3, "three")]
    s.requested()
    s.acked(3)
    assert host.settled[1:] == [(["two"], 2, Settled.RESENT_ACKED), ("three", 3, Settled.ACKED)]
    s.close()
    assert s.is_over
    s.close()


def test_expiry(host):
    s = host.manager.enable(USER)
    s.sent("lost", 4)
    s.sent(None, 4)                                         # counted, not kept
    s.received()
    id = s.id
    s.disconnected()
    host.wait(61)
    assert host.over == [s] and host.settled == [("lost", 1, Settled.ABANDONED)] and s.is_over
    with pytest.raises(core.StateError):
        s.id
    with pytest.raises(core.StateError):
        s.sent("more", 4)
    r = host.manager.resume(USER, id, 1)
    assert (r.result, r.session, r.handled) == (ResumeResult.UNKNOWN, None, 1)
    assert host.late == [(USER, id, 1)]
    assert sm.write_failed("item-not-found", 1).startswith("<failed xmlns='urn:xmpp:sm:3' h='1'>")
    assert host.manager.expiry > host.time


def test_h_too_high_and_others_ids(host):
    s = host.manager.enable(USER)
    s.sent("a", 1)
    with pytest.raises(core.Malformed):
        s.acked(2)
    assert "handled-count-too-high" in sm.write_too_high(2, 1)
    assert host.manager.resume("romeo@example.org", s.id, 0).result == ResumeResult.UNKNOWN
    assert host.manager.resume(USER, s.id, 9).result == ResumeResult.H_TOO_HIGH
    assert host.manager.find(USER, s.id) is s and host.manager.find("romeo@example.org", s.id) is None


def test_not_resumable(host):
    s = host.manager.enable(USER, resume=False)
    assert s.id == "" and s.max == 0
    with pytest.raises(core.StateError):
        s.disconnected()


def test_eviction():
    host = Host(buffer_packets=5)
    s = host.manager.enable(USER)
    for i in range(7):
        s.sent(i, 1)
    assert [(p, how) for p, _, how in host.settled] == [(0, Settled.EVICTED), (1, Settled.EVICTED)]
    assert s.queued == 5 and s.room == 0 and s.queued_bytes == 5
    s.acked(3)
    assert host.evicted == [2] and s.queued == 4
    host.manager.close()
    assert s.is_over and host.settled[-1] == (6, 7, Settled.ABANDONED)


def test_inherit(host):
    old = host.manager.enable(USER)
    for i in range(3):
        old.sent(i, 1)
    old.disconnected()
    new, written = host.manager.enable(USER), []
    assert new.inherit(old, h=1, sent=lambda number, packet: written.append((number, packet)))
    assert written == [(1, 1), (2, 2)] and old.is_over and not new.is_over
    assert host.settled == [(0, 1, Settled.ACKED)]
    with pytest.raises(core.StateError):
        new.inherit(old)
    with pytest.raises(core.InvalidArgument):
        new.inherit(new)


def test_restore(host):
    s = host.manager.enable(USER)
    s.received()
    s.sent("a", 1)
    s.sent("b", 1)
    s.acked(1)
    state, packets = s.state(), s.unacked()
    assert (state.in_, state.out, state.acked, state.user) == (1, 2, 1, USER)
    with pytest.raises(core.Exists):
        host.manager.restore(state)
    other = Host()
    back = other.manager.restore(state, data="again")
    for number, packet in packets:
        back.restore_packet(packet, 1, number)
    with pytest.raises(core.Malformed):
        back.restore_packet("x", 1, 1)
    assert back.is_hibernating and back.data == "again"
    assert other.manager.resume(USER, state.id, 1).session is back
    assert back.unacked() == [(2, "b")]
    other.manager.restore_handled(dataclasses.replace(state, id="n0.gone", in_=7), 100)
    assert other.manager.resume(USER, "n0.gone", 0).handled == 7 and other.late == []
    assert other.manager.resume(USER, "n0.gone", 2).handled == 7 and other.late == [(USER, "n0.gone", 2)]
    other.manager.close()


def test_settings(host):
    with pytest.raises(core.OutOfRange, match="sm timeout 15: must be 30 to 90"):
        Settings(timeout=15).check()
    with pytest.raises(core.OutOfRange, match="timeout"):
        Manager(print, settings=Settings(timeout=15))
    with pytest.raises(core.OutOfRange):
        Settings(timeout=-1)
    with pytest.raises(core.OutOfRange):
        Settings(timeout=1 << 32)
    with pytest.raises(AttributeError):
        Settings(time_out=60)
    with pytest.raises(AttributeError):
        Settings().nonsense
    changed = host.manager.settings
    changed.timeout, changed.policy = 90, Policy.STORE
    before = host.manager.enable(USER)
    host.manager.settings = changed
    assert host.manager.settings.timeout == 90 and host.manager.enable(USER).max == 90
    assert before.settings.timeout == 60 and "timeout=90" in repr(changed)
    changed.enabled = 0
    host.manager.settings = changed
    with pytest.raises(core.Denied):
        host.manager.enable(USER)


def test_attributes():
    assert sm.parse_h(" 0042 ") == 42 and sm.parse_resume("true") and not sm.parse_resume(None)
    assert sm.parse_max("300") == 300 and sm.parse_max(None) == 0 and sm.write_r() == "<r xmlns='urn:xmpp:sm:3'/>"
    for text in (None, "", "x", "-1", "4294967296"):
        with pytest.raises(core.Malformed):
            sm.parse_h(text)


def test_callbacks_may_send_and_no_more():
    seen = []

    def settle(session, packet, number, how):
        if how == Settled.ACKED:
            assert session.queued == 0
            session.sent("from within", 1)
            for forbidden in (session.close, session.disconnected, lambda: session.acked(1), host.manager.close,
                              host.manager.handle_expiry, session.unacked):
                with pytest.raises(core.StateError):
                    forbidden()
            other = host.manager.enable("other@example.org")    # on others anything goes
            other.sent("x", 1)
            other.close()
            seen.append(packet)

    host = Host()
    host.manager._settle = settle
    s = host.manager.enable(USER)
    s.sent("first", 1)
    s.acked(1)
    assert seen == ["first"] and s.unacked() == [(2, "from within")]
    host.manager.close()


@pytest.mark.reports
def test_exceptions_in_callbacks(caplog):
    def broken(*args):
        raise RuntimeError("a fault of the host's")

    manager = Manager(broken, clock=lambda: 1)
    s = manager.enable(USER)
    s.sent("a", 1)
    s.acked(1)                                              # settle has no error to return: it is reported
    assert "a fault of the host's" in caplog.text and manager.stats().acked == 1
    manager.close()
    with pytest.raises(core.CallbackFailed):
        Manager(print, random=broken)
    with pytest.raises(core.CallbackFailed):
        Manager(print, random=lambda n: b"short")


def test_use_after_close(host):
    manager = Manager(print)
    s = manager.enable(USER)
    manager.close()
    manager.close()
    for use in (lambda: manager.enable(USER), manager.stats, manager.handle_expiry, lambda: s.sent("x", 1), s.state,
                lambda: manager.resume(USER, "x", 0), lambda: manager.settings):
        with pytest.raises(core.StateError):
            use()
    assert manager.expiry == core.NEVER
