"""The memory that sessions hold is counted truly, and limited for each and for all."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gevent
import pytest
from support import framing
from support.clients import (
    HTMLFile,
    Polling,
    ServerEvents,
    WebSocket,
    XHRMultipart,
)
from support.http import HTTP, LONG, Ended
from support.limits import wait_exceeded
from support.raw import Raw
from support.waiting import wait_until

from sockio_gevent.client import session_of

MIB = 1024 * 1024
STREAMS = (ServerEvents, HTMLFile, XHRMultipart)


@contextmanager
def traced() -> Iterator[Callable[[], int]]:
    """Yield a function that returns how many more bytes are allocated than at the start."""
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]

    def taken() -> int:
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before

    try:
        yield taken
    finally:
        tracemalloc.stop()


def times(**seconds: float) -> dict[str, Any]:
    names = ("websocket", "server-events", "htmlfile", "xhr-multipart")
    return {"transport_options": dict.fromkeys(names, seconds)}


def stop_reading(session: Any) -> None:
    """Send more to a client that reads nothing than the sockets of both ends hold."""
    wait_until(lambda: session_of(session).downlink is not None)
    session.send("x" * 800_000)
    for _ in range(10):
        gevent.idle()
    assert session_of(session).downlink.writing


def open_session(served: Any, kind: Any) -> tuple[Any, Any]:
    """A client that has its id and reads nothing from now on, and its session."""
    client = kind(served.port).open()
    session = served.listener.clients[client.session_id]
    if client.streams:
        stop_reading(session)
    return client, session


@pytest.mark.parametrize("kind", [WebSocket, Polling, *STREAMS], ids=lambda kind: kind.transport)
@pytest.mark.parametrize("size", [1, 10, 60, 300, 5000])
def test_messages_that_wait_take_no_more_memory_than_is_counted(serve, kind, size):
    served = serve(max_buffer=2 * MIB, **times(timeout=LONG))
    client, session = open_session(served, kind)
    before = session_of(session).held
    with traced() as taken:
        count = 0
        while session_of(session).buffered < 2 * MIB - size - 1000:
            session.send(f"{count:06}{'x' * size}"[-size:])
            count += 1
        gevent.idle()
        assert session.connected
        assert taken() <= session_of(session).held - before
        assert count * size <= session_of(session).held
    client.vanish()


@pytest.mark.parametrize("kind", [WebSocket, ServerEvents], ids=lambda kind: kind.transport)
def test_bytes_that_are_being_written_take_little_more_memory_than_is_counted(serve, kind):
    """All waiting messages go to the connection, whose socket takes nothing."""
    served = serve(max_buffer=4 * MIB, **times(timeout=LONG, close_timeout=LONG))
    client = kind(served.port).open()
    session = served.listener.clients[client.session_id]
    client.vanish()
    wait_until(lambda: session_of(session).away)
    with traced() as taken:
        count = 0
        while session_of(session).buffered < 3 * MIB:
            session.send(f"{count} {'x' * 400}")
            count += 1
        again = kind(served.port, session.session_id)
        wait_until(
            lambda: (
                session_of(session).downlink is not None and session_of(session).downlink.writing
            )
        )
        gevent.idle()
        assert session_of(session).buffered > 2 * MIB
        assert taken() <= 1.02 * session_of(session).held
    again.vanish()


def test_a_stream_is_bounded_by_waiting_and_written_messages_together(serve):
    served = serve(max_buffer=MIB, **times(timeout=LONG))
    client = ServerEvents(served.port).open()
    session = served.wait("connection")[1]
    most = 0
    while session.connected:
        session.send("x" * 50_000)
        gevent.idle()
        if session.connected:
            most = max(most, session_of(session).buffered)
    assert MIB / 2 < most <= MIB + 50_000
    wait_exceeded(served, "max_buffer")
    client.vanish()


def fill(session: Any, size: int) -> None:
    """Let so many bytes wait for a session."""
    while session_of(session).buffered < size:
        session.send("x" * 10_000)


def test_above_max_memory_the_sessions_that_hold_most_end_first(serve):
    served = serve(max_memory=4 * MIB)
    clients = [Polling(served.port).open() for _ in range(8)]
    sessions = [served.listener.clients[client.session_id] for client in clients]
    small, large = sessions[:4], sessions[4:]
    for each in small:
        fill(each, 100_000)
    for each in large:
        fill(each, 900_000)
    gevent.idle()
    assert all(each.connected for each in sessions)
    # One more would be too much.
    fill(small[0], 350_000)
    wait_until(lambda: not all(each.connected for each in large))
    wait_until(lambda: not served.listener._sessions.closing_sessions)
    assert served.listener._sessions.memory.held <= 4 * MIB
    assert all(each.connected for each in small)
    assert sum(each.connected for each in large) == 3
    wait_exceeded(served, "max_memory")
    assert served.listener.stats()["closes"]["limit_exceeded"] == 1
    for client in clients[:4]:
        assert client.receive() == "x" * 10_000


def test_halves_of_messages_from_clients_count(serve):
    """Clients that each begin a message of a mebibyte, and do not end it."""
    served = serve(max_memory=8 * MIB, **times(timeout=LONG))
    reader = Polling(served.port).open()
    clients = [WebSocket(served.port).open() for _ in range(40)]
    frame = b"\x81\xff" + MIB.to_bytes(8, "big") + bytes(4) + b"x" * 500_000
    with traced() as taken:
        for client in clients:
            client.send_bytes(frame)
            wait_until(lambda: served.listener._sessions.memory.held < 10 * MIB)
        wait_until(lambda: served.listener.stats()["limits"]["max_memory"] >= 24)
        wait_until(lambda: served.listener._sessions.memory.held <= 8 * MIB)
        # When a read is joined to earlier bytes, both are in memory for a moment.
        assert taken() < 12 * MIB
    assert reader.session_id in served.listener.clients
    for client in clients:
        client.vanish()
    wait_until(
        lambda: len(served.listener.clients) == 1 and not served.listener._sessions.closing_sessions
    )
    assert served.listener._sessions.memory.held == 0


def half_a_post(port: int, session_id: str) -> Raw:
    """A POST of a mebibyte, of which half comes."""
    head = (
        f"POST /socket.io/xhr-polling/{session_id}/send HTTP/1.1\r\nHost: example.com\r\n"
        f"Content-Length: {MIB}\r\n\r\ndata="
    )
    return Raw(port, head.encode() + b"x" * (MIB // 2))


def test_halves_of_bodies_count_and_their_requests_end_with_the_session(serve):
    served = serve(max_memory=6 * MIB, body_timeout=LONG)
    clients = [Polling(served.port).open() for _ in range(4)]
    posts = []
    for client in clients:
        session = served.listener.clients[client.session_id]
        for number in range(4):
            posts.append(half_a_post(served.port, client.session_id))
            wait_until(
                lambda session=session, number=number: (
                    not session.connected
                    or session_of(session).incoming > number * MIB // 2 + MIB // 4
                )
            )
    wait_until(lambda: served.listener.stats()["limits"]["max_memory"] >= 1)
    wait_until(lambda: not served.listener._sessions.closing_sessions)
    wait_until(lambda: served.listener._sessions.memory.held <= 6 * MIB)
    ended = [client for client in clients if client.session_id not in served.listener.clients]
    assert ended
    assert posts[4 * clients.index(ended[0])].head()[0].startswith("HTTP/1.1 404 ")
    for post in posts:
        post.close()


def test_a_post_whose_session_ends_is_not_answered_ok(serve):
    served = serve(body_timeout=LONG)
    client = Polling(served.port).open()
    session = served.wait("connection")[1]
    post = half_a_post(served.port, client.session_id)
    wait_until(lambda: session_of(session).incoming > MIB // 4)
    session.disconnect()
    assert post.head()[0].startswith("HTTP/1.1 404 ")
    assert b"ended" in post.until(b"\n")
    assert served.happened("message") == []
    wait_until(lambda: session_of(session).incoming == 0)
    post.close()


@pytest.fixture
def behind(serve):
    """A session whose first message blocks its handler; post() sends more behind it."""
    served = serve()
    go_on = gevent.event.Event()
    served.listener.on("clientMessage", lambda message, client: go_on.wait())
    client = Polling(served.port).open()
    session = served.wait("connection")[1]
    post = post_to(served.port, client.session_id)
    assert post("first").status == 200
    served.wait("message")
    return served, session, post, go_on


def handled(served):
    served.wait("disconnect")
    return [event[1] for event in served.happened("message")]


def test_a_post_that_was_answered_is_handled_though_the_session_ends(behind):
    served, session, post, go_on = behind
    assert post("second").status == 200
    session.disconnect()
    go_on.set()
    assert handled(served) == ["first", "second"]


def test_a_post_that_waits_for_room_while_the_session_ends_is_not_said_to_be_ok(behind):
    served, session, post, go_on = behind
    late = gevent.spawn(post, "x" * (session.listener.options.max_message_size - 100))
    wait_until(lambda: session_of(session).handlers.full)
    session.disconnect()
    go_on.set()
    answer = late.get(timeout=60)
    assert answer.status == 404
    assert "before any of the messages was taken" in answer.text
    assert handled(served) == ["first"]


def post_to(port: int, session_id: str) -> Callable[[str], Any]:
    def post(text: str) -> Any:
        body = f"data={framing.encode(text)}"
        return HTTP(port).request("POST", f"/socket.io/xhr-polling/{session_id}/send", body)

    return post


def test_messages_after_one_whose_handler_disconnects_are_not_answered_ok(serve):
    served = serve()
    served.listener.on("clientMessage", lambda message, client: client.disconnect())
    client = Polling(served.port).open()
    assert client.send("the last").status == 200
    client = Polling(served.port).open()
    answer = client.send("the last", "one more")
    assert (answer.status, answer.text) == (
        404,
        "the session ended before all messages were taken\n",
    )


@pytest.mark.parametrize("kind", [WebSocket, *STREAMS], ids=lambda kind: kind.transport)
def test_a_session_counts_until_its_memory_is_free(serve, kind):
    """Clients that read nothing and are disconnected: their connections last for a while."""
    served = serve(max_sessions=3, max_buffer=4 * MIB, body_timeout=LONG, **times(timeout=LONG))
    clients = []
    for _ in range(3):
        client, session = open_session(served, kind)
        session.send("x" * 500_000)
        session.disconnect()
        clients.append(client)
    served.wait("disconnect", 3)
    assert not served.listener.clients
    assert served.listener._sessions.memory.held > MIB
    with pytest.raises((Ended, AssertionError)) as refused:
        Polling(served.port).open()
    assert refused.value.args[0] == 503
    for client in clients:
        client.vanish()
    wait_until(lambda: not served.listener._sessions.closing_sessions)
    assert served.listener._sessions.memory.held == 0
    Polling(served.port).open()


def test_many_sessions_one_after_another_hold_no_more_than_few(serve):
    served = serve(max_sessions=5, **times(timeout=LONG))
    opened = refused = 0
    left = []
    with traced() as taken:
        while opened < 5 or refused < 40:
            try:
                client = WebSocket(served.port).open()
            except Exception:
                refused += 1
                continue
            left.append(client)
            opened += 1
            session = served.listener.clients[client.session_id]
            stop_reading(session)
            fill(session, 900_000)
            session.disconnect()
        assert taken() < 5 * 1.5 * MIB
    for client in left:
        client.vanish()


def test_an_ended_session_that_holds_much_is_cut(serve):
    """Its last messages are being written to a client that does not read."""
    served = serve(max_memory=4_000_000, body_timeout=LONG, **times(timeout=LONG))
    stopped, session = open_session(served, ServerEvents)
    session.disconnect()
    served.wait("disconnect")
    held = served.listener._sessions.memory.held
    assert held > 2_000_000
    client = Polling(served.port).open()
    other = served.listener.clients[client.session_id]
    fill(other, 4_000_000 - held + 10_000)
    wait_until(lambda: not served.listener._sessions.closing_sessions)
    assert other.connected
    assert served.listener._sessions.memory.held == session_of(other).held
    stopped.vanish()


def test_pongs_that_nobody_reads_count(serve):
    served = serve(max_buffer=4 * MIB, **times(timeout=LONG))
    client, session = open_session(served, WebSocket)
    before = session_of(session).held
    # As much as one read takes, and no more than the reader can hold beside it.
    client.send_bytes((b"\x89\xfd" + bytes(4) + b"x" * 125) * 400)
    wait_until(lambda: session_of(session).downlink._websocket.choked)
    assert 10_000 < session_of(session).incoming <= 400 * 127
    assert session_of(session).held == before + session_of(session).incoming
    client.vanish()
    wait_until(
        lambda: not served.listener.clients and not served.listener._sessions.closing_sessions
    )
    assert served.listener._sessions.memory.held == 0


def test_sessions_that_hold_nothing_are_left_alone_while_others_take_long_to_end(serve):
    """Disconnect handlers that wait still count for the sessions that have ended."""
    served = serve(max_memory=4 * MIB)
    go_on = gevent.event.Event()
    served.listener.on("clientDisconnect", lambda client: go_on.wait())
    large = [served.listener.clients[Polling(served.port).open().session_id] for _ in range(5)]
    idle = [Polling(served.port).open() for _ in range(5)]
    for each in large:
        fill(each, 900_000)
    wait_until(lambda: served.listener.stats()["limits"]["max_memory"])
    # Memory that comes and goes meanwhile does not end more sessions.
    for client in idle:
        session = served.listener.clients[client.session_id]
        session.send("x" * 10_000)
        gevent.idle()
        assert client.receive() == "x" * 10_000
    assert sum(each.connected for each in large) == 4
    assert len(served.listener.clients) == 9
    go_on.set()


@pytest.mark.parametrize("kind", STREAMS, ids=lambda kind: kind.transport)
def test_a_stream_keeps_nothing_that_its_client_has_taken(serve, kind):
    served = serve(max_buffer=4 * MIB, **times(timeout=LONG))
    client = kind(served.port).open()
    session = served.wait("connection")[1]
    text = "<" * 500_000
    with traced() as taken:
        session.send(text)
        assert client.receive() == text
        wait_until(lambda: not session_of(session).downlink.writing)
        client._buffer = b""
        client.messages.clear()
        gevent.idle()
        assert taken() < 250_000
    client.vanish()


@pytest.mark.parametrize("kind", [ServerEvents, HTMLFile], ids=lambda kind: kind.transport)
def test_a_message_that_grows_when_it_is_written_counts_with_its_new_size(serve, kind):
    """A character that could be markup takes six bytes when it is escaped."""
    served = serve(max_buffer=4 * MIB, **times(timeout=LONG))
    client = kind(served.port).open()
    session = served.wait("connection")[1]
    with traced() as taken:
        session.send("<" * 500_000)
        wait_until(lambda: session_of(session).held > 9_000_000)
        gevent.idle()
        assert taken() <= 1.05 * session_of(session).held
        assert served.listener._sessions.memory.held > 9_000_000
    client.vanish()


def test_a_message_counts_while_it_waits_for_its_handler(serve):
    """As a str, each character takes four bytes if one of them is astral."""
    served = serve()
    go_on = gevent.event.Event()
    served.listener.on("clientMessage", lambda message, client: go_on.wait())
    client = Polling(served.port).open()
    session = served.wait("connection")[1]
    assert client.send("block").status == 200
    served.wait("message")
    assert client.send("😀" + "x" * 200_000).status == 200
    assert session_of(session).handlers.waiting > 800_000
    assert served.listener._sessions.memory.held > 800_000
    go_on.set()
    served.wait("message", 2)
    wait_until(lambda: served.listener._sessions.memory.held == 0)
