"""The client of python-socketio, with each transport."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import socketio
from python_clients import BYTES, MODES, NUMBERS, Told, options, run_in_order
from socketio.exceptions import ConnectionError as Refused
from support.framing import TRICKY
from support.http import DEADLINE

VALUES = [None, True, 0, -1.5, "é😀", [], {}, {"a": [1, {"b": "c"}]}]
BINARY = [BYTES, b"", {"deep": [BYTES, {"er": b"\0"}]}, ["text", b"x"], BYTES * 400]

Reason = socketio.Client.reason


class Connected:
    """A client, and what it was told.

    Attributes:
        client: python-socketio's.
        told: for each event, its arguments; reconnections and ends too.
    """

    def __init__(self, url: str, mode: str, *namespaces: str, auth: Any = None) -> None:
        self.client = socketio.Client(
            reconnection_delay=0.02, reconnection_delay_max=0.1, **options()
        )
        run_in_order(self.client.eio)
        self.told = Told()
        for namespace in namespaces or ("/",):
            self._listen(namespace)
        self.client.connect(url, auth=auth, transports=MODES[mode], wait_timeout=DEADLINE)

    def _listen(self, namespace: str) -> None:
        def tell(event: str, *values: Any) -> None:
            self.told[namespace, event].put(values)

        def end(reason: str) -> None:
            tell("disconnect", reason)

        self.client.on("*", tell, namespace=namespace)
        self.client.on("connect", lambda: tell("connect"), namespace=namespace)
        self.client.on("connect_error", lambda *v: tell("connect_error", *v), namespace=namespace)
        self.client.on("disconnect", end, namespace=namespace)
        # Reversed, so that an echo of the server's is no answer.
        self.client.on("question", lambda *values: values[::-1], namespace=namespace)

    def next(self, event: str, namespace: str = "/") -> Any:
        """Wait for an event; return its arguments."""
        return self.told[namespace, event].get(timeout=DEADLINE)

    def emit(self, event: str, *values: Any, namespace: str = "/") -> None:
        self.client.emit(event, values, namespace=namespace)

    def call(self, event: str, *values: Any, namespace: str = "/") -> Any:
        return self.client.call(event, values, namespace=namespace, timeout=DEADLINE)


@pytest.fixture(params=MODES)
def connect(request, story_process, large_polls) -> Iterator[Callable[..., Connected]]:
    """Connect a client with a transport."""
    clients = []

    def start(*namespaces: str, **more: Any) -> Connected:
        connected = Connected(story_process.url, request.param, *namespaces, **more)
        clients.append(connected.client)
        assert connected.client.transport() == MODES[request.param][-1]
        return connected

    yield start
    for client in clients:
        client.shutdown()


def test_it_connects_and_knows_its_id(connect):
    connected = connect(auth={"token": "é"})
    assert connected.next("welcome") == ("main",)
    who = connected.call("who")
    assert (who["id"], who["auth"]) == (connected.client.get_sid(), {"token": "é"})


def test_texts_and_values_arrive(connect):
    connected = connect()
    for place, text in enumerate(TRICKY):
        assert connected.call("place of", text) == place
        assert connected.call("text at", place) == text
    for value in [*TRICKY, *VALUES]:
        connected.emit("echo", value)
        assert connected.next("echo") == (value,)
        connected.client.send((value,))
        assert connected.next("message") == (value,)
    connected.emit("echo", *VALUES)
    assert connected.next("echo") == tuple(VALUES)


def test_bytes_arrive(connect):
    connected = connect()
    for value in BINARY:
        connected.emit("echo", value)
        assert connected.next("echo") == (value,)
    connected.emit("echo", *BINARY)
    assert connected.next("echo") == tuple(BINARY)


def test_both_sides_answer(connect):
    connected = connect()
    assert connected.call("answer") is None
    assert connected.call("answer", "é") == "é"
    assert connected.call("answer", [1]) == [1]
    assert connected.call("answer", 1, "two", *BINARY) == (1, "two", *BINARY)
    assert connected.call("call me", "é") == "é"
    assert connected.call("call me", BYTES) == BYTES
    for values in [(), (1,), (1, "two", [3]), tuple(BINARY)]:
        connected.emit("call me back", *values)
        assert connected.next("answers") == values[::-1]


def test_a_namespace_lets_in_who_knows_the_word(connect):
    connected = connect("/", "/admin", auth={"token": "secret"})
    assert connected.next("welcome", "/admin") == ("admin",)
    for namespace in "/", "/admin":
        connected.emit("echo", namespace, BYTES, namespace=namespace)
        who = connected.call("who", namespace=namespace)
        assert who["id"] == connected.client.get_sid(namespace)
    for namespace in "/", "/admin":
        assert connected.next("echo", namespace) == (namespace, BYTES)
    connected.emit("leave", namespace="/admin")
    assert connected.next("disconnect", "/admin") == (Reason.SERVER_DISCONNECT,)
    assert connected.call("answer", "still here") == "still here"


def test_a_namespace_refuses_others_and_says_why(connect):
    connected = None
    with pytest.raises(Refused, match="admin"):
        connected = connect("/", "/admin", auth={"token": "wrong"})
    assert connected is None


def test_a_thousand_events_arrive_in_order_each_way(connect):
    connected = connect()
    connected.emit("count", len(NUMBERS))
    for number in NUMBERS:
        connected.emit("number", number)
    assert [connected.next("number")[0] for _ in NUMBERS] == NUMBERS
    assert connected.call("numbers") == NUMBERS


def test_each_side_ends_the_session(connect):
    connected = connect()
    connected.emit("last words", False)
    assert connected.next("last") == ("goodbye",)
    assert connected.next("disconnect") == (Reason.SERVER_DISCONNECT,)
    connected, other = connect(), connect()
    connected.call("remember", name := connected.client.get_sid())
    connected.client.disconnect()
    assert connected.next("disconnect") == (Reason.CLIENT_DISCONNECT,)
    assert other.call("is gone", name) is True


def test_it_comes_back_when_the_server_has_restarted(connect, story_process):
    connected = connect()
    connected.next("connect")
    before = connected.client.get_sid()
    story_process.stop()
    assert connected.next("disconnect") == (Reason.TRANSPORT_ERROR,)
    story_process.start()
    connected.next("connect")
    assert connected.call("who")["id"] == connected.client.get_sid() != before
