"""``listener.close()``: which clients are told, which may come back, and for how long."""

from __future__ import annotations

from typing import Any

import gevent
import pytest
from gevent.event import Event
from support.clients import (
    JSONP,
    HTMLFile,
    Polling,
    ServerEvents,
    WebSocket,
    XHRMultipart,
)
from support.http import DEADLINE, HTTP, LONG, Ended
from support.streams import times
from support.times import bring_forward
from support.waiting import wait_until

from sockio_gevent.client import session_of

CLOSED = "closed: "
BACK_BY = [WebSocket, ServerEvents, HTMLFile, XHRMultipart, Polling, JSONP]


def go_away(served: Any, kind: Any = Polling) -> tuple[Any, Any]:
    """A client that is between two requests, and its session."""
    client = kind(served.port).open()
    session = served.listener.clients[client.session_id]
    if client.streams:
        client.vanish()
    wait_until(lambda: session_of(session).away)
    return client, session


def begin_close(served: Any, timeout: float | None = LONG) -> Any:
    """Close the listener, and wait until it has begun to."""
    closing = gevent.spawn(served.listener.close, timeout)
    wait_until(lambda: served.listener.closing)
    return closing


def finish(closing: Any) -> None:
    closing.get(timeout=DEADLINE)


def check_nothing_left(served: Any, sessions: int) -> None:
    """Check that each session has ended once: for handlers, in statistics and in the log."""
    wait_until(lambda: not served.listener._sessions.closing_sessions)
    assert len(served.happened("disconnect")) == sessions
    assert sum(served.listener.stats()["closes"].values()) == sessions
    assert sum(" ended: " in line for line in served.lines) == sessions
    assert sum(CLOSED in line for line in served.lines) == 1
    assert not served.listener.clients
    assert not served.listener._sessions.loops.here().deadlines._slots


def take_last(client: Any, *expected: str) -> None:
    """Receive these messages, and then the end of the session."""
    if client.streams:
        assert [client.receive() for _ in expected] == list(expected)
    else:
        assert client.poll() == list(expected), "all of it in one batch"
    if isinstance(client, WebSocket):
        assert client.wait_closed() == 1001
    elif client.streams:
        client.wait_closed()
    else:
        with pytest.raises(Ended, match="503"):
            client.poll()


@pytest.mark.parametrize("kind", BACK_BY, ids=lambda kind: kind.transport)
def test_a_client_that_is_away_comes_back_for_its_messages_and_then_ends(serve, kind):
    served = serve()
    client, session = go_away(served)
    session.send("while it was away")
    session.send("and more")
    closing = begin_close(served)
    assert HTTP(served.port).request("GET", "/socket.io/xhr-polling/").status == 503
    session.send("and after that")
    back = kind(served.port, client.session_id)
    take_last(back, "while it was away", "and more", "and after that")
    finish(closing)
    assert served.happened("disconnect") == [("disconnect", session)]
    assert session.transport == kind.transport
    assert served.wait_line(CLOSED).endswith("closed: 1 session ended")
    check_nothing_left(served, 1)


@pytest.mark.parametrize("kind", [WebSocket, ServerEvents], ids=lambda kind: kind.transport)
def test_a_client_whose_connection_was_cut_comes_back_for_its_messages_too(serve, kind):
    served = serve(**times(kind.transport, close_timeout=LONG))
    client, session = go_away(served, kind)
    session.send("while it was away")
    closing = begin_close(served)
    take_last(kind(served.port, client.session_id), "while it was away")
    finish(closing)
    check_nothing_left(served, 1)


def test_close_does_not_wait_for_a_client_that_is_away_without_messages(serve):
    served = serve()
    client, _ = go_away(served)
    served.listener.close(LONG)
    assert len(served.happened("disconnect")) == 1
    with pytest.raises(Ended, match="503"):
        client.poll()
    check_nothing_left(served, 1)


def test_messages_of_other_clients_disconnect_handlers_are_delivered_too(serve):
    served = serve()
    _, going = go_away(served)
    client, session = go_away(served)
    session.send("first")
    served.listener.on("clientDisconnect", lambda gone: served.listener.broadcast("one has gone"))
    closing = begin_close(served)
    served.wait("disconnect")
    assert served.happened("disconnect")[0][1] is going
    take_last(client, "first", "one has gone")
    finish(closing)
    check_nothing_left(served, 2)


def test_a_client_that_comes_back_may_also_send(echo):
    served = echo()
    client, session = go_away(served)
    other, _ = go_away(served)
    session.send("first")
    closing = begin_close(served)
    assert client.send("hello").status == 200
    assert served.wait("message")[1] == "hello"
    assert other.send("too late").status == 503
    take_last(client, "first", "hello")
    assert client.send("too late").status == 503
    finish(closing)
    assert len(served.happened("message")) == 1
    check_nothing_left(served, 2)


def test_a_poll_that_is_being_answered_is_not_its_client_s_last(serve, monkeypatch):
    served = serve()
    client, session = go_away(served)
    client.begin_poll()
    wait_until(lambda: not session_of(session).away)
    release = Event()
    write = session_of(session).downlink.written

    def written() -> None:
        release.wait()
        write()

    monkeypatch.setattr(type(session_of(session).downlink), "written", lambda self: written())
    first = "x" * 10_000  # a short answer is sent by the hub, which cannot wait
    session.send(first)
    assert client.finish_poll() == [first]
    session.send("second")
    closing = begin_close(served)
    monkeypatch.undo()
    release.set()
    take_last(client, "second")
    finish(closing)
    check_nothing_left(served, 1)


@pytest.mark.parametrize("timeout", [0, 0.2])
def test_a_client_that_does_not_come_back_in_time_is_ended_and_the_log_counts_its_messages(
    serve, timeout
):
    served = serve()
    for _ in range(2):
        _, session = go_away(served)
        session.send("x" * 100)
    WebSocket(served.port).open().vanish()
    served.wait("disconnect")
    served.listener.close(timeout)
    assert len(served.happened("disconnect")) == 3, "the handlers have run when close() returns"
    line = served.wait_line(CLOSED)
    size = 2 * len("~m~100~m~" + "x" * 100)
    assert line.endswith(
        f"closed: 2 sessions ended, 2 of them did not come back for {size} bytes of messages"
    )
    assert served.listener.stats()["closes"]["going_away"] == 2
    check_nothing_left(served, 3)


def test_a_client_that_is_away_is_waited_for_no_longer_than_its_close_timeout(serve):
    served = serve()
    _, session = go_away(served)
    session.send("hello")
    closing = begin_close(served, None)
    bring_forward(session)
    finish(closing)
    assert served.listener.stats()["closes"]["away_too_long"] == 1
    assert "1 of them did not come back for 12 bytes" in served.wait_line(CLOSED)
    check_nothing_left(served, 1)


def test_the_application_may_end_the_session_meanwhile(serve):
    served = serve()
    _, session = go_away(served)
    session.send("hello")
    closing = begin_close(served)
    session.disconnect()
    finish(closing)
    assert served.listener.stats()["closes"]["disconnected"] == 1
    check_nothing_left(served, 1)


def test_several_greenlets_may_close_and_the_earliest_deadline_holds(serve):
    served = serve()
    _, session = go_away(served)
    session.send("hello")
    silent = WebSocket(served.port).open()
    patient = [begin_close(served, timeout) for timeout in (None, LONG)]
    served.listener.close(0.1)
    gevent.joinall(patient, DEADLINE, raise_error=True)
    assert all(each.ready() for each in patient)
    served.listener.close(None)
    assert "2 sessions ended, 1 of them cut off after 0.1 s, 1 of them" in served.wait_line(CLOSED)
    assert silent.wait_closed() == 1001
    check_nothing_left(served, 2)


def test_close_waits_for_a_client_that_was_disconnected_just_before(serve):
    served = serve(max_buffer=64 * 1024 * 1024)
    client = WebSocket(served.port).open()
    session = served.wait("connection")[1]
    session.send("x" * 32 * 1024 * 1024)
    downlink = session_of(session).downlink
    session.disconnect()
    served.wait("disconnect")
    closing = begin_close(served)
    was_over: list[bool] = []
    closing.rawlink(lambda _: was_over.append(downlink.is_over))
    assert len(client.receive()) == 32 * 1024 * 1024
    assert client.wait_closed() == 1000
    finish(closing)
    assert was_over == [True]
    assert not served.listener._sessions.closing_sessions


def test_close_waits_for_handlers_but_not_beyond_its_deadline(serve):
    served = serve()
    release = Event()
    served.listener.on("clientDisconnect", lambda client: release.wait())
    go_away(served)
    closing = begin_close(served)
    served.wait("disconnect")
    assert not closing.ready()
    served.listener.close(0)
    assert len(served.listener._sessions.closing_sessions) == 1
    release.set()
    finish(closing)
    check_nothing_left(served, 1)


@pytest.mark.parametrize("timeout", [LONG, 0.1])
def test_a_connection_whose_heartbeat_was_lost_just_before_is_waited_for_or_cut(serve, timeout):
    """The session has ended; its WebSocket waits for the client's close frame."""
    served = serve(**times("websocket", timeout=LONG))
    client = WebSocket(served.port).open()
    session = served.wait("connection")[1]
    downlink = session_of(session).downlink
    session_of(session)._on_deadline()  # the heartbeat
    session._awaits_answer = LONG
    session_of(session)._on_deadline()
    assert session.disconnect_reason == "heartbeat_lost"
    served.wait("disconnect")
    closing = begin_close(served, timeout)
    assert not downlink.is_over
    if timeout == LONG:
        assert not closing.ready()
        assert client.wait_closed() == 1011
    finish(closing)
    wait_until(lambda: downlink.is_over and not served.listener._sessions.closing_sessions)
    client.vanish()
