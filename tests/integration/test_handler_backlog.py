"""What waits for a handler that blocks is bounded, counted and given back."""

from __future__ import annotations

import socket as stdlib_socket
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

import gevent
import pytest
from gevent.event import Event
from gevent.lock import Semaphore
from support import framing
from support.blocked import (
    Blocked,
    blocking,
    each_handler,
    each_kind,
    each_posting,
    take_turns,
)
from support.clients import WebSocket
from support.http import HTTP, Ended
from support.ports import BUFFER
from support.times import bring_forward
from support.waiting import wait_until

from sockio_gevent.client import session_of
from sockio_gevent.server.stream.hang_up import has_bytes

KIB = 1024
BOUND = 64 * KIB  # bytes that may wait for handlers


@pytest.fixture
def blocked(serve: Any) -> Iterator[Callable[..., Blocked]]:
    """Connect a client whose handler blocks: blocked(kind, where, **options)."""
    with blocking(serve) as start:
        yield start


def run_out(session: Any) -> None:
    """Let the time of a session run out, and wait until it has noticed."""
    bring_forward(session, 0.0)
    wait_until(lambda: session_of(session)._deadline > monotonic() + 1)


# The bound.


class Flood:
    """A client that sends more than a server takes while a handler blocks.

    Attributes:
        sent: how many messages were given to the socket.
    """

    def __init__(self, client: WebSocket, size: int, many: int) -> None:
        client.socket.setsockopt(stdlib_socket.SOL_SOCKET, stdlib_socket.SO_SNDBUF, BUFFER)
        self.sent = 0
        self.texts = [f"{number} ".ljust(size, "x") for number in range(many)]
        self._client = client
        self.greenlet = gevent.spawn(self._send)

    def _send(self) -> None:
        for text in self.texts:
            self._client.send(text)
            self.sent += 1


@each_handler
def test_a_client_is_not_read_from_while_too_much_waits_and_then_all_arrives(
    blocked: Any, where: str
) -> None:
    it = blocked(WebSocket, where, max_message_size=BOUND)
    connection = session_of(it.session).downlink._connection
    connection._socket.setsockopt(stdlib_socket.SOL_SOCKET, stdlib_socket.SO_RCVBUF, BUFFER)
    flood = Flood(it.client, 16 * KIB, 400)
    # It is full, and there is more.
    wait_until(lambda: it.handlers.full and connection._paused)
    added = it.handlers.added
    take_turns()
    assert it.handlers.added == added
    assert not flood.greenlet.ready()
    assert flood.sent < 200
    # Above the bound is no more than what was read at once.
    assert it.handlers.waiting < 2 * BOUND + 16 * KIB
    it.release()
    flood.greenlet.get()
    wait_until(lambda: len(it.handled) == len(flood.texts))
    assert it.handled == flood.texts
    wait_until(lambda: session_of(it.session).held == 0)
    wait_until(lambda: it.served.listener._sessions.memory.held == 0)
    it.client.close()
    it.served.wait("disconnect")


def test_a_client_that_is_not_read_from_is_not_taken_for_one_that_is_silent(blocked: Any) -> None:
    it = blocked(WebSocket, max_message_size=BOUND)
    for letter in "xy":
        it.client.send(letter * (BOUND // 2))
    wait_until(lambda: it.handlers.full)
    run_out(it.session)
    assert it.client.receive() == "~h~1"
    it.client.send("~h~1")
    for _ in range(10):
        run_out(it.session)
        assert it.session.connected
    assert session_of(it.session)._awaits_answer
    it.release()
    wait_until(lambda: not session_of(it.session)._awaits_answer)
    it.wait_handled("x" * (BOUND // 2), "y" * (BOUND // 2))


@each_handler
@each_posting
def test_posts_wait_while_too_much_waits(blocked: Any, kind: Any, where: str) -> None:
    it = blocked(kind, where, max_message_size=BOUND)
    texts = [letter * (BOUND * 2 // 3) for letter in "abc"]
    assert it.client.send(texts[0]).text == "ok"
    posts = []
    for text in texts[1:]:
        posts.append(HTTP(it.served.port))
        data = "data=" + framing.encode(text)
        added = it.handlers.added
        posts[-1].begin("POST", it.client.path("send"), data)
        wait_until(lambda added=added: it.handlers.added > added)  # type: ignore[misc]
    take_turns()
    assert it.handlers.full
    assert not any(has_bytes(post.socket) for post in posts)
    it.release()
    for post in posts:
        answer = post.finish()
        assert (answer.status, answer.text) == (200, "ok")
    it.wait_handled(*texts)


@each_posting
def test_a_post_that_waits_is_told_when_its_message_is_dropped(blocked: Any, kind: Any) -> None:
    it = blocked(kind, max_message_size=BOUND)
    assert it.client.send("a" * (BOUND * 2 // 3)).text == "ok"
    it.client.begin_send("b" * (BOUND * 2 // 3))
    wait_until(lambda: it.handlers.full)
    it.release(then=it.session.disconnect)
    answer = it.client.post.finish()
    assert (answer.status, answer.text.split(";")[0].strip()) == (
        404,
        "the session ended before any of the messages was taken",
    )
    # The first was said to be taken.
    it.wait_handled("a" * (BOUND * 2 // 3), "disconnect")


# What is counted.


@each_handler
@each_kind
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "one by one"])
def test_what_waits_is_counted_and_given_back(
    blocked: Any, kind: Any, where: str, at_once: bool
) -> None:
    it = blocked(kind, where)
    memory = it.served.listener._sessions.memory
    texts = [str(number) * 10 * KIB for number in range(5)]
    for some in [texts] if at_once else [[text] for text in texts]:
        it.client.send(*some)
    wait_until(lambda: it.handlers.waiting > 50 * KIB)
    take_turns()
    assert session_of(it.session).held >= it.handlers.waiting
    assert memory.held == session_of(it.session).counted
    assert abs(memory.held - session_of(it.session).held) <= 2 * KIB
    it.release()
    it.wait_handled(*texts)
    wait_until(lambda: session_of(it.session).held == 0)
    wait_until(lambda: memory.held == 0)


@each_kind
def test_what_waits_behind_the_first_message_of_a_payload_is_counted(
    blocked: Any, kind: Any
) -> None:
    it = blocked(kind, where="")
    memory = it.served.listener._sessions.memory
    texts = [str(number) * 10 * KIB for number in range(5)]
    it.client.send("block", *texts)
    it.wait_blocked()
    take_turns()
    assert memory.held >= 50 * KIB
    it.release()
    it.wait_handled(*texts)
    wait_until(lambda: memory.held == 0)


def test_a_client_that_lets_too_much_wait_is_let_go(blocked: Any) -> None:
    it = blocked(WebSocket, max_memory=100 * KIB)
    for number in range(5):
        it.client.send(str(number) * 30 * KIB)
    with pytest.raises(Ended):
        it.client.receive()
    wait_until(lambda: not it.session.connected)
    assert it.session.disconnect_reason == "limit_exceeded"
    assert it.handlers.waiting == 0
    it.release()
    it.wait_handled("disconnect")
    wait_until(lambda: it.served.listener._sessions.memory.held == 0)


def test_no_heartbeat_is_missed_while_the_queue_empties_to_half(serve: Any) -> None:
    served = serve(max_message_size=64 * 1024)
    go_on = Semaphore(0)
    served.listener.on("clientMessage", lambda message, client: go_on.acquire())
    client = WebSocket(served.port).open()
    (_, session) = served.wait("connection")
    it = session_of(session)
    client.send("first")
    served.wait("message")
    for _ in range(3):
        client.send("x" * 30_000)
    wait_until(lambda: it.handlers.full)
    go_on.release()
    served.wait("message", 2)
    # There is room, but not half of it: still nothing is read.
    assert not it.handlers.full
    it._on_deadline()
    assert client.receive() == "~h~1"
    client.send("~h~1")
    for _ in range(10):
        it._on_deadline()
    assert session.connected
    for _ in range(10):
        go_on.release()
    wait_until(lambda: not it._awaits_answer)
    served.wait("message", 4)


def test_over_max_memory_sessions_that_have_ended_drop_waiting_messages(serve: Any) -> None:
    served = serve(max_memory=4 * 1024 * KIB, handler_timeout=None)
    go_on = Event()
    served.listener.on("clientMessage", lambda message, client: go_on.wait())
    for number in range(10):
        client = WebSocket(served.port).open()
        client.send("block")
        served.wait("message", number + 1)
        for _ in range(18):
            client.send("x" * 50_000)
        client.close()
        client.wait_closed()
    wait_until(lambda: served.listener._sessions.memory.held <= 4 * 1024 * KIB)
    waiting = served.listener._sessions.closing_sessions.sessions()
    assert sum(each.handlers.waiting for each in waiting) <= 4 * 1024 * KIB
    go_on.set()
    served.wait("disconnect", 10)
