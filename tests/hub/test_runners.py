"""Runners: they run functions that may block, for a caller that must not wait."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from weakref import ref

import gevent
import pytest
from gevent.event import Event

from sockio_gevent.hub import runners
from sockio_gevent.hub.per_hub import PerHub
from sockio_gevent.hub.runners import run_aside

DEADLINE = 60.0

variable: ContextVar[str] = ContextVar("variable", default="nothing")


@pytest.fixture(autouse=True)
def deadline() -> Iterator[None]:
    with gevent.Timeout(DEADLINE, AssertionError("a greenlet waits for ever")):
        yield


@pytest.fixture(autouse=True)
def parked(monkeypatch: pytest.MonkeyPatch) -> list[runners._Runner]:
    """The runners without work: none at the beginning."""
    greenlets: list[runners._Runner] = []
    monkeypatch.setattr(runners, "_parked", PerHub(lambda hub: greenlets))
    return greenlets


class Blocking:
    """A function that blocks until it is released, and notes what it has done."""

    def __init__(self) -> None:
        self.gate = Event()
        self.over = Event()
        self.trace: list[str] = []
        self.greenlet: gevent.Greenlet | None = None

    def __call__(self) -> None:
        self.greenlet = gevent.getcurrent()
        self.trace.append("begins")
        self.gate.wait()
        self.trace.append("ends")
        self.over.set()

    def release(self) -> None:
        self.gate.set()
        self.over.wait()


def test_a_function_that_does_not_block_has_ended_when_the_caller_goes_on() -> None:
    made: list[str] = []
    others: list[str] = []
    gevent.spawn(others.append, "another greenlet")
    run_aside(lambda: made.append("made"))
    assert made == ["made"]
    # The hub has not run meanwhile.
    assert others == []


def test_it_runs_in_another_greenlet() -> None:
    seen: list[object] = []
    run_aside(lambda: seen.append(gevent.getcurrent()))
    assert seen[0] is not gevent.getcurrent()


def test_the_caller_goes_on_while_a_function_blocks() -> None:
    blocking = Blocking()
    run_aside(blocking)
    assert blocking.trace == ["begins"]
    blocking.release()
    assert blocking.trace == ["begins", "ends"]


def test_the_caller_goes_on_before_later_callbacks() -> None:
    order: list[str] = []
    blocking = Blocking()

    def block() -> None:
        gevent.spawn(order.append, "what the function has begun")
        blocking()

    run_aside(block)
    order.append("the caller")
    gevent.sleep(0)
    assert order[0] == "the caller"
    blocking.release()


def test_a_caller_that_waits_for_something_else_later_is_not_woken_by_the_function() -> None:
    blocking = Blocking()
    run_aside(blocking)
    something = Event()
    gevent.spawn(blocking.gate.set)
    assert something.wait(0.01) is False
    assert blocking.trace == ["begins", "ends"]


def test_functions_of_many_callers_run_and_block_at_the_same_time() -> None:
    functions = [Blocking() for _ in range(50)]
    callers = [gevent.spawn(run_aside, function) for function in functions]
    gevent.joinall(callers, raise_error=True)
    assert all(function.trace == ["begins"] for function in functions)
    for function in functions:
        function.release()
    assert len({function.greenlet for function in functions}) == 50


def test_a_function_may_run_another_one_aside() -> None:
    order: list[str] = []
    inner = Blocking()

    def outer() -> None:
        run_aside(inner)
        order.append("outer")

    run_aside(outer)
    gevent.sleep(0)
    gevent.sleep(0)
    assert order == ["outer"]
    assert inner.trace == ["begins"]
    inner.release()


# Context variables.


def test_a_function_sees_the_context_of_its_caller_and_keeps_its_own_changes() -> None:
    seen: list[str] = []

    def function() -> None:
        seen.append(variable.get())
        variable.set("of the function")

    token = variable.set("of the caller")
    try:
        run_aside(function)
        assert variable.get() == "of the caller"
    finally:
        variable.reset(token)
    assert seen == ["of the caller"]
    # The greenlet is used again and has kept nothing of it.
    run_aside(function)
    assert seen == ["of the caller", "nothing"]
    assert variable.get() == "nothing"


def test_a_function_keeps_its_context_when_it_goes_on_after_it_has_blocked() -> None:
    seen: list[str] = []
    blocking = Blocking()

    def function() -> None:
        variable.set("of the function")
        blocking()
        seen.append(variable.get())

    run_aside(function)
    run_aside(lambda: None)
    blocking.release()
    assert seen == ["of the function"]
    assert variable.get() == "nothing"


# Greenlets that are used again.


def test_thousands_of_functions_need_one_greenlet(parked: list[runners._Runner]) -> None:
    greenlets: set[object] = set()
    for _ in range(3000):
        run_aside(lambda: greenlets.add(gevent.getcurrent()))
    assert len(greenlets) == 1
    assert len(parked) == 1


def test_thousands_of_functions_that_block_need_as_many_greenlets_as_block_at_once(
    parked: list[runners._Runner],
) -> None:
    greenlets: set[object] = set()

    def function() -> None:
        greenlets.add(gevent.getcurrent())
        gevent.sleep(0)

    for _ in range(3000):
        run_aside(function)
        gevent.sleep(0)
    assert len(greenlets) <= 3
    assert len(parked) <= 3


def test_few_greenlets_are_kept_for_later(parked: list[runners._Runner]) -> None:
    functions = [Blocking() for _ in range(3 * runners._MOST_PARKED)]
    for function in functions:
        run_aside(function)
    for function in functions:
        function.release()
    greenlets = [function.greenlet for function in functions]
    gevent.sleep(0)
    assert len(parked) == runners._MOST_PARKED
    assert sum(each is not None and each.dead for each in greenlets) == 2 * runners._MOST_PARKED
    # The caller still goes on after all these.
    for _ in range(100):
        run_aside(lambda: None)
    assert len(parked) == runners._MOST_PARKED


@pytest.mark.parametrize("blocks", [True, False])
def test_a_greenlet_that_waits_for_the_next_function_keeps_nothing_of_the_one_before(
    blocks: bool,
) -> None:
    class Something:
        pass

    def call(it: object) -> None:
        def function() -> None:
            variable.set(str(it))
            if blocks:
                gevent.sleep(0)

        run_aside(function)

    something = Something()
    kept = ref(something)
    gevent.spawn(call, something).get()
    gevent.sleep(0)
    del something
    gc.collect()
    assert kept() is None


# Wake-ups, kills and timeouts.


@pytest.mark.parametrize("times", [1, 5])
def test_a_wake_up_after_the_end_of_the_function_does_no_harm(times: int) -> None:
    """A function may have left an event behind that wakes its greenlet."""
    left: list[Callable[[], object]] = []
    run_aside(lambda: left.append(gevent.getcurrent().switch))
    for _ in range(times):
        gevent.get_hub().loop.run_callback(left[0])
        gevent.sleep(0)
    made: list[object] = []
    run_aside(lambda: made.append(gevent.getcurrent().switch))
    assert made == left


def test_a_wake_up_between_two_functions_neither_loses_nor_repeats_one() -> None:
    left: list[Callable[[], object]] = []
    blocking = Blocking()
    run_aside(lambda: left.append(gevent.getcurrent().switch))
    gevent.get_hub().loop.run_callback(left[0])
    made: list[int] = []
    for number in range(5):
        run_aside(lambda number=number: made.append(number))  # type: ignore[misc]
        gevent.get_hub().loop.run_callback(left[0])
    gevent.sleep(0)
    assert made == list(range(5))
    run_aside(blocking)
    assert blocking.trace == ["begins"]
    blocking.release()


@pytest.mark.parametrize("blocks", [True, False])
def test_a_greenlet_that_was_killed_after_its_function_is_not_used_again(blocks: bool) -> None:
    """The kill was meant for the function and came too late."""
    greenlets: list[gevent.Greenlet] = []

    def function() -> None:
        greenlets.append(gevent.getcurrent())
        if blocks:
            gevent.sleep(0)

    run_aside(function)
    gevent.sleep(0)
    greenlets[0].kill()
    made: list[str] = []
    run_aside(lambda: made.append("made"))
    assert made == ["made"]


def test_a_caller_that_is_killed_while_it_waits_leaves_the_function_running() -> None:
    blocking = Blocking()
    after: list[str] = []

    def call() -> None:
        gevent.getcurrent().kill(block=False)
        run_aside(blocking)
        after.append("the caller went on")

    caller = gevent.spawn(call)
    caller.join()
    assert isinstance(caller.value, gevent.GreenletExit)
    assert after == []
    assert blocking.trace == ["begins"]
    blocking.release()
    made: list[str] = []
    run_aside(lambda: made.append("made"))
    assert made == ["made"]


def test_a_caller_whose_timeout_comes_while_it_waits_leaves_the_function_running() -> None:
    blocking = Blocking()
    too_late = gevent.Timeout()
    gevent.get_hub().loop.run_callback(gevent.getcurrent().throw, too_late)
    with pytest.raises(gevent.Timeout) as raised:
        run_aside(blocking)
    assert raised.value is too_late
    assert blocking.trace == ["begins"]
    # The callback that would have woken the caller does not come any more.
    assert Event().wait(0.01) is False
    blocking.release()


# Functions that fail.


@pytest.mark.parametrize("blocks", [True, False])
def test_a_function_that_raises_ends_its_greenlet_alone(
    blocks: bool, parked: list[runners._Runner], capsys: pytest.CaptureFixture[str]
) -> None:
    failed: list[gevent.Greenlet] = []

    def fail() -> None:
        failed.append(gevent.getcurrent())
        if blocks:
            gevent.sleep(0)
        raise RuntimeError("the function has failed")

    run_aside(fail)
    gevent.sleep(0)
    assert failed[0].dead
    assert parked == []
    # As for any greenlet.
    assert "the function has failed" in capsys.readouterr().err
    made: list[str] = []
    run_aside(lambda: made.append("made"))
    assert made == ["made"]


def test_a_function_that_ends_its_greenlet_ends_nothing_else(
    parked: list[runners._Runner], capsys: pytest.CaptureFixture[str]
) -> None:
    def leave() -> None:
        raise gevent.GreenletExit

    run_aside(leave)
    assert parked == []
    assert capsys.readouterr().err == ""
