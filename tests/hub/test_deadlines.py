"""One timer for all deadlines."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import gevent
import gevent.socket
import pytest
from gevent.event import Event
from support.times import stand_still

import sockio_gevent
from sockio_gevent.hub.deadlines import RESOLUTION, Deadlines
from sockio_gevent.monitoring.log import Log

DEADLINE = 60.0
ROUNDING = 1e-6  # of a deadline that is counted in slots
FAR = 1000.0


class Item:
    """Notes when it was due; ``then`` is its next deadline."""

    def __init__(self, then: Callable[[], float | None] = lambda: None) -> None:
        self.slot: int | None = None
        self.times: list[float] = []
        self.called = Event()
        self.then = then

    def due(self, now: float) -> float | None:
        self.times.append(now)
        self.called.set()
        return self.then()

    def __repr__(self) -> str:
        return "<an item>"


class ReportedDeadlines(Deadlines):
    """Deadlines whose log can be read, and whose end can be awaited."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        super().__init__(Log(self.lines.append).exception)

    def wait_until_idle(self) -> None:
        with gevent.Timeout(DEADLINE, AssertionError("the timer runs on")):
            while self._timer is not None:
                gevent.sleep(RESOLUTION / 10)


@pytest.fixture
def deadlines() -> ReportedDeadlines:
    return ReportedDeadlines()


def wait_for(*items: Item) -> None:
    for item in items:
        assert item.called.wait(DEADLINE)


@pytest.mark.parametrize("seconds", [0.01, 0.1, 0.15, 0.2, 0.33])
def test_an_item_is_due_at_its_deadline_and_not_before(
    deadlines: ReportedDeadlines, seconds: float
) -> None:
    item = Item()
    deadline = monotonic() + seconds
    deadlines.look(item, deadline)
    wait_for(item)
    assert item.times[0] >= deadline - ROUNDING
    assert monotonic() >= deadline - ROUNDING


def test_a_past_deadline_is_due_soon_but_not_at_once(deadlines: ReportedDeadlines) -> None:
    item = Item()
    deadlines.look(item, monotonic() - 50)
    assert item.times == []
    wait_for(item)


def test_items_are_due_in_the_order_of_their_deadlines(deadlines: ReportedDeadlines) -> None:
    now = monotonic()
    order: list[str] = []
    late = Item(lambda: order.append("late"))
    middle = Item(lambda: order.append("middle"))
    early = Item(lambda: order.append("early"))
    deadlines.look(late, now + 5 * RESOLUTION)
    deadlines.look(early, now + RESOLUTION)
    deadlines.look(middle, now + 3 * RESOLUTION)
    wait_for(late)
    assert order == ["early", "middle", "late"]


def test_an_item_is_due_once_unless_it_asks_again(deadlines: ReportedDeadlines) -> None:
    once, witness = Item(), Item()
    now = monotonic()
    deadlines.look(once, now)
    deadlines.look(witness, now + 4 * RESOLUTION)
    wait_for(witness)
    assert len(once.times) == 1
    assert once.slot is None


def test_an_item_that_asks_again_is_due_again_not_before_that_time(
    deadlines: ReportedDeadlines,
) -> None:
    asked: list[float] = []

    def again() -> float | None:
        if len(asked) == 3:
            done.set()
            return None
        asked.append(monotonic() + 1.2 * RESOLUTION)
        return asked[-1]

    done = Event()
    item = Item(again)
    deadlines.look(item, monotonic())
    assert done.wait(DEADLINE)
    assert len(item.times) == 4
    assert all(
        came >= deadline - ROUNDING for came, deadline in zip(item.times[1:], asked, strict=True)
    )


def test_an_item_that_asks_for_now_again_and_again_does_not_hold_up_the_loop(
    deadlines: ReportedDeadlines,
) -> None:
    item = Item(monotonic)
    witness = Item()
    deadlines.look(item, monotonic())
    deadlines.look(witness, monotonic() + 3 * RESOLUTION)
    wait_for(witness)
    assert 1 <= len(item.times) <= 5
    deadlines.forget(item)
    deadlines.wait_until_idle()


def test_an_earlier_deadline_moves_the_item(deadlines: ReportedDeadlines) -> None:
    item = Item()
    deadlines.look(item, monotonic() + FAR)
    deadlines.look(item, monotonic() + RESOLUTION)
    wait_for(item)
    deadlines.wait_until_idle()
    assert len(item.times) == 1


def test_a_later_deadline_is_learnt_when_the_earlier_one_comes(
    deadlines: ReportedDeadlines,
) -> None:
    now = monotonic()
    deadline = now + 4 * RESOLUTION
    item = Item(lambda: deadline if len(item.times) == 1 else None)
    deadlines.look(item, now + RESOLUTION)
    deadlines.look(item, deadline)
    wait_for(item)
    deadlines.wait_until_idle()
    assert len(item.times) == 2
    assert item.times[-1] >= deadline - ROUNDING


def test_a_forgotten_item_is_not_due(deadlines: ReportedDeadlines) -> None:
    item, witness = Item(), Item()
    now = monotonic()
    deadlines.look(item, now + RESOLUTION)
    deadlines.look(witness, now + 3 * RESOLUTION)
    deadlines.forget(item)
    wait_for(witness)
    assert item.times == []
    assert item.slot is None


def test_forgetting_an_item_leaves_the_others_of_its_slot(deadlines: ReportedDeadlines) -> None:
    item, other = Item(), Item()
    deadline = monotonic() + RESOLUTION
    deadlines.look(item, deadline)
    deadlines.look(other, deadline)
    deadlines.forget(item)
    wait_for(other)
    assert item.times == []


def test_an_item_may_be_forgotten_twice_or_without_a_deadline(
    deadlines: ReportedDeadlines,
) -> None:
    item = Item()
    deadlines.forget(item)
    deadlines.look(item, monotonic() + FAR)
    deadlines.forget(item)
    deadlines.forget(item)
    deadlines.look(item, monotonic())
    wait_for(item)


def test_an_item_can_forget_another_one_of_its_slot(deadlines: ReportedDeadlines) -> None:
    # Either may be the first, so each forgets the other.
    items = [Item(), Item()]
    items[0].then = lambda: deadlines.forget(items[1])
    items[1].then = lambda: deadlines.forget(items[0])
    deadline = monotonic() + RESOLUTION
    for item in items:
        deadlines.look(item, deadline)
    deadlines.wait_until_idle()
    assert sorted(len(item.times) for item in items) == [0, 1]


def test_an_item_that_fails_is_logged_and_does_not_stop_the_others(
    deadlines: ReportedDeadlines,
) -> None:
    def fail() -> None:
        raise RuntimeError("no clock")

    bad = [Item(fail) for _ in range(3)]
    good = [Item() for _ in range(3)]
    later = Item()
    now = monotonic()
    for pair in zip(bad, good, strict=True):
        for item in pair:
            deadlines.look(item, now + RESOLUTION)
    deadlines.look(later, now + 2 * RESOLUTION)
    wait_for(*bad, *good, later)
    assert len(deadlines.lines) == 3
    for line in deadlines.lines:
        assert "a deadline of <an item> failed" in line
        assert "RuntimeError: no clock" in line


def test_the_timer_runs_only_while_there_are_deadlines(deadlines: ReportedDeadlines) -> None:
    assert deadlines._timer is None
    item = Item()
    deadlines.look(item, monotonic() + RESOLUTION)
    assert deadlines._timer is not None
    wait_for(item)
    deadlines.wait_until_idle()


def test_the_timer_stops_when_all_are_forgotten(deadlines: ReportedDeadlines) -> None:
    items = [Item() for _ in range(5)]
    for item in items:
        deadlines.look(item, monotonic() + FAR)
    for item in items:
        deadlines.forget(item)
    deadlines.wait_until_idle()
    assert [item.times for item in items] == [[]] * 5


def test_the_timer_starts_again_after_a_pause(deadlines: ReportedDeadlines) -> None:
    for _ in range(2):
        item = Item()
        deadline = monotonic() + RESOLUTION
        deadlines.look(item, deadline)
        wait_for(item)
        assert item.times[0] >= deadline - ROUNDING
        deadlines.wait_until_idle()


def test_a_deadline_alone_does_not_keep_a_program_running() -> None:
    program = f"""
import gevent
from sockio_gevent.hub.deadlines import Deadlines

class Item:
    slot = None

Deadlines(print).look(Item(), {FAR} + __import__("time").monotonic())
raise SystemExit(0 if gevent.wait(timeout={DEADLINE}) else "still running")
"""
    root = Path(sockio_gevent.__file__).parent.parent
    subprocess.run([sys.executable, "-c", program], cwd=root, check=True, timeout=2 * DEADLINE)


def test_deadlines_that_pass_during_a_stall_wait_until_the_sockets_were_read(
    deadlines: ReportedDeadlines,
) -> None:
    late, reader = Item(), Event()
    deadlines.look(late, monotonic() + 0.1)
    with_socket, peer = gevent.socket.socketpair()
    order = []
    late.then = lambda: order.append("due")

    def read() -> None:
        with_socket.recv(1)
        order.append("read")
        reader.set()

    gevent.spawn(read)
    gevent.sleep(0)
    peer.send(b"x")
    stand_still(1.0)
    assert reader.wait(DEADLINE)
    wait_for(late)
    assert order == ["read", "due"]


def test_a_loop_that_always_stalls_still_ends_dead_sessions(
    deadlines: ReportedDeadlines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sockio_gevent.hub.deadlines._STALL", -1.0)
    monkeypatch.setattr("sockio_gevent.hub.deadlines._MOST_STALLS", 3)
    item, ticks = Item(), []
    item.then = lambda: ticks.append(deadlines._stalls)
    deadlines.look(item, monotonic())
    wait_for(item)
    assert ticks == [4]
