"""Streams over the bus: between two ends in this process, over a stand-in for the bus."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest
from gevent import socket
from support.http import DEADLINE
from support.waiting import wait_until

from sockio_gevent.server.handover import tunnel
from sockio_gevent.server.handover.tunnel import WINDOW
from sockio_gevent.server.handover.tunnels import Tunnels

NAME = "0123456789abcdef"


class Message:
    def __init__(self, sender: str, body: bytes) -> None:
        self.sender = sender
        self.body = body


def number(*values: int) -> bytes:
    return b"".join(value.to_bytes(8, "big") for value in values)


class Bus:
    """Brings messages to the other one, in their order.

    Attributes:
        there: whether the other worker is there.
        reached: whether messages go out now.
        asked: how often that was asked for.
        loses: tells of the type of a message whether it is lost.
        on_its_way: how many bytes were sent and not written at the other end.
        most: the most of that.
        forms: the types of the messages.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.other: Bus
        self.there = True
        self.reached = True
        self.asked = 0
        self.loses: Callable[[bytes], bool] = lambda form: False
        self.sent = self.written = self.most = 0
        self.forms: list[bytes] = []

    @property
    def on_its_way(self) -> int:
        return self.sent - self.written

    def receive(self, kind: str, receiver: Callable[[Any], None]) -> None:
        self.receiver = receiver

    def when_gone(self, function: Callable[[str], object]) -> None:
        self.gone = function

    def when_back(self, function: Callable[[str], object]) -> None:
        self.back = function

    def reaches(self, worker: str) -> bool:
        self.asked += 1
        return self.reached

    def tell(self, worker: str, kind: str, body: bytes) -> bool:
        form, data = body[16:17], body[17:]
        self.forms.append(form)
        if form == b"d":
            offset = int.from_bytes(data[:8], "big")
            self.sent = max(self.sent, offset + len(data) - 16)
            self.most = max(self.most, self.on_its_way)
        elif form == b"w":
            self.other.written = int.from_bytes(data[:8], "big")
        if self.loses(form):
            return self.there
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
    wait_until(lambda: ends.buses[0].on_its_way == WINDOW)
    assert not sending.ready()
    received = b""
    while len(received) < len(data):
        received += ends.there.recv(64 * 1024)
    assert received == data
    assert ends.buses[0].most == WINDOW


def test_a_reader_that_hangs_up_ends_the_writer(ends: Ends) -> None:
    sending = gevent.spawn(ends.here.sendall, b"x" * 10_000_000)
    wait_until(lambda: ends.buses[0].on_its_way == WINDOW)
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


PIECE = number(0, 0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"?",
        b"d",
        b"d" + PIECE + b"x" * (WINDOW + 1),
        b"d" + number(0, 1) + b"more was confirmed than was sent",
        b"e" + number(0),
        b"w",
        b"w-1",
        b"w" + number(1, 1),
        b"w" + number(1, 0),
        b"a" + number(1),
        b"a",
        b"s",
    ],
    ids=range(13),
)
def test_a_malformed_message_ends_the_stream(ends: Ends, body: bytes) -> None:
    ends.buses[0].receiver(Message("b", NAME.encode() + body))
    assert ends.here.recv(100) in (b"", b"more was confirmed than was sent")
    assert ends.there.recv(100) == b""


def test_messages_of_no_stream_are_dropped(ends: Ends) -> None:
    for sender, name in (("c", NAME), ("b", "f" * 16), ("b", "")):
        ends.buses[0].receiver(Message(sender, name.encode() + b"?"))
    ends.here.sendall(b"hello")
    assert ends.there.recv(100) == b"hello"


def test_more_room_than_the_window_is_not_believed(ends: Ends) -> None:
    ends.buses[0].receiver(Message("b", NAME.encode() + b"w" + number(WINDOW, WINDOW)))
    assert ends.here.recv(1) == b""


# --- what the bus loses ---


def lose(bus: Bus, *which: int, form: bytes = b"d") -> None:
    """Lose the messages of a type that have these numbers, from now on."""
    seen = iter(range(10**9))
    bus.loses = lambda each: each == form and next(seen) in which


@pytest.mark.parametrize("lost", [(0,), (3, 4, 5), (7,), tuple(range(0, 40, 3))], ids=str)
def test_pieces_that_are_lost_are_sent_again_in_their_place(
    ends: Ends, monkeypatch: pytest.MonkeyPatch, lost: tuple[int, ...]
) -> None:
    monkeypatch.setattr(tunnel, "_PATIENCE", 0.05)
    monkeypatch.setattr(tunnel, "_ASKED_AGAIN", 0.05)
    for bus in ends.buses:
        lose(bus, *lost)
    data = b"".join(b"%08d" % number for number in range(100_000))
    for here, there in (ends.sockets, ends.sockets[::-1]):
        gevent.spawn(here.sendall, data)
        received = b""
        while len(received) < len(data):
            received += there.recv(64 * 1024)
        assert received == data


def test_a_last_piece_that_is_lost_is_asked_for(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Long enough that it does not ask a second time on a busy machine.
    monkeypatch.setattr(tunnel, "_PATIENCE", 1.0)
    lose(ends.buses[0], 0)
    ends.here.sendall(b"hello")
    assert ends.there.recv(100) == b"hello"
    assert ends.buses[0].forms == [b"d", b"s", b"d"]
    assert ends.buses[1].forms == [b"a"]


def test_a_worker_that_hears_again_gets_what_it_has_missed_at_once(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tunnel, "_PATIENCE", 1000.0)
    ends.buses[0].loses = lambda form: True
    ends.here.sendall(b"hello")
    wait_until(lambda: ends.buses[0].forms)
    ends.buses[0].loses = lambda form: False
    ends.buses[0].back("c")
    ends.buses[0].back("b")
    assert ends.there.recv(100) == b"hello"


def test_a_stream_that_has_not_begun_at_the_other_end_is_not_cut(ends: Ends) -> None:
    """The question that opens it was lost, and is asked again."""
    name = "f" * 16
    outer, inner = socket.socketpair()
    ends.tunnels[0].begin("b", name, inner, Loop())
    ends.buses[0].back("b")
    gevent.idle()
    there, inner = socket.socketpair()
    ends.tunnels[1].begin("a", name, inner, Loop())
    with outer, there:
        outer.sendall(b"hello")
        assert there.recv(100) == b"hello"


@pytest.mark.parametrize("form", [b"e", b"w"], ids=["end", "confirmation"])
def test_an_end_that_is_lost_is_told_again(
    ends: Ends, monkeypatch: pytest.MonkeyPatch, form: bytes
) -> None:
    monkeypatch.setattr(tunnel, "_PATIENCE", 0.05)
    for bus in ends.buses:
        lose(bus, 0, form=form)
    ends.here.sendall(b"last")
    ends.here.close()
    assert ends.there.recv(100) == b"last"
    assert ends.there.recv(100) == b""
    ends.there.close()
    wait_until(ends.is_over)


def test_a_stream_that_cannot_be_completed_is_cut_at_both_ends(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tunnel, "_PATIENCE", 0.05)
    monkeypatch.setattr(tunnel, "_LONGEST", 0.3)
    ends.buses[0].loses = lambda form: form == b"d"
    ends.here.sendall(b"hello")
    assert ends.there.recv(100) == b""
    assert ends.here.recv(100) == b""


def test_a_stream_waits_as_long_as_the_bus_is_away(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tunnel, "_PATIENCE", 0.05)
    monkeypatch.setattr(tunnel, "_LONGEST", 0.5)
    bus = ends.buses[0]
    bus.reached, bus.loses = False, lambda form: True
    ends.here.sendall(b"hello")
    wait_until(lambda: bus.asked > 30)
    assert bus.forms == [b"d"]
    bus.reached, bus.loses = True, lambda form: False
    assert ends.there.recv(100) == b"hello"


def test_an_end_whose_other_end_is_not_there_any_more_learns_it(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends.buses[0].gone("b")
    assert ends.here.recv(100) == b""
    ends.there.sendall(b"hello")
    assert ends.there.recv(100) == b""


def test_an_end_that_is_told_costs_a_message_more_than_both_ends(ends: Ends) -> None:
    ends.here.close()
    assert ends.there.recv(100) == b""
    ends.there.close()
    wait_until(ends.is_over)
    assert [bus.forms for bus in ends.buses] == [[b"e", b"w"], [b"e"]]


def test_who_has_begun_learns_that_the_other_end_is_not_there(ends: Ends) -> None:
    """Nothing was sent yet: the request came with the question."""
    outer, inner = socket.socketpair()
    ends.tunnels[0].begin("b", "f" * 16, inner, Loop()).has_begun = True
    ends.buses[0].back("b")
    with outer:
        assert outer.recv(100) == b""


def test_a_stream_that_goes_on_slowly_is_not_cut(ends: Ends) -> None:
    end, _ = ends.tunnels[0]._ends["b", NAME.encode()]
    ends.buses[0].loses = lambda form: True
    ends.here.sendall(b"0123456789")
    wait_until(lambda: ends.buses[0].forms)
    end._due, end._checked = 0.0, 10
    ends.buses[0].receiver(Message("b", NAME.encode() + b"w" + number(5, 5)))
    end._check()
    assert end._due > 0
    ends.buses[0].loses = lambda form: False
    end.ask()
    assert ends.there.recv(100) == b"0123456789"


def test_room_that_was_told_in_vain_is_told_again(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tunnel, "_PATIENCE", 0.05)
    ends.buses[1].loses = lambda form: form == b"w"
    gevent.spawn(ends.here.sendall, b"x" * WINDOW + b"more")
    received = b""
    while len(received) < WINDOW:
        received += ends.there.recv(64 * 1024)
    # What goes the other way tells that all has come, but not that it was written.
    ends.there.sendall(b"hello")
    assert ends.here.recv(100) == b"hello"
    ends.buses[1].loses = lambda form: False
    assert ends.there.recv(100) == b"more"
