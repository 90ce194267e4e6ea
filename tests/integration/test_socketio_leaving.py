"""A client that leaves a namespace has left at once, whatever its handlers do."""

from __future__ import annotations

from typing import Any

import pytest
from gevent.event import Event
from support.http import DEADLINE
from support.socketio import SocketIO
from support.waiting import wait_until

import sockio_gevent as io

namespaces = pytest.mark.parametrize(("version", "name"), [(4, "/"), (4, "/room"), (3, "/room")])


class Room:
    """A namespace whose handlers note what happens, and a client in it.

    Attributes:
        happened: what handlers have noted.
        gate: the event ``block`` waits for this.
        blocked: set when it waits.
        prefix: what stands before the JSON of the client's packets.
    """

    def __init__(self, served: Any, version: int, name: str) -> None:
        self.happened: list[Any] = []
        self.blocked, self.gate = Event(), Event()
        self.name = name
        self.prefix = "" if name == "/" else f"{name},"
        self.namespace: io.Namespace = served.listener.of(name)
        self.namespace.on("block", self._block)
        self.namespace.on("ask", self._ask)
        self.namespace.on("note", self._note)
        self.namespace.on("clientDisconnect", lambda client: self._note(client, "disconnect"))
        self.client = SocketIO(served.port, version)
        if version == 4:
            self.client.connect(name)
        else:
            self.client.tell(self.packet("0"))
            self.client.expect("0", self.packet("0"))
        self.first: io.Client = next(iter(self.namespace.clients.values()))

    def _note(self, client: io.Client, what: str) -> str:
        self.happened.append(("first" if client is self.first else "second", what))
        return "noted"

    def _block(self, client: io.Client) -> None:
        self.blocked.set()
        self.gate.wait(DEADLINE)

    def _ask(self, client: io.Client) -> None:
        try:
            client.call("question", timeout=DEADLINE)
        except io.Disconnected:
            self._note(client, "Disconnected")

    def packet(self, kind: str, json: str = "") -> str:
        return f"{kind[0]}{self.prefix}{kind[1:]}{json}"


@namespaces
def test_a_client_has_left_while_a_handler_runs(serve: Any, version: int, name: str) -> None:
    room = Room(serve(), version, name)
    told = [room.packet("2", '["block"]'), room.packet("27", '["note","before"]')]
    room.client.tell(*told, room.packet("1"))
    assert room.blocked.wait(DEADLINE)
    wait_until(lambda: not room.namespace.clients)
    assert not room.first.connected
    assert room.first.disconnect_reason == "client_closed"
    room.namespace.emit("news")
    room.first.emit("news")
    assert room.happened == []
    room.gate.set()
    wait_until(lambda: len(room.happened) == 2)
    # What it has sent before is handled in order, and nobody takes an answer.
    assert room.happened == [("first", "before"), ("first", "disconnect")]
    room.client.tell(room.packet("0"))
    assert str(room.client.packet()).startswith(room.packet("0"))


@namespaces
def test_a_call_ends_when_the_client_leaves(serve: Any, version: int, name: str) -> None:
    room = Room(serve(), version, name)
    room.client.tell(room.packet("2", '["ask"]'))
    assert str(room.client.packet()).endswith('["question"]')
    room.client.tell(room.packet("1"))
    wait_until(lambda: len(room.happened) == 2)
    assert room.happened == [("first", "Disconnected"), ("first", "disconnect")]


@namespaces
def test_a_client_comes_again_before_the_handlers_of_its_end(
    serve: Any, version: int, name: str
) -> None:
    room = Room(serve(), version, name)
    told = [room.packet("2", '["block"]'), room.packet("1"), room.packet("0")]
    room.client.tell(*told, room.packet("2", '["note","hello"]'), room.packet("1"))
    assert room.blocked.wait(DEADLINE)
    wait_until(lambda: not room.namespace.clients)
    room.gate.set()
    wait_until(lambda: len(room.happened) == 3)
    assert room.happened == [
        ("first", "disconnect"),
        ("second", "hello"),
        ("second", "disconnect"),
    ]


@namespaces
def test_a_client_leaves_before_it_is_let_in(serve: Any, version: int, name: str) -> None:
    served = serve()
    room = Room(served, version, name)
    other = served.listener.of("/other")
    ends: list[Any] = []

    @other.on("connection")
    def connected(client: io.Client) -> None:
        # No answer can come any more.
        with pytest.raises(io.Disconnected):
            client.call("question", timeout=DEADLINE)
        ends.append(client.connected)

    other.on("clientDisconnect", lambda client: ends.append(client.disconnect_reason))
    room.client.tell(room.packet("2", '["block"]'), "0/other,", "1/other,")
    assert room.blocked.wait(DEADLINE)
    room.gate.set()
    wait_until(lambda: len(ends) == 2)
    assert ends == [False, "client_closed"]
    assert not other.clients
    assert room.first.connected


@namespaces
def test_a_client_that_has_left_does_not_escape_the_end_of_its_session(
    serve: Any, version: int, name: str
) -> None:
    room = Room(serve(), version, name)
    room.namespace.on("ban", lambda client: client.disconnect(close=True))
    told = [room.packet("2", '["block"]'), room.packet("2", '["ban"]'), room.packet("1")]
    room.client.tell(*told)
    assert room.blocked.wait(DEADLINE)
    wait_until(lambda: not room.namespace.clients)
    room.gate.set()
    room.client.wait_closed()
    wait_until(lambda: room.happened == [("first", "disconnect")])
