"""The lock that goes from hand to hand."""

from __future__ import annotations

from collections.abc import Iterator

import gevent
import pytest

from sockio_gevent.session.handler_lock import HandlerLock, HandlerTimeout

DEADLINE = 60.0


@pytest.fixture(autouse=True)
def deadline() -> Iterator[None]:
    with gevent.Timeout(DEADLINE, AssertionError("somebody waits for ever")):
        yield


class Queue:
    """Greenlets that take their turns, and the order in which they got them."""

    def __init__(self) -> None:
        self.turns = HandlerLock()
        self.served: list[str] = []

    def serve(self, name: str) -> None:
        with self.turns:
            self.served.append(name)

    def join(self, *names: str) -> list[gevent.Greenlet]:
        """Let these wait for their turns, which must be taken now."""
        waiting = [gevent.spawn(self.serve, name) for name in names]
        gevent.sleep(0)
        assert all(greenlet.started and not greenlet.ready() for greenlet in waiting)
        return waiting

    def is_free(self) -> bool:
        """Whether the next one need not wait."""
        if self.turns.busy:
            return False
        with self.turns:
            return self.turns.busy


def test_a_free_turn_is_taken_at_once() -> None:
    turns = HandlerLock()
    assert not turns.busy
    with turns:
        assert turns.busy
    assert not turns.busy


def test_turns_are_taken_in_the_order_of_arrival() -> None:
    queue = Queue()
    with queue.turns:
        waiting = queue.join("a", "b", "c", "d")
    gevent.joinall(waiting, raise_error=True)
    assert queue.served == ["a", "b", "c", "d"]
    assert queue.is_free()


def test_only_one_at_a_time_has_the_turn_even_if_it_waits() -> None:
    turns, trace = HandlerLock(), []

    def work(name: int) -> None:
        with turns:
            trace.append((name, "in"))
            for _ in range(3):
                gevent.sleep(0)
            trace.append((name, "out"))

    gevent.joinall([gevent.spawn(work, name) for name in range(4)], raise_error=True)
    assert trace == [(name, step) for name in range(4) for step in ("in", "out")]


def test_who_comes_back_at_once_goes_behind_who_waits() -> None:
    queue = Queue()
    with queue.turns:
        waiting = queue.join("a", "b")
    queue.serve("again")
    gevent.joinall(waiting, raise_error=True)
    assert queue.served == ["a", "b", "again"]


def test_a_newcomer_between_release_and_wake_up_goes_behind_who_waits() -> None:
    queue = Queue()
    with queue.turns:
        [waits] = queue.join("waits")
        # Starts when the loop runs next, and so before the other one wakes up.
        newcomer = gevent.spawn(queue.serve, "newcomer")
    gevent.joinall([waits, newcomer], raise_error=True)
    assert queue.served == ["waits", "newcomer"]


def test_the_turn_is_never_free_while_somebody_waits() -> None:
    queue = Queue()
    with queue.turns:
        waiting = queue.join("a")
    assert queue.turns.busy
    gevent.joinall(waiting, raise_error=True)
    assert not queue.turns.busy


def test_an_exception_gives_the_turn_away_and_is_raised() -> None:
    queue = Queue()
    waiting: list[gevent.Greenlet] = []

    def fail() -> None:
        with queue.turns:
            waiting.extend(queue.join("a"))
            raise RuntimeError("lost")

    with pytest.raises(RuntimeError, match="lost"):
        fail()
    gevent.joinall(waiting, raise_error=True)
    assert queue.served == ["a"]
    assert queue.is_free()


@pytest.mark.parametrize("index", [0, 1, 2], ids=["first", "middle", "last"])
def test_who_is_killed_while_waiting_is_passed_over(index: int) -> None:
    queue = Queue()
    names = ["a", "b", "c"]
    with queue.turns:
        waiting = queue.join(*names)
        waiting[index].kill()
    gevent.joinall(waiting, raise_error=True)
    assert queue.served == [name for name in names if name != names[index]]
    assert queue.is_free()


def test_when_all_who_waited_are_killed_the_turn_is_free() -> None:
    queue = Queue()
    with queue.turns:
        gevent.killall(queue.join("a", "b"))
    assert queue.served == []
    assert queue.is_free()


def test_who_is_killed_just_before_its_turn_comes_passes_it_on() -> None:
    queue = Queue()
    with queue.turns:
        a, b = queue.join("a", "b")
        a.kill(block=False)  # is thrown only when the loop runs, behind the release
    gevent.joinall([a, b], raise_error=True)
    assert queue.served == ["b"]
    assert queue.is_free()


def test_the_last_who_is_killed_just_before_its_turn_comes_frees_it() -> None:
    queue = Queue()
    with queue.turns:
        [a] = queue.join("a")
        a.kill(block=False)
    a.join()
    assert queue.served == []
    assert queue.is_free()


def test_who_is_killed_just_after_its_turn_has_come_does_not_keep_it() -> None:
    queue = Queue()
    with queue.turns:
        a, b = queue.join("a", "b")
    a.kill(block=False)
    gevent.joinall([a, b], raise_error=True)
    assert queue.served[-1] == "b"
    assert queue.is_free()


def test_who_is_killed_during_its_turn_gives_it_away() -> None:
    queue = Queue()

    def stay() -> None:
        with queue.turns:
            gevent.sleep(10 * DEADLINE)

    stays = gevent.spawn(stay)
    gevent.sleep(0)
    waiting = queue.join("a")
    stays.kill()
    gevent.joinall(waiting, raise_error=True)
    assert queue.served == ["a"]
    assert queue.is_free()


def test_who_loses_patience_does_not_hold_up_the_others() -> None:
    queue = Queue()
    with queue.turns:
        impatient = gevent.spawn(gevent.with_timeout, 0.01, queue.serve, "impatient")
        gevent.sleep(0)
        waiting = queue.join("patient")
        with pytest.raises(gevent.Timeout):
            impatient.get()
    gevent.joinall(waiting, raise_error=True)
    assert queue.served == ["patient"]
    assert queue.is_free()


def test_an_error_is_raised_in_who_has_the_turn_and_in_nobody_else() -> None:
    queue = Queue()
    thrown: list[str] = []

    def stay() -> None:
        with queue.turns:
            try:
                gevent.sleep(10 * DEADLINE)
            except HandlerTimeout as error:
                thrown.append(str(error))

    stays = gevent.spawn(stay)
    gevent.sleep(0)
    waiting = queue.join("a")
    # In the hub, where it is called by the sweep.
    gevent.get_hub().loop.run_callback(queue.turns.throw, HandlerTimeout("too late"))
    gevent.joinall([stays, *waiting], raise_error=True)
    assert thrown == ["too late"]
    assert queue.served == ["a"]
    assert queue.is_free()
    queue.turns.throw(HandlerTimeout("nobody has it"))
