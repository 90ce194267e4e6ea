"""Events of the application's own, and handlers of all events."""

from __future__ import annotations

from typing import Any

import pytest
from support.in_process import fail
from support.modern import Peer, listen_to_all

import sockio_gevent as io
from sockio_gevent.testing import Client


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def listener(lines: list[str]) -> io.Listener:
    return listen_to_all(log=lines.append)


@pytest.fixture
def peer(listener: io.Listener) -> Peer:
    return Peer(listener, "/")


def test_handlers_of_a_client_get_the_arguments_and_those_of_the_namespace_the_client_too(
    listener: io.Listener, peer: Peer
) -> None:
    heard: list[Any] = []
    client = peer.client()
    client.on("chat", lambda *arguments: heard.append(arguments))
    listener.on("chat", lambda *arguments: heard.append(arguments))
    peer.send("chat", "hello", b"\x01", None)
    peer.send("other", 1)
    assert heard == [("hello", b"\x01", None), (client, "hello", b"\x01", None)]


def test_an_event_may_have_a_number_for_its_name(peer: Peer) -> None:
    heard: list[Any] = []
    peer.client().on(7, heard.append)
    peer.client().on_any(lambda event, *arguments: heard.append(event))
    peer.send(7, "x")
    peer.send("7", "y")
    assert heard == [7, "x", "7"]
    peer.packets.clear()
    peer.client().emit(8)
    assert peer.packets == [["event", "/", 8, [], None]]


def test_handlers_of_all_events_come_first_and_get_the_name(
    listener: io.Listener, peer: Peer
) -> None:
    heard: list[Any] = []
    client = peer.client()
    client.on("chat", lambda text: heard.append("its own"))

    @client.on_any
    def of_the_client(event: str, *arguments: Any) -> None:
        heard.append((event, *arguments))

    @listener.on_any
    def of_all(client: io.Client, event: str, *arguments: Any) -> None:
        heard.append((client, event, *arguments))

    peer.send("chat", "hello")
    assert heard == [("chat", "hello"), (client, "chat", "hello"), "its own"]
    heard.clear()
    client.off_any(of_the_client)
    listener.off_any(of_all)
    client.off_any(of_the_client)
    peer.send("chat", "hello")
    assert heard == ["its own"]


@pytest.mark.parametrize("context", [None, pytest.MonkeyPatch.context], ids=["none", "one"])
def test_handlers_of_all_events_see_the_messages_of_classic_clients(context: Any) -> None:
    heard: list[Any] = []
    listener = listen_to_all(log=False, context=context)
    with Client(listener) as ann:
        ann.session.on("message", lambda message: heard.append(("message", message)))
        listener.on("clientMessage", lambda message, client: heard.append(message))
        ann.send("one")
        ann.session.on_any(lambda *arguments: heard.append(arguments))
        listener.on_any(lambda client, *arguments: heard.append(("all", *arguments)))
        listener.on("message", lambda client, message: heard.append(("namespace", message)))
        ann.send("two")
    assert heard == [
        ("message", "one"),
        "one",
        ("message", "two"),
        ("all", "message", "two"),
        ("message", "two"),
        ("namespace", "two"),
        "two",
    ]


@pytest.mark.parametrize(
    "event", ["connection", "clientConnect", "clientMessage", "clientDisconnect"]
)
def test_a_client_cannot_cause_the_events_of_the_library(
    listener: io.Listener, peer: Peer, lines: list[str], event: str
) -> None:
    heard: list[Any] = []
    listener.on(event, fail)
    peer.client().on_any(lambda *arguments: heard.append(arguments))
    peer.client().on("disconnect", fail)
    peer.send(event, 1, 2)
    peer.send("disconnect")
    assert heard == [(event, 1, 2), ("disconnect",)]
    assert not any("a mistake" in line for line in lines)


MISFITS: dict[str, Any] = {
    "too few": lambda: None,
    "too many": lambda one, two, three: None,
    "a name is missing": lambda one, two, *, three: None,
    "a builtin": [].append,
}


@pytest.mark.parametrize("handler", MISFITS.values(), ids=MISFITS)
def test_a_handler_that_does_not_take_what_a_client_sends_is_not_called_and_the_log_says_so(
    peer: Peer, lines: list[str], handler: Any
) -> None:
    heard: list[Any] = []
    peer.client().on("chat", handler)
    peer.client().on("chat", lambda *arguments: heard.append(arguments))
    for _ in range(30):
        peer.send("chat", "one", "two")
    assert len(heard) == 30
    warnings = [line for line in lines if "cannot take the arguments of a client's event" in line]
    assert 1 <= len(warnings) <= 11  # a client cannot fill the log
    assert "event 'chat', so it is not called" in warnings[0]
    assert not any("Traceback" in line for line in lines)


def test_a_type_error_inside_a_handler_is_a_failure(peer: Peer, lines: list[str]) -> None:
    def handler(text: str) -> None:
        len(7)  # type: ignore[arg-type]

    def calls_another() -> None:
        handler()  # type: ignore[call-arg]

    peer.client().on("one", handler)
    peer.client().on("two", calls_another)
    peer.client().on("three", int)
    peer.send("one", "x")
    peer.send("two")
    peer.send("three", [])
    failures = [line for line in lines if "Traceback" in line]
    assert [
        f"a handler of {name!r} failed" in line
        for name, line in zip(("one", "two", "three"), failures, strict=True)
    ] == [True, True, True]


def test_what_clients_send_and_get_is_counted(listener: io.Listener, peer: Peer) -> None:
    listener.of("/admin")
    peer.connect("/admin")
    before = listener.stats()["messages"]
    peer.send("chat")
    peer.send("chat", namespace="/admin")
    peer.client().emit("chat")
    listener.emit("chat")
    after = listener.stats()["messages"]
    assert (after["in"] - before["in"], after["out"] - before["out"]) == (2, 2)


def test_a_near_miss_of_an_event_of_the_listener_warns(listener: io.Listener) -> None:
    with pytest.warns(RuntimeWarning, match="did you mean 'connection'"):
        listener.on("conection", print)
    with pytest.warns(RuntimeWarning, match="did you mean 'clientDisconnect'"):
        listener.on("clientdisconnect", print)
    for event in ("connect", "disconnect"):
        with pytest.raises(ValueError, match="did you mean '"):
            listener.on(event, print)


def test_what_a_client_is(listener: io.Listener, peer: Peer) -> None:
    client = peer.client()
    assert (client.dialect, client.recovered, client.namespace) == ("spelled", False, listener)
    assert client.data is client.data
    client.data["name"] = "ann"
    assert client.data == {"name": "ann"}
    client.data = None
    assert client.data == {}
    assert repr(client) == f"<Client {client.session_id[:8]} websocket open>"
    listener.of("admin")
    peer.connect("/admin")
    assert repr(peer.client("/admin")).endswith(" websocket open /admin>")
    with Client(listener) as ann:
        assert (ann.session.dialect, ann.session.auth) == ("classic", {})
