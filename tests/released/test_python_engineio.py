"""The client of python-engineio on bare Engine.IO, with each transport."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from queue import Queue
from typing import Any

import engineio
import pytest
from python_clients import BYTES, MODES, NUMBERS, options, run_in_order
from support.framing import TRICKY
from support.http import DEADLINE


class Connected:
    """A client, and what it was told.

    Attributes:
        client: python-engineio's.
        messages: the messages that it got.
        ends: the reasons of its end.
    """

    def __init__(self, url: str, mode: str) -> None:
        self.client = engineio.Client(**options())
        self.messages: Queue[str | bytes] = Queue()
        self.ends: Queue[str] = Queue()
        self.client.on("message", self.messages.put)
        self.client.on("disconnect", self.ends.put)
        run_in_order(self.client)
        self.client.connect(url, transports=MODES[mode], engineio_path="engine.io")

    def answer(self, message: str | bytes) -> Any:
        """Send a message; return what comes back."""
        self.client.send(message)
        return self.messages.get(timeout=DEADLINE)


@pytest.fixture(params=MODES)
def connect(request, story_process, large_polls) -> Iterator[Callable[[], Connected]]:
    """Connect a client with a transport."""
    clients = []

    def start() -> Connected:
        connected = Connected(story_process.url, request.param)
        clients.append(connected.client)
        assert connected.client.transport() == MODES[request.param][-1]
        return connected

    yield start
    for client in clients:
        client.disconnect(abort=True)


def test_texts_arrive(connect):
    connected = connect()
    for place, text in enumerate(TRICKY):
        assert connected.answer(text) == text
        assert connected.answer(f"place of {text}") == str(place)
        assert connected.answer(f"text at {place}") == text


def test_bytes_arrive(connect):
    connected = connect()
    for value in (BYTES, b"", b"\0", 400 * BYTES):
        assert connected.answer(value) == value


def test_a_thousand_messages_arrive_in_order_each_way(connect):
    connected = connect()
    connected.client.send(f"count {len(NUMBERS)}")
    for number in NUMBERS:
        connected.client.send(f"echo {number}")
    messages = [connected.messages.get(timeout=DEADLINE) for _ in [*NUMBERS, *NUMBERS]]
    for kind in "number", "echo":
        of_this = [message for message in messages if message.startswith(kind)]
        assert of_this == [f"{kind} {number}" for number in NUMBERS]


def test_each_side_ends_the_session(connect):
    connected = connect()
    over_websocket = connected.client.transport() == "websocket"
    assert connected.answer("last words") == "goodbye"
    # It has its own name for the end of a WebSocket without a close packet.
    reasons = {engineio.Client.reason.SERVER_DISCONNECT}
    if over_websocket:
        reasons.add(engineio.Client.reason.TRANSPORT_ERROR)
    assert connected.ends.get(timeout=DEADLINE) in reasons
    connected, other = connect(), connect()
    assert connected.answer(f"remember {connected.client.sid}") == "remembered"
    sid = connected.client.sid
    connected.client.disconnect()
    assert connected.ends.get(timeout=DEADLINE) == engineio.Client.reason.CLIENT_DISCONNECT
    assert other.answer(f"is gone {sid}") == "yes"
