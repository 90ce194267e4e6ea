"""Streams over the bus: between two ends in this process, over a stand-in for the bus."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest
from gevent import socket
from support.http import DEADLINE
from support.workers import wait_until

from sockio_gevent.server.handover.tunnels import _WINDOW, Tunnels

NAME = "0123456789abcdef"


class Message:
    def __init__(self, sender: str, body: bytes) -> None:
        self.sender = sender
        self.body = body


class Bus:
    """Brings messages to the other one, in their order."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.other: Bus
        self.there = True
        self.on_its_way = 0
        self.most = 0
        self.forms: list[bytes] = []

    def receive(self, kind: str, receiver: Callable[[Any], None]) -> None:
        self.receiver = receiver

    def when_gone(self, function: Callable[[str], object]) -> None:
        self.gone = function

    def tell(self, worker: str, kind: str, body: bytes) -> bool:
        form, data = body[16:17], body[17:]
        self.forms.append(form)
        if form == b"d":
            self.on_its_way += len(data)
            self.most = max(self.most, self.on_its_way)
        elif form == b"w":
            self.other.on_its_way -= int(data)
        message = Message(self.name, body)
        gevent.get_hub().loop.run_callback(self.other.receiver, message)
        return self.there


class Loop:
    def call(self, function: Callable[..., object], *arguments: Any) -> None:
        function(*arguments)


class Ends:
    """Both ends of a stream.

    Attributes:
        here, there: the sockets that are connected by it.
    """

    def __init__(self) -> None:
        self.buses = Bus("a"), Bus("b")
        self.buses[0].other, self.buses[1].other = self.buses[1], self.buses[0]
        self.tunnels = [Tunnels(bus) for bus in self.buses]
        self.sockets = []
        for tunnels, worker in zip(self.tunnels, "ba", strict=True):
            outer, inner = socket.socketpair()
            tunnels.begin(worker, NAME, inner, Loop())
            self.sockets.append(outer)
        self.here, self.there = self.sockets

    def is_over(self) -> bool:
        return not any(tunnels._ends for tunnels in self.tunnels)


@pytest.fixture
def ends() -> Iterator[Ends]:
    ends = Ends()
    with gevent.Timeout(DEADLINE):
        yield ends
    for each in ends.sockets:
        each.close()
    wait_until(ends.is_over)


def test_bytes_pass_both_ways(ends: Ends) -> None:
    ends.here.sendall(b"question")
    assert ends.there.recv(100) == b"question"
    ends.there.sendall(b"answer")
    assert ends.here.recv(100) == b"answer"


def test_requests_of_few_bytes_cost_a_message_each(ends: Ends) -> None:
    """That they were written is told when there are many of them."""
    for _ in range(20):
        ends.here.sendall(b"question")
        assert ends.there.recv(100) == b"question"
        ends.there.sendall(b"answer")
        assert ends.here.recv(100) == b"answer"
    assert [bus.forms for bus in ends.buses] == [20 * [b"d"], 20 * [b"d"]]


def test_the_end_of_one_direction_leaves_the_other(ends: Ends) -> None:
    ends.here.shutdown(socket.SHUT_WR)
    assert ends.there.recv(100) == b""
    ends.there.sendall(b"still")
    assert ends.here.recv(100) == b"still"
    ends.there.close()
    assert ends.here.recv(100) == b""
    ends.here.close()
    wait_until(ends.is_over)


def test_what_is_not_read_waits_and_is_bounded(ends: Ends) -> None:
    data = b"".join(b"%08d" % number for number in range(1_000_000))
    sending = gevent.spawn(ends.here.sendall, data)
    wait_until(lambda: ends.buses[0].on_its_way == _WINDOW)
    assert not sending.ready()
    received = b""
    while len(received) < len(data):
        received += ends.there.recv(64 * 1024)
    assert received == data
    assert ends.buses[0].most == _WINDOW


def test_a_reader_that_hangs_up_ends_the_writer(ends: Ends) -> None:
    sending = gevent.spawn(ends.here.sendall, b"x" * 10_000_000)
    wait_until(lambda: ends.buses[0].on_its_way == _WINDOW)
    ends.there.close()
    sending.join()
    assert isinstance(sending.exception, OSError)


def test_a_worker_that_goes_ends_its_streams(ends: Ends) -> None:
    ends.buses[0].gone("c")
    ends.here.sendall(b"hello")
    assert ends.there.recv(100) == b"hello"
    ends.buses[0].gone("b")
    assert ends.here.recv(100) == b""


def test_a_stream_ends_when_its_worker_is_not_there_any_more(ends: Ends) -> None:
    ends.buses[0].there = False
    ends.here.sendall(b"hello")
    assert ends.here.recv(100) == b""


@pytest.mark.parametrize(
    "body",
    [b"", b"?", b"d" + b"x" * (_WINDOW + 1), b"w", b"w-1", b"w" + b"9" * 20, b"wnumber"],
    ids=range(7),
)
def test_a_malformed_message_ends_the_stream(ends: Ends, body: bytes) -> None:
    ends.buses[0].receiver(Message("b", NAME.encode() + body))
    assert ends.here.recv(100) == b""


def test_messages_of_no_stream_are_dropped(ends: Ends) -> None:
    for sender, name in (("c", NAME), ("b", "f" * 16), ("b", "")):
        ends.buses[0].receiver(Message(sender, name.encode() + b"?"))
    ends.here.sendall(b"hello")
    assert ends.there.recv(100) == b"hello"


def test_more_room_than_the_window_is_not_believed(ends: Ends) -> None:
    for _ in range(3):
        ends.buses[0].receiver(Message("b", NAME.encode() + b"w%d" % _WINDOW))
    gevent.spawn(ends.here.sendall, b"x" * (4 * _WINDOW))
    wait_until(lambda: ends.buses[0].on_its_way == _WINDOW)
    gevent.idle()
    assert ends.buses[0].on_its_way == _WINDOW
