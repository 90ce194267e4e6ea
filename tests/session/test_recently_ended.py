"""Recently ended sessions: the reason is remembered for a while, and not for too many."""

from __future__ import annotations

import pytest

from sockio_gevent.monitoring.reasons import GOES_AWAY, CloseReason, End
from sockio_gevent.session import recently_ended
from sockio_gevent.session.recently_ended import RecentlyEnded
from sockio_gevent.wire.packet import Packet

SENT_AWAY = End(CloseReason.APPLICATION, "disconnected by the application")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(recently_ended, "monotonic", lambda: now[0])
    return now


def test_a_remembered_end_has_its_reason() -> None:
    sessions = RecentlyEnded()
    sessions.add("a", "xhr-polling", SENT_AWAY, "ann")
    sessions.add("b", "server-events", GOES_AWAY, "ann")
    ended = sessions.find("a")
    assert ended is not None
    assert ended.why == "this session has ended (disconnected): disconnected by the application"
    assert ended.bound_to == "ann"
    ended = sessions.find("b")
    assert ended is not None
    assert ended.why == "this session has ended (going_away): the server goes away"
    assert sessions.find("c") is None


@pytest.mark.parametrize("cause", [CloseReason.CLIENT, CloseReason.LOST, CloseReason.AWAY])
def test_an_end_that_the_client_has_caused_is_not_remembered(cause: CloseReason) -> None:
    sessions = RecentlyEnded()
    sessions.add("a", "xhr-polling", End(cause, "gone"), "ann")
    assert not len(sessions)


@pytest.mark.parametrize("transport", ["websocket", "flashsocket"])
def test_the_end_of_a_websocket_is_not_remembered(transport: str) -> None:
    sessions = RecentlyEnded()
    sessions.add("a", transport, SENT_AWAY, "ann")
    assert not len(sessions)


def test_an_end_is_forgotten_after_half_a_minute(clock: list[float]) -> None:
    sessions = RecentlyEnded()
    sessions.add("a", "xhr-polling", SENT_AWAY, "ann")
    clock[0] = 29.0
    sessions.add("b", "xhr-polling", SENT_AWAY, "ann")
    assert sessions.find("a") is not None
    clock[0] = 31.0
    assert sessions.find("a") is None
    assert sessions.find("b") is not None
    clock[0] = 60.0
    sessions.add("c", "xhr-polling", SENT_AWAY, "ann")
    assert len(sessions) == 1


def test_the_oldest_of_too_many_ends_is_forgotten() -> None:
    sessions = RecentlyEnded()
    for number in range(1001):
        sessions.add(str(number), "xhr-polling", SENT_AWAY, "ann")
    assert len(sessions) == 1000
    assert sessions.find("0") is None
    assert sessions.find("1") is not None


@pytest.mark.parametrize("cause", [CloseReason.CLIENT, CloseReason.PROTOCOL])
def test_ends_that_clients_cause_crowd_out_none_that_the_server_has_caused(
    cause: CloseReason,
) -> None:
    sessions = RecentlyEnded()
    last_words = [[Packet(b"4last words")], [Packet(b"1")]]
    sessions.add("a", "xhr-polling", SENT_AWAY, None, last_words)
    for number in range(2 * recently_ended._MOST):
        sessions.add(f"b{number}", "xhr-polling", End(cause, "gone"), None, [[Packet(b"6")]])
    assert len(sessions) == recently_ended._MOST
    assert sessions.find("b0") is None
    assert sessions.take_farewell("a") == last_words[0]
    for number in range(2 * recently_ended._MOST):
        sessions.add(f"c{number}", "xhr-polling", SENT_AWAY, None, [[Packet(b"1")]])
    assert len(sessions) == recently_ended._MOST
    assert sessions._by_clients == {}
