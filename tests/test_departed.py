"""Why sessions have ended is remembered for a while, and never for too many of them."""

from __future__ import annotations

import pytest

from sockio_gevent import departed
from sockio_gevent.departed import Departed
from sockio_gevent.ends import GOES_AWAY, Cause, End

SENT_AWAY = End(Cause.APPLICATION, "disconnected by the application")
UNKNOWN = "no such session; it may have timed out"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(departed, "monotonic", lambda: now[0])
    return now


def test_the_end_of_a_session_is_told_with_its_cause() -> None:
    sessions = Departed()
    sessions.add("a", "xhr-polling", SENT_AWAY)
    sessions.add("b", "server-events", GOES_AWAY)
    assert (
        sessions.why("a")
        == "this session has ended (disconnected): disconnected by the application"
    )
    assert sessions.why("b") == "this session has ended (going_away): the server goes away"
    assert sessions.why("c") == UNKNOWN


@pytest.mark.parametrize("cause", [Cause.CLIENT, Cause.LOST, Cause.AWAY])
def test_what_clients_do_themselves_is_not_kept(cause: Cause) -> None:
    sessions = Departed()
    sessions.add("a", "xhr-polling", End(cause, "gone"))
    assert not len(sessions)


@pytest.mark.parametrize("transport", ["websocket", "flashsocket"])
def test_a_websocket_is_told_when_it_is_closed(transport: str) -> None:
    sessions = Departed()
    sessions.add("a", transport, SENT_AWAY)
    assert not len(sessions)


def test_an_end_is_forgotten_after_half_a_minute(clock: list[float]) -> None:
    sessions = Departed()
    sessions.add("a", "xhr-polling", SENT_AWAY)
    clock[0] = 29.0
    sessions.add("b", "xhr-polling", SENT_AWAY)
    assert sessions.why("a") != UNKNOWN
    clock[0] = 31.0
    assert sessions.why("a") == UNKNOWN
    assert sessions.why("b") != UNKNOWN
    clock[0] = 60.0
    sessions.add("c", "xhr-polling", SENT_AWAY)
    assert len(sessions) == 1


def test_the_oldest_of_too_many_is_forgotten() -> None:
    sessions = Departed()
    for number in range(1001):
        sessions.add(str(number), "xhr-polling", SENT_AWAY)
    assert len(sessions) == 1000
    assert sessions.why("0") == UNKNOWN
    assert sessions.why("1") != UNKNOWN
