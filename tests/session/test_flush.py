"""The flush: each sender is flushed once in an iteration of the loop."""

from __future__ import annotations

from collections.abc import Callable

import gevent
import pytest
from gevent.event import Event

from sockio_gevent.monitoring.log import Log
from sockio_gevent.session import flush as flushing
from sockio_gevent.session.flush import Flush

DEADLINE = 60.0


class Sender(flushing.Sender):
    """A sender that touches itself, as a session does, and notes what each flush took."""

    def __init__(self, flush: Flush, trace: list[tuple[str, str]], name: str = "a") -> None:
        super().__init__()
        self._flush = flush
        self._trace = trace
        self._name = name
        self._waiting = ""
        self.flushed = Event()
        self.then: Callable[[], None] = lambda: None

    def send(self, text: str) -> None:
        self._waiting += text
        if not self.touched:
            self._flush.touch(self)

    def flush(self) -> None:
        self._trace.append((self._name, self._waiting))
        self._waiting = ""
        self.flushed.set()
        self.then()

    def __repr__(self) -> str:
        return f"<sender {self._name}>"


class Senders:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.trace: list[tuple[str, str]] = []
        self._flush = Flush(Log(self.lines.append), gevent.get_hub().loop)

    def __call__(self, name: str) -> Sender:
        return Sender(self._flush, self.trace, name)


@pytest.fixture
def senders() -> Senders:
    return Senders()


def test_a_sender_is_flushed_at_the_end_of_the_iteration_and_not_before(senders: Senders) -> None:
    a = senders("a")
    a.send("1")
    assert a.touched
    assert senders.trace == []
    assert a.flushed.wait(DEADLINE)
    assert senders.trace == [("a", "1")]
    assert not a.touched


def test_a_sender_is_flushed_once_in_an_iteration_however_often_it_sends(senders: Senders) -> None:
    a, b = senders("a"), senders("b")
    for text in "123":
        a.send(text)
        b.send(text)
    assert b.flushed.wait(DEADLINE)
    gevent.idle()
    assert senders.trace == [("a", "123"), ("b", "123")]


def test_senders_are_flushed_in_the_order_in_which_they_were_touched(senders: Senders) -> None:
    several = [senders(name) for name in "cabd"]
    for sender in several:
        sender.send("x")
    several[0].send("y")
    assert several[-1].flushed.wait(DEADLINE)
    assert senders.trace == [("c", "xy"), ("a", "x"), ("b", "x"), ("d", "x")]


def test_the_next_iteration_flushes_again(senders: Senders) -> None:
    a = senders("a")
    for text in "123":
        a.flushed.clear()
        a.send(text)
        assert a.flushed.wait(DEADLINE)
    assert senders.trace == [("a", "1"), ("a", "2"), ("a", "3")]


def test_a_sender_that_is_not_touched_is_not_flushed(senders: Senders) -> None:
    a, b = senders("a"), senders("b")
    a.send("1")
    assert a.flushed.wait(DEADLINE)
    gevent.idle()
    assert not b.flushed.is_set()


def test_what_several_greenlets_send_in_one_iteration_is_flushed_together(senders: Senders) -> None:
    a = senders("a")
    gevent.joinall([gevent.spawn(a.send, text) for text in "123"], timeout=DEADLINE)
    assert a.flushed.wait(DEADLINE)
    gevent.idle()
    assert senders.trace == [("a", "123")]


def test_touching_does_not_switch_greenlets(senders: Senders) -> None:
    other = gevent.spawn(lambda: None)
    senders("a").send("1")
    assert not other.ready()
    other.join(DEADLINE)


def test_a_failing_sender_is_logged_and_the_others_are_flushed(senders: Senders) -> None:
    a, b, c = senders("a"), senders("b"), senders("c")

    def fail() -> None:
        raise RuntimeError("broken pipe")

    b.then = fail
    for sender in (a, b, c):
        sender.send("1")
    assert c.flushed.wait(DEADLINE)
    assert senders.trace == [("a", "1"), ("b", "1"), ("c", "1")]
    [line] = senders.lines
    assert "<sender b> could not be flushed" in line
    assert "RuntimeError: broken pipe" in line


def test_a_sender_that_failed_is_flushed_again_when_it_sends_again(senders: Senders) -> None:
    a = senders("a")

    def fail_once() -> None:
        a.then = lambda: None
        raise RuntimeError("not yet")

    a.then = fail_once
    a.send("1")
    assert a.flushed.wait(DEADLINE)
    a.flushed.clear()
    a.send("2")
    assert a.flushed.wait(DEADLINE)
    assert senders.trace == [("a", "1"), ("a", "2")]


def test_what_is_sent_during_a_flush_is_flushed_too(senders: Senders) -> None:
    a, b = senders("a"), senders("b")

    def send_more() -> None:
        a.then = lambda: None
        a.flushed.clear()
        a.send("2")
        b.send("2")

    a.then = send_more
    a.send("1")
    assert a.flushed.wait(DEADLINE)
    assert b.flushed.wait(DEADLINE)
    assert senders.trace == [("a", "1"), ("a", "2"), ("b", "2")]
