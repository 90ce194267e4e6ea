"""A WebSocket that a client tries, and that does not take what is written to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from sockio_gevent.dialects.engineio import BareEngineIO
from sockio_gevent.hub.handler_queue import HandlerQueue
from sockio_gevent.options.listener_options import Options
from sockio_gevent.transports.engineio_websocket import Trial
from sockio_gevent.wire.packet import Packet


class Polling:
    """A session that polls."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.handlers = HandlerQueue(1024)

    def begin_upgrade(self) -> None:
        self.calls.append("begins")

    def give_up_upgrade(self, upgrade: Any) -> None:
        self.calls.append("gives up")


class Link:
    """A WebSocket whose peer reads nothing: it takes one write, and is not ready any more."""

    def __init__(self) -> None:
        self.ready = True
        self.written: list[bytes] = []
        self.closed: list[int] = []

    def write(self, batch: Sequence[Packet]) -> None:
        assert self.ready
        self.written += [packet.payload for packet in batch]
        self.ready = False

    def close(self, code: int, reason: str) -> None:
        self.closed.append(code)


@pytest.fixture
def trial() -> Iterator[Any]:
    made: Any = Trial(Polling(), 600, BareEngineIO(Options(), 4))
    made.downlink = Link()
    yield made
    made.close(1000, "")


def test_a_probe_is_answered(trial: Any) -> None:
    assert trial.receive(["2probe"]) == ""
    assert trial.downlink.written == [b"3probe"]
    assert trial.downlink.closed == []
    assert trial._session.calls == ["begins"]


def test_a_probe_whose_answer_could_not_be_written_ends_the_trial(trial: Any) -> None:
    """Otherwise the answers would pile up in memory."""
    trial.receive(["2probe"] * 1000)
    assert trial.downlink.written == [b"3probe"]
    assert trial.downlink.closed == [1008]
    assert trial._session.calls == ["begins", "gives up"]


def test_after_its_end_a_trial_takes_nothing(trial: Any) -> None:
    trial.close(1001, "over")
    trial.receive(["2probe", "5", "4hello"])
    assert trial.downlink.written == []
    assert trial._session.calls == ["gives up"]
