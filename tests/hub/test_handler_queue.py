"""The handler queue: calls are made in order, one at a time, whatever a call does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf
from time import monotonic
from typing import Any
from weakref import ref

import gevent
import pytest
from gevent.event import Event

from sockio_gevent.hub.handler_queue import HandlerQueue
from sockio_gevent.session.handler_timeout import HandlerTimeout

DEADLINE = 60.0
BOUND = 100


@pytest.fixture(autouse=True)
def deadline() -> Iterator[None]:
    with gevent.Timeout(DEADLINE, AssertionError("a greenlet waits for ever")):
        yield


class Trace:
    """A queue whose calls note what they do; all else is that of the queue.

    Attributes:
        queue: the queue.
        trace: the name of each call that has begun; the blocking call adds "<name> end".
        gate: the event that the call of :meth:`block` waits for.
        blocks: set when that call waits.
    """

    def __init__(self, bound: int = BOUND) -> None:
        self.queue = HandlerQueue(bound)
        self.trace: list[str] = []
        self.gate = Event()
        self.blocks = Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.queue, name)

    def add(self, *names: str, call: Callable[[str], object] | None = None, cost: int = 1) -> None:
        """Put one call into the queue for each name."""
        for name in names:
            self.put(lambda session, name: (call or self.trace.append)(name), name, cost)

    def block(self, name: str = "blocks") -> gevent.Greenlet:
        """Put a call that blocks into the queue, run it in a greenlet, and wait until it blocks."""
        self.add(name, call=self.wait_at_the_gate)
        greenlet = gevent.spawn(self.run, None)
        self.blocks.wait()
        return greenlet

    def wait_at_the_gate(self, name: str) -> None:
        self.trace.append(name)
        self.blocks.set()
        self.gate.wait()
        self.trace.append(f"{name} end")


def test_calls_are_made_in_order_with_their_arguments() -> None:
    queue = HandlerQueue(BOUND)
    made: list[Any] = []
    for number in range(5):
        queue.put(lambda session, number: made.append((session, number)), number, 1)
    queue.run("the session")
    assert made == [("the session", number) for number in range(5)]
    assert not queue.calls
    assert not queue.busy


def test_an_empty_queue_runs_nothing() -> None:
    queue = HandlerQueue(BOUND)
    queue.run(None)
    assert (queue.added, queue.begun, queue.busy, queue.waiting) == (0, 0, False, 0)


def test_a_call_put_in_while_another_blocks_waits_until_that_one_has_ended() -> None:
    queue = Trace()
    runner = queue.block()
    queue.add("a", "b")
    for _ in range(3):
        gevent.sleep(0)
    assert queue.trace == ["blocks"]
    queue.gate.set()
    runner.get()
    assert queue.trace == ["blocks", "blocks end", "a", "b"]


def test_calls_that_all_block_are_made_one_at_a_time() -> None:
    queue = Trace()
    queue.gate.set()

    def work(name: str) -> None:
        queue.trace.append(name)
        for _ in range(3):
            gevent.sleep(0)
        queue.trace.append(f"{name} end")

    queue.add("a", "b", call=work)
    greenlets = [gevent.spawn(queue.run, None) for _ in range(3)]
    gevent.sleep(0)
    queue.add("c", call=work)
    greenlets.append(gevent.spawn(queue.run, None))
    gevent.joinall(greenlets, raise_error=True)
    assert queue.trace == ["a", "a end", "b", "b end", "c", "c end"]


def test_running_a_queue_that_another_greenlet_runs_returns_at_once() -> None:
    queue = Trace()
    runner = queue.block()
    queue.add("a")
    switched: list[str] = []
    gevent.spawn(switched.append, "to another greenlet")
    queue.run(None)
    assert switched == []
    assert queue.trace == ["blocks"]
    queue.gate.set()
    runner.get()
    assert queue.trace[-1] == "a"


def test_a_call_that_runs_the_queue_does_not_make_the_next_call_inside_itself() -> None:
    queue = Trace()

    def again(name: str) -> None:
        queue.trace.append(name)
        queue.add("next")
        queue.run(None)
        queue.trace.append(f"{name} end")

    queue.add("first", call=again)
    queue.run(None)
    assert queue.trace == ["first", "first end", "next"]


@pytest.mark.parametrize("error", [RuntimeError, SystemExit, gevent.GreenletExit, gevent.Timeout])
def test_a_call_that_raises_leaves_the_others_in_the_queue(error: type[BaseException]) -> None:
    queue = Trace()

    def fail(name: str) -> None:
        raise error

    queue.add("a")
    queue.add("fails", call=fail, cost=10)
    queue.add("b", "c", cost=3)
    with pytest.raises(error):
        queue.run(None)
    assert queue.trace == ["a"]
    assert (queue.busy, bool(queue.calls), queue.waiting) == (False, True, 6)
    queue.run(None)
    assert queue.trace == ["a", "b", "c"]


def test_the_counts_of_added_begun_and_waiting_calls_add_up() -> None:
    queue = Trace()
    runner = queue.block()
    assert (queue.added, queue.begun, queue.waiting) == (1, 1, 0)
    seen: list[tuple[int, int, int]] = []
    for cost in (10, 20, 30):
        queue.add("x", call=lambda name: seen.append(counts()), cost=cost)

    def counts() -> tuple[int, int, int]:
        return queue.added, queue.begun, queue.waiting

    assert counts() == (4, 1, 60)
    queue.gate.set()
    runner.get()
    # A call that has begun does not wait any more.
    assert seen == [(4, 2, 50), (4, 3, 30), (4, 4, 0)]
    assert counts() == (4, 4, 0)


def test_the_queue_knows_when_the_running_call_has_begun() -> None:
    queue = Trace()
    began: list[float] = []
    queue.add("a", "b", call=lambda name: began.append(queue.since))
    before = monotonic()
    queue.run(None)
    assert before <= began[0] <= began[1] <= monotonic()


# Calls that are dropped.


def test_dropped_calls_are_not_made_and_the_running_call_goes_on() -> None:
    queue = Trace()
    queue.add("a")
    runner = queue.block()
    queue.add("b", "c", cost=10)
    assert queue.dropped_after is None
    queue.drop()
    assert (queue.calls, queue.waiting, queue.dropped_after) == ([], 0, 2)
    assert queue.begun == 2
    # A call that is put in later is made.
    queue.add("the end")
    queue.gate.set()
    runner.get()
    assert queue.trace == ["a", "blocks", "blocks end", "the end"]


def test_a_call_that_costs_nothing_is_never_dropped() -> None:
    queue = Trace()
    queue.add("the beginning", cost=0)
    queue.add("a", "b")
    queue.drop()
    queue.add("the end", cost=0)
    queue.run(None)
    assert queue.trace == ["the beginning", "the end"]
    assert (queue.waiting, queue.dropped_after) == (0, 0)


def test_a_call_may_drop_the_calls_behind_it() -> None:
    queue = Trace()
    queue.add("a", call=lambda name: queue.drop())
    queue.add("b", "c")
    queue.run(None)
    assert (queue.trace, queue.dropped_after, queue.busy) == ([], 1, False)


# The bound.


def test_a_queue_is_full_when_its_bound_is_reached() -> None:
    queue = Trace()
    queue.add("a", cost=BOUND - 1)
    assert not queue.full
    queue.add("b", cost=1)
    assert queue.full
    # It still takes messages that were read already.
    queue.add("c", cost=5 * BOUND)
    queue.run(None)
    assert queue.trace == ["a", "b", "c"]
    assert not queue.full


def test_the_callback_for_room_is_called_once_when_half_of_the_bound_is_free() -> None:
    queue = Trace()
    told: list[int] = []
    for _ in range(10):
        queue.add("x", call=lambda name: told.append(0), cost=BOUND // 10)
    queue.when_roomy(lambda: told.append(1))
    queue.when_roomy(lambda: told.append(2))
    assert told == []
    queue.run(None)
    # It is called before the fifth call begins: 50 of 100 wait then.
    assert told == [0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0]


def test_a_callback_for_room_may_ask_again() -> None:
    queue = Trace()
    told: list[int] = []

    def roomy() -> None:
        told.append(queue.waiting)
        if len(told) < 3:
            queue.when_roomy(roomy)

    queue.when_roomy(roomy)
    queue.add(*"abcd", cost=10)
    queue.run(None)
    assert told == [30, 20, 10]


def test_dropping_makes_room() -> None:
    queue = Trace()
    queue.add("a", cost=BOUND)
    told: list[str] = []
    queue.when_roomy(lambda: told.append("roomy"))
    waits = gevent.spawn(queue.wait_for_room)
    gevent.sleep(0)
    assert not waits.ready()
    queue.drop()
    assert told == ["roomy"]
    waits.get()


def test_waiting_for_room_in_a_queue_with_room_returns_at_once() -> None:
    queue = Trace()
    queue.add("a", cost=BOUND - 1)
    switched: list[str] = []
    gevent.spawn(switched.append, "to another greenlet")
    queue.wait_for_room()
    assert switched == []


def test_waiting_for_room_ends_when_half_of_the_bound_is_free() -> None:
    queue = Trace()
    runner = queue.block()
    queue.add("a", cost=BOUND // 2)
    queue.add("b", call=queue.wait_at_the_gate, cost=BOUND // 2)
    waiting = [gevent.spawn(queue.wait_for_room) for _ in range(3)]
    gevent.sleep(0)
    assert not any(each.ready() for each in waiting)
    queue.gate.set()
    gevent.joinall([runner, *waiting], raise_error=True)
    assert queue.trace == ["blocks", "blocks end", "a", "b", "b end"]


# Waiting for the calls in the queue.


def test_waiting_for_an_empty_queue_returns_at_once() -> None:
    queue = Trace()
    assert queue.wait_done()
    queue.add("a")
    queue.run(None)
    assert queue.wait_done(0)


def test_waiting_for_the_calls_ends_when_those_in_the_queue_have_ended() -> None:
    queue = Trace()
    runner = queue.block()
    queue.add("a")
    waits = gevent.spawn(queue.wait_done)
    gevent.sleep(0)
    assert not waits.ready()
    later = Event()
    queue.add("b", call=lambda name: later.wait())
    queue.gate.set()
    assert waits.get()
    assert queue.trace == ["blocks", "blocks end", "a"]
    assert queue.busy
    later.set()
    runner.get()


def test_waiting_for_the_calls_returns_false_after_the_timeout() -> None:
    queue = Trace()
    runner = queue.block()
    assert queue.wait_done(0.01) is False
    queue.gate.set()
    runner.get()
    assert not queue.calls


def test_waiting_for_the_calls_ends_when_the_rest_is_dropped() -> None:
    queue = Trace()
    runner = queue.block()
    queue.add("a")
    waits = gevent.spawn(queue.wait_done)
    gevent.sleep(0)
    queue.drop()
    gevent.sleep(0)
    # The running call has not ended.
    assert not waits.ready()
    queue.gate.set()
    assert waits.get()
    runner.get()
    assert queue.trace == ["blocks", "blocks end"]


# Errors that are raised in handlers from outside.


def test_an_error_is_raised_in_the_running_call_and_in_no_other() -> None:
    queue = Trace()
    thrown: list[str] = []

    def stay(name: str) -> None:
        try:
            Event().wait()
        except HandlerTimeout as error:
            thrown.append(str(error))

    queue.add("stays", call=stay)
    queue.add("a")
    runner = gevent.spawn(queue.run, None)
    gevent.sleep(0)
    # In the hub: the deadlines call it there.
    gevent.get_hub().loop.run_callback(queue.throw, HandlerTimeout("too late"))
    runner.get()
    assert thrown == ["too late"]
    assert queue.trace == ["a"]
    assert not queue.busy


def test_a_call_that_does_not_catch_the_error_ends_with_it_and_the_others_stay() -> None:
    queue = Trace()
    runner = queue.block()
    queue.add("a")
    gevent.get_hub().loop.run_callback(queue.throw, HandlerTimeout("too late"))
    with pytest.raises(HandlerTimeout, match="too late"):
        runner.get()
    assert queue.trace == ["blocks"]
    queue.run(None)
    assert queue.trace == ["blocks", "a"]


def test_a_late_handler_that_goes_on_has_the_whole_time_again() -> None:
    queue = Trace()
    runner = queue.block()
    before = monotonic()
    queue.queue.since = before - 1000
    gevent.get_hub().loop.run_callback(queue.throw, HandlerTimeout("too late"))
    gevent.joinall([runner])
    assert queue.since >= before


def test_an_error_for_a_queue_that_does_not_run_is_ignored() -> None:
    queue = Trace()
    queue.throw(HandlerTimeout("nobody runs it"))
    queue.kill()
    queue.add("a")
    queue.throw(HandlerTimeout("nobody runs it"))
    queue.run(None)
    queue.kill()
    gevent.sleep(0)
    assert queue.trace == ["a"]


def test_the_running_call_can_be_killed() -> None:
    queue = Trace()
    runner = queue.block()
    queue.add("a")
    queue.kill()
    runner.join()
    assert isinstance(runner.value, gevent.GreenletExit)
    assert queue.trace == ["blocks"]
    queue.run(None)
    assert queue.trace == ["blocks", "a"]


def test_a_kill_that_comes_too_late_for_a_call_kills_nothing_else() -> None:
    queue = Trace()
    after: list[str] = []

    def work() -> None:
        queue.run(None)
        gevent.sleep(0)
        after.append("what the greenlet does next")

    queue.add("blocks", call=queue.wait_at_the_gate)
    worker = gevent.spawn(work)
    queue.blocks.wait()
    # The call ends in the same iteration of the loop, before the kill.
    queue.gate.set()
    queue.kill()
    worker.get()
    assert after == ["what the greenlet does next"]


def test_a_call_that_kills_the_running_call_does_not_kill_itself() -> None:
    queue = Trace()

    def kill(name: str) -> None:
        queue.kill()
        gevent.sleep(0)
        queue.trace.append(name)

    queue.add("a", call=kill)
    gevent.spawn(queue.run, None).get()
    assert queue.trace == ["a"]


# Time slices.


def test_calls_that_never_block_let_others_run() -> None:
    queue = Trace()
    over = Event()
    resting: list[float] = []

    def busy(name: str) -> None:
        end = monotonic() + 0.001
        while monotonic() < end:
            pass
        if not over.is_set():
            queue.add(name, call=busy)

    def other() -> None:
        gevent.sleep(0.001)
        resting.append(queue.since)
        over.set()

    queue.add("on and on", call=busy)
    gevent.joinall([gevent.spawn(queue.run, None), gevent.spawn(other)], raise_error=True)
    # No call runs while the others do, so none can be late, however long they take.
    assert resting == [inf]


def test_a_queue_that_is_emptied_while_others_run_ends() -> None:
    queue = Trace()

    def busy(name: str) -> None:
        end = monotonic() + 0.001
        while monotonic() < end:
            pass
        queue.add(name, call=busy)

    def other() -> None:
        gevent.sleep(0.001)
        queue.drop()

    queue.add("on and on", call=busy)
    gevent.joinall([gevent.spawn(queue.run, None), gevent.spawn(other)], raise_error=True)
    assert not queue.calls
    assert not queue.busy


def test_a_message_is_not_kept_once_it_was_handled() -> None:
    """However long the next one takes."""

    class Message:
        pass

    trace = Trace()
    message = Message()
    kept = ref(message)

    def first(session: Any, argument: Any) -> None:
        trace.put(lambda session, name: trace.wait_at_the_gate(name), "second", 1)

    trace.put(first, message, 1)
    del message
    running = gevent.spawn(trace.run, None)
    trace.blocks.wait()
    assert kept() is None
    trace.gate.set()
    running.join()
