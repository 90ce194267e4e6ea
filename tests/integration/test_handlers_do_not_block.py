"""While a handler blocks, the protocol goes on, and messages wait in order for the handler."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

import gevent
import pytest
from gevent.event import Event
from support import framing
from support.blocked import (
    KINDS,
    Blocked,
    blocking,
    each_handler,
    each_kind,
    each_posting,
    take_turns,
)
from support.clients import Polling, ServerEvents, WebSocket
from support.http import HTTP
from support.times import bring_forward
from support.waiting import wait_until
from websockets.frames import Opcode

from sockio_gevent.client import session_of

STREAMING = [WebSocket, ServerEvents]
KIB = 1024

each_streaming = pytest.mark.parametrize("kind", STREAMING, ids=lambda kind: kind.transport)


@pytest.fixture
def blocked(serve: Any) -> Iterator[Callable[..., Blocked]]:
    """Connect a client whose handler blocks: blocked(kind, where, **options)."""
    with blocking(serve) as start:
        yield start


THREE = ("a", "b", "c")


def send_three(it: Blocked) -> None:
    """Send three messages, two of them in one payload; all of them wait for the handler."""
    it.client.send("a")
    it.client.send("b", "c")


def handles_three(it: Blocked) -> None:
    """Let the handlers go on after the end of the session: they get the messages before it."""
    take_turns()
    it.release()
    it.wait_handled(*THREE, "disconnect")


# What belongs to the protocol.


@each_handler
def test_pings_are_answered(blocked: Any, where: str) -> None:
    it = blocked(WebSocket, where)
    for number in range(3):
        it.client.protocol.send_ping(str(number).encode())
        it.client._flush()
        frame = it.client.frame()
        assert (frame.opcode, frame.data) == (Opcode.PONG, str(number).encode())
    # And between messages.
    it.client.send("a")
    it.client.protocol.send_ping(b"again")
    it.client.send("b")
    assert it.client.frame().data == b"again"
    it.release()
    it.wait_handled("a", "b")


@each_handler
@each_streaming
def test_echoes_of_heartbeats_are_taken(blocked: Any, kind: Any, where: str) -> None:
    it = blocked(kind, where)
    for number in range(1, 5):
        bring_forward(it.session)
        # Another one comes only when the last was answered.
        assert it.client.receive() == f"~h~{number}"
        it.client.send(f"~h~{number}")
        wait_until(lambda: not session_of(it.session)._awaits_answer)
    it.release()
    assert it.session.connected


@each_streaming
def test_a_handler_may_take_longer_than_an_echo(blocked: Any, kind: Any) -> None:
    times = {"heartbeat_interval": 0.1, "timeout": 2.0}
    it = blocked(kind, "message", transport_options={kind.transport: times})
    end = monotonic() + 2 * times["timeout"]
    number = 0
    while monotonic() < end:
        number += 1
        assert it.client.receive() == f"~h~{number}"
        it.client.send(f"~h~{number}")
    assert it.session.connected
    it.client.send("a")
    it.release()
    wait_until(lambda: it.handled == ["a"])


@each_handler
@each_streaming
def test_a_heartbeat_that_is_not_answered_ends_the_session(
    blocked: Any, kind: Any, where: str
) -> None:
    it = blocked(kind, where)
    it.client.send("a")
    bring_forward(it.session)
    assert it.client.receive() == "~h~1"
    wait_until(lambda: session_of(it.session)._awaits_answer)
    bring_forward(it.session)
    wait_until(lambda: not it.session.connected)
    assert it.session.disconnect_reason == "heartbeat_lost"
    it.release()
    it.wait_handled("a", "disconnect")


@each_handler
def test_a_close_frame_is_answered_and_what_came_before_it_is_handled(
    blocked: Any, where: str
) -> None:
    it = blocked(WebSocket, where)
    send_three(it)
    it.client.close()
    assert it.client.close_code == 1000
    assert it.session.disconnect_reason == "client_closed"
    assert it.client.session_id not in it.served.listener.clients
    handles_three(it)


@each_handler
@each_kind
def test_a_client_that_hangs_up_is_noticed_and_what_came_before_is_handled(
    blocked: Any, kind: Any, where: str
) -> None:
    it = blocked(kind, where)
    send_three(it)
    # A socket that is reset may lose what the server has not read.
    wait_until(lambda: it.handlers.added >= (4 if where == "connection" else 5))
    it.client.vanish()
    if kind is Polling:
        bring_forward(it.session)
    wait_until(lambda: not it.session.connected)
    handles_three(it)


def test_a_frame_that_is_too_large_ends_the_session_and_what_came_before_is_handled(
    blocked: Any,
) -> None:
    it = blocked(WebSocket, max_message_size=KIB)
    it.client.send("a")
    it.client.send("x" * 2 * KIB)
    assert it.client.wait_closed() == 1009
    it.release()
    it.wait_handled("a", "disconnect")
    assert it.session.disconnect_reason == "limit_exceeded"


# POSTs.


@each_handler
@each_posting
def test_posts_are_answered_at_once(blocked: Any, kind: Any, where: str) -> None:
    it = blocked(kind, where)
    for text in ("a", "b"):
        answer = it.client.send(text)
        assert (answer.status, answer.text) == (200, "ok")
    assert it.session.connections == 1
    it.release()
    it.wait_handled("a", "b")


@each_posting
def test_a_post_whose_own_handler_blocks_is_answered_at_once(blocked: Any, kind: Any) -> None:
    it = blocked(kind, where="")
    answer = it.client.send("block")
    assert (answer.status, answer.text) == (200, "ok")
    it.wait_blocked()
    it.release()


@each_posting
def test_a_bad_post_is_told_so(blocked: Any, kind: Any) -> None:
    it = blocked(kind)
    answer = it.client.send_payload("~m~1~m~a~m~nothing")
    assert answer.status == 400
    assert it.client.send("b").status == 200
    it.release()
    it.wait_handled("a", "b")


# Order.


@each_handler
@each_kind
def test_messages_wait_and_are_handled_in_order_one_at_a_time(
    blocked: Any, kind: Any, where: str
) -> None:
    it = blocked(kind, where)
    texts = [str(number) for number in range(60)]
    for number in range(0, 60, 3):
        it.client.send(*texts[number : number + 3])
    take_turns()
    assert it.handled == []
    it.release()
    it.client.send("the last")
    it.wait_handled(*texts, "the last")


@each_handler
def test_messages_that_wait_are_dropped_if_the_application_ends_the_session(
    blocked: Any, where: str
) -> None:
    it = blocked(WebSocket, where)
    send_three(it)
    wait_until(lambda: it.handlers.waiting)
    it.release(then=it.session.disconnect)
    it.served.wait("disconnect")
    it.wait_handled("disconnect")
    assert it.handlers.waiting == 0
    assert it.session.disconnect_reason == "disconnected"


@each_handler
@each_posting
def test_messages_whose_post_was_answered_are_handled_though_the_application_ends_the_session(
    blocked: Any, kind: Any, where: str
) -> None:
    it = blocked(kind, where)
    for texts in (["a"], ["b", "c"]):
        assert it.client.send(*texts).text == "ok"
    it.release(then=it.session.disconnect)
    it.served.wait("disconnect")
    it.wait_handled("a", "b", "c", "disconnect")
    assert it.handlers.waiting == 0
    assert it.session.disconnect_reason == "disconnected"


@each_posting
def test_posts_that_come_at_the_same_time_are_all_kept(blocked: Any, kind: Any) -> None:
    it = blocked(kind, where="")
    posts = [HTTP(it.served.port) for _ in range(2)]
    for post in posts:  # so that both are read already
        assert post.request("POST", it.client.path("send"), "data=~m~4~m~~h~0").text == "ok"
    for post in posts:
        post.begin("POST", it.client.path("send"), "data=" + framing.encode("block"))
    assert [post.finish().text for post in posts] == ["ok", "ok"]
    it.wait_blocked()
    it.release(then=it.session.disconnect)
    it.served.wait("disconnect")
    assert [text for _, text, _ in it.served.happened("message")] == ["block", "block"]


def test_a_client_that_is_disconnected_before_its_first_handler_has_a_beginning_and_an_end(
    serve: Any,
) -> None:
    served = serve()

    def disconnect_all() -> None:
        while not served.listener.clients:
            gevent.sleep(0)
        # In the turn of the loop in which the session was opened, or the next.
        for session in served.listener.clients.values():
            session.disconnect()

    disconnects = gevent.spawn(disconnect_all)
    HTTP(served.port).request("GET", "/socket.io/xhr-polling//1")
    disconnects.get()
    served.wait("disconnect")
    assert [event[0] for event in served.events] == ["connection", "disconnect"]


# Others.


@each_handler
def test_other_clients_are_served_meanwhile(blocked: Any, where: str) -> None:
    it = blocked(WebSocket, where)
    it.served.listener.on("clientMessage", lambda text, client: client.send(f"echo {text}"))
    it.client.send("waits")
    for kind in KINDS:
        other = kind(it.served.port).open()
        for number in range(5):
            other.send(str(number))
            assert other.receive() == f"echo {number}"
        other.vanish()
    # The client itself is sent messages, too.
    it.served.listener.broadcast("to all")
    assert it.client.receive() == "to all"
    assert it.handled == []
    it.release()
    it.wait_handled("waits")


def test_many_clients_whose_handlers_block_keep_nobody_waiting(serve: Any) -> None:
    served = serve()
    gate = Event()

    @served.listener.on("clientMessage")
    def handle(text: str, client: Any) -> None:
        if text == "block":
            gate.wait()
        client.send(f"echo {text}")

    many = [kind(served.port).open() for kind in (WebSocket, Polling) for _ in range(30)]
    for client in many:
        client.send("block")
        client.send("next")
    other = WebSocket(served.port).open()
    for number in range(10):
        other.send(str(number))
        assert other.receive() == f"echo {number}"
    gate.set()
    for client in many:
        assert [client.receive(), client.receive()] == ["echo block", "echo next"]
