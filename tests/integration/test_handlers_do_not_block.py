"""While a handler blocks, the protocol goes on, and messages wait in order for the handler."""

from __future__ import annotations

import socket as stdlib_socket
from collections.abc import Callable
from time import monotonic
from typing import Any

import gevent
import pytest
from gevent.event import Event
from support import framing
from support.clients import Polling, ServerEvents, WebSocket, wait_for
from support.http import HTTP, Ended
from support.ports import BUFFER
from support.times import bring_forward
from websockets.frames import Opcode

from sockio_gevent.client import session_of
from sockio_gevent.server.stream.hang_up import has_bytes

KINDS = [WebSocket, ServerEvents, Polling]
POSTING = [ServerEvents, Polling]
STREAMING = [WebSocket, ServerEvents]
KIB = 1024
TURNS = 50  # of the loop, in which whatever can happen by itself happens

each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.transport)
each_posting = pytest.mark.parametrize("kind", POSTING, ids=lambda kind: kind.transport)
each_streaming = pytest.mark.parametrize("kind", STREAMING, ids=lambda kind: kind.transport)
each_handler = pytest.mark.parametrize("where", ["connection", "message"])


class Blocked:
    """A client whose handler blocks.

    Attributes:
        client: what the test is.
        session: what the application sees of it.
        handled: the messages whose handlers have begun, "disconnect" too.
    """

    def __init__(self, served: Any, kind: Any, where: str) -> None:
        self.served = served
        self.handled: list[str] = []
        self._gate = Event()
        self._blocks = Event()
        self._running = 0
        self._then: Callable[[], object] = lambda: None

        @served.listener.on("connection")
        def connected(session: Any) -> None:
            self.session = session
            session.on("message", self._on_message)
            session.on("disconnect", lambda: self._run("disconnect"))
            served.listener.remove_listener("connection", connected)
            if where == "connection":
                self._block()

        self.client = kind(served.port).open()
        served.wait("connection")
        if where == "message":
            self.client.send("block")
        if where:
            self._blocks.wait()

    def _on_message(self, text: str) -> None:
        if text == "block":
            self._block()
        else:
            self._run(text)

    def _run(self, text: str) -> None:
        assert not self._running, "two handlers at a time"
        self._running += 1
        self.handled.append(text)
        gevent.sleep(0)
        self._running -= 1

    def _block(self) -> None:
        self._running += 1
        self._blocks.set()
        self._gate.wait()
        self._then()
        self._running -= 1

    def wait_blocked(self) -> None:
        """Wait until its handler blocks, if it does not from the beginning."""
        self._blocks.wait()

    def release(self, then: Callable[[], object] = lambda: None) -> None:
        """Let the handler go on that blocks."""
        assert self.handled == [], "it has not blocked"
        self._then = then
        self._gate.set()

    def wait_handled(self, *texts: str) -> None:
        """Wait until these have been handled, and nothing else."""
        wait_for(lambda: len(self.handled) >= len(texts))
        assert self.handled == list(texts)

    @property
    def handlers(self) -> Any:
        """What waits for handlers."""
        return session_of(self.session).handlers


@pytest.fixture
def blocked(serve: Any) -> Callable[..., Blocked]:
    """Connect a client whose handler blocks: blocked(kind, where, **options)."""
    made: list[Blocked] = []

    def start(kind: Any, where: str = "message", **options: Any) -> Blocked:
        made.append(Blocked(serve(**options), kind, where))
        return made[-1]

    yield start
    for each in made:
        each._gate.set()


def run_out(session: Any) -> None:
    """Let the time of a session run out, and wait until it has noticed."""
    bring_forward(session, 0.0)
    wait_for(lambda: session_of(session)._deadline > monotonic() + 1)


def take_turns() -> None:
    for _ in range(TURNS):
        gevent.idle()
        gevent.sleep(0)


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
        wait_for(lambda: not session_of(it.session)._awaits_echo)
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
    wait_for(lambda: it.handled == ["a"])


@each_handler
@each_streaming
def test_a_heartbeat_that_is_not_answered_ends_the_session(
    blocked: Any, kind: Any, where: str
) -> None:
    it = blocked(kind, where)
    it.client.send("a")
    bring_forward(it.session)
    assert it.client.receive() == "~h~1"
    wait_for(lambda: session_of(it.session)._awaits_echo)
    bring_forward(it.session)
    wait_for(lambda: not it.session.connected)
    assert it.session.disconnect_reason == "heartbeat_lost"
    it.release()
    it.wait_handled("a", "disconnect")


@each_handler
def test_a_close_frame_is_answered_and_what_came_before_it_is_handled(
    blocked: Any, where: str
) -> None:
    it = blocked(WebSocket, where)
    it.client.send("a")
    it.client.send("b", "c")
    it.client.close()
    assert it.client.close_code == 1000
    assert it.session.disconnect_reason == "client_closed"
    assert it.client.session_id not in it.served.listener.clients
    take_turns()
    it.release()
    it.wait_handled("a", "b", "c", "disconnect")


@each_handler
@each_kind
def test_a_client_that_hangs_up_is_noticed_and_what_came_before_is_handled(
    blocked: Any, kind: Any, where: str
) -> None:
    it = blocked(kind, where)
    it.client.send("a")
    it.client.send("b", "c")
    # A socket that is reset may lose what the server has not read.
    wait_for(lambda: it.handlers.added >= (4 if where == "connection" else 5))
    it.client.vanish()
    if kind is Polling:
        bring_forward(it.session)
    wait_for(lambda: not it.session.connected)
    take_turns()
    it.release()
    it.wait_handled("a", "b", "c", "disconnect")


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
@each_kind
def test_messages_that_wait_are_dropped_if_the_application_ends_the_session(
    blocked: Any, kind: Any, where: str
) -> None:
    it = blocked(kind, where)
    it.client.send("a")
    it.client.send("b", "c")
    wait_for(lambda: it.handlers.waiting)
    it.release(then=it.session.disconnect)
    it.served.wait("disconnect")
    it.wait_handled("disconnect")
    assert it.handlers.waiting == 0
    assert it.session.disconnect_reason == "disconnected"


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
    it = blocked(WebSocket, where, max_message_size=64 * KIB)
    connection = session_of(it.session).downlink._connection
    connection._socket.setsockopt(stdlib_socket.SOL_SOCKET, stdlib_socket.SO_RCVBUF, BUFFER)
    flood = Flood(it.client, 16 * KIB, 400)
    # It is full, and there is more.
    wait_for(lambda: it.handlers.full and connection._paused)
    added = it.handlers.added
    take_turns()
    assert it.handlers.added == added
    assert not flood.greenlet.ready()
    assert flood.sent < 200
    # Above the bound is no more than what was read at once.
    assert it.handlers.waiting < 2 * 64 * KIB + 16 * KIB
    it.release()
    flood.greenlet.get()
    wait_for(lambda: len(it.handled) == len(flood.texts))
    assert it.handled == flood.texts
    wait_for(lambda: session_of(it.session).held == 0)
    wait_for(lambda: it.served.listener._sessions.memory.held == 0)
    it.client.close()
    it.served.wait("disconnect")


def test_a_client_that_is_not_read_from_is_not_taken_for_one_that_is_silent(blocked: Any) -> None:
    it = blocked(WebSocket, max_message_size=KIB)
    it.client.send("x" * 900)
    it.client.send("y" * 900)
    wait_for(lambda: it.handlers.full)
    run_out(it.session)
    assert it.client.receive() == "~h~1"
    it.client.send("~h~1")
    for _ in range(10):
        run_out(it.session)
        assert it.session.connected
    assert session_of(it.session)._awaits_echo
    it.release()
    wait_for(lambda: not session_of(it.session)._awaits_echo)
    it.wait_handled("x" * 900, "y" * 900)


@each_handler
@each_posting
def test_posts_wait_while_too_much_waits(blocked: Any, kind: Any, where: str) -> None:
    it = blocked(kind, where, max_message_size=KIB)
    texts = [letter * 700 for letter in "abc"]
    assert it.client.send(texts[0]).text == "ok"
    posts = []
    for text in texts[1:]:
        posts.append(HTTP(it.served.port))
        data = "data=" + framing.encode(text)
        added = it.handlers.added
        posts[-1].begin("POST", it.client.path("send"), data)
        wait_for(lambda added=added: it.handlers.added > added)  # type: ignore[misc]
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
    it = blocked(kind, max_message_size=KIB)
    assert it.client.send("a" * 700).text == "ok"
    it.client.begin_send("b" * 700)
    wait_for(lambda: it.handlers.full)
    it.release(then=it.session.disconnect)
    answer = it.client.post.finish()
    assert (answer.status, answer.text.split(";")[0].strip()) == (
        404,
        "the session ended before any of the messages was taken",
    )
    it.wait_handled("disconnect")


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
    wait_for(lambda: it.handlers.waiting > 50 * KIB)
    take_turns()
    assert session_of(it.session).held >= it.handlers.waiting
    assert memory.held == session_of(it.session).counted
    assert abs(memory.held - session_of(it.session).held) <= 2 * KIB
    it.release()
    it.wait_handled(*texts)
    wait_for(lambda: session_of(it.session).held == 0)
    wait_for(lambda: memory.held == 0)


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
    wait_for(lambda: memory.held == 0)


def test_a_client_that_lets_too_much_wait_is_let_go(blocked: Any) -> None:
    it = blocked(WebSocket, max_memory=100 * KIB)
    for number in range(5):
        it.client.send(str(number) * 30 * KIB)
    with pytest.raises(Ended):
        it.client.receive()
    wait_for(lambda: not it.session.connected)
    assert it.session.disconnect_reason == "limit_exceeded"
    assert it.handlers.waiting == 0
    it.release()
    it.wait_handled("disconnect")
    wait_for(lambda: it.served.listener._sessions.memory.held == 0)
