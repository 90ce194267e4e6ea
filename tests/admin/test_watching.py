"""What the page is told of clients, their rooms and their events, in development mode."""

from __future__ import annotations

import re
import threading
from datetime import datetime, timezone
from typing import Any
from unittest.mock import patch

import pytest
from support.admin_page import ADMIN, Page, modern
from support.in_process import listen
from support.waiting import wait_until

import sockio_gevent as io
from sockio_gevent.admin import watching
from sockio_gevent.client import session_of
from sockio_gevent.testing import Client

OF_EVENTS = ("event_sent", "event_received")


@pytest.fixture
def listener() -> io.Listener:
    listener = listen()
    listener.instrument(**ADMIN)
    return listener


def recent(text: str) -> bool:
    """Whether this is a time of a moment ago, as JavaScript writes it."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
    age = datetime.now(timezone.utc) - datetime.fromisoformat(text.replace("Z", "+00:00"))
    return -1 < age.total_seconds() < 600


# --- clients ---


def test_a_page_is_told_the_features_and_then_all_clients(listener: io.Listener) -> None:
    classic, today = Client(listener), modern(listener)
    listener.of("/chat")
    chat = today.connect("/chat")
    page = Page(listener)
    (config,) = page.wait("config")
    assert config == {
        "supportedFeatures": [
            *("EMIT", "JOIN", "LEAVE", "DISCONNECT", "MJOIN", "MLEAVE", "MDISCONNECT"),
            *("AGGREGATED_EVENTS", "ALL_EVENTS"),
        ]
    }
    (sockets,) = page.wait("all_sockets")
    clients = [classic.session, today.session, chat.session, page.client.session]
    assert {each["id"]: each["nsp"] for each in sockets} == {
        each.id: each.namespace.name for each in clients
    }
    peers = {each["id"]: each["clientId"] for each in sockets}
    assert peers[today.session.id] == peers[chat.session.id] != peers[classic.session.id]


@pytest.mark.parametrize("dialect", ["classic", "socket.io"])
def test_a_client_is_told_when_it_comes_and_goes(listener: io.Listener, dialect: str) -> None:
    page = Page(listener)
    page.wait("all_sockets")
    with Client(listener, dialect=dialect, transport="xhr-polling") as client:
        client_id = client.session.id
        socket = page.wait_socket(client_id)
    issued = socket["handshake"].pop("issued")
    assert recent(socket["handshake"].pop("time"))
    assert recent(datetime.fromtimestamp(issued / 1000, timezone.utc).strftime("%FT%T.000Z"))
    assert re.fullmatch("[0-9a-f]{12}", socket.pop("clientId"))
    assert socket == {
        "id": client_id,
        "transport": "polling",
        "nsp": "/",
        "data": {},
        "handshake": {
            "address": "127.0.0.1",
            "headers": {"host": "localhost"},
            "query": {},
            "secure": False,
            "url": "/socket.io/xhr-polling",
            "xdomain": False,
        },
        "rooms": [client_id],
    }
    namespace, _, reason, when = page.wait("socket_disconnected", "/", client_id)
    assert (namespace, reason) == ("/", "client_closed")
    assert recent(when)
    assert page.wait("room_left", "/", client_id, client_id)


def test_the_connection_is_told_before_all_that_its_handlers_do(listener: io.Listener) -> None:
    @listener.on("connection")
    def connected(client: io.Client) -> None:
        client.join("lobby")
        client.send("welcome")

    page = Page(listener)
    client = modern(listener)
    page.wait("event_sent", "/", client.session.id)
    mine = [each for each in page.told if client.session.id in str(each)]
    assert [each[0] for each in mine[-3:]] == ["socket_connected", "room_joined", "event_sent"]


def test_a_client_that_middleware_refuses_is_not_told(listener: io.Listener) -> None:
    @listener.of("/closed").use
    def refuse(client: io.Client) -> None:
        client.join("room")
        raise io.Refused("no")

    page = Page(listener)
    with pytest.raises(Exception, match="no"):
        modern(listener, namespace="/closed")
    modern(listener)
    page.wait("socket_connected")
    assert "/closed" not in str(page.named("socket_connected") + page.named("room_joined"))
    assert page.named("socket_disconnected") == page.named("room_left") == []


def test_namespaces_of_a_pattern_are_watched_from_their_beginning(listener: io.Listener) -> None:
    listener.of(re.compile(r"/doc-\d+"))
    page = Page(listener)
    client = modern(listener, namespace="/doc-1")
    assert page.wait_socket(client.session.id)["nsp"] == "/doc-1"
    client.emit("edit", 1)
    page.wait("event_received", "/doc-1", client.session.id, ["edit", 1])
    client.disconnect()
    page.wait("socket_disconnected", "/doc-1", client.session.id)


def test_a_client_that_is_cut_off_and_comes_back_is_told_so() -> None:
    listener = listen(recovery=60)
    listener.instrument(**ADMIN)
    page = Page(listener)
    client = modern(listener)
    client_id = client.session.id
    client.cut()
    page.wait("socket_disconnected", "/", client_id)
    back = client.come_back()
    assert back.session.id == client_id

    def connections() -> int:
        return sum(socket["id"] == client_id for socket, _ in page.named("socket_connected"))

    wait_until(lambda: connections() == 2, "told of its return")
    back.disconnect()
    wait_until(lambda: len(page.named("socket_disconnected")) == 2, "told of its end")


def test_secrets_are_not_told(listener: io.Listener) -> None:
    environ = {
        "HTTP_COOKIE": "session=hunter2",
        "HTTP_AUTHORIZATION": "Basic hunter2",
        "HTTP_X_SHOWN": "shown",
        "QUERY_STRING": "EIO=4&sid=hunter2&auth=hunter2&page=1",
    }
    page = Page(listener)
    client = modern(listener, environ=environ, auth={"token": "hunter2"})
    socket = page.wait_socket(client.session.id)
    assert socket["handshake"]["headers"] == {"host": "localhost", "x-shown": "shown"}
    assert socket["handshake"]["query"] == {"EIO": "4", "page": "1"}
    page.wait("all_sockets")
    assert "hunter2" not in str(page.told)
    assert client.session_id not in str(page.told)


def test_the_transport_and_the_data_are_told_when_they_change(listener: io.Listener) -> None:
    client = modern(listener, transport="xhr-polling")
    page = Page(listener)
    assert page.wait_socket(client.session.id)["transport"] == "polling"
    client.session.data["name"] = "ann"
    changed = {"id": client.session.id, "nsp": "/", "data": {"name": "ann"}}
    page.wait("socket_updated", {**changed, "transport": "polling"})
    session_of(client.session).transport = "websocket"
    page.wait("socket_updated", {**changed, "transport": "websocket"})
    # A second page finds it in its list, and the first was told.
    client.session.data["name"] = "ben"
    assert Page(listener).wait_socket(client.session.id)["data"] == {"name": "ben"}
    page.wait("socket_updated", {**changed, "transport": "websocket", "data": {"name": "ben"}})


# --- rooms ---


def test_rooms_are_told(listener: io.Listener) -> None:
    page = Page(listener)
    client = modern(listener)
    client_id = client.session.id
    client.session.join("a", "b")
    client.session.join("b")  # nothing new
    client.session.leave("a", "never")
    page.wait("room_left", "/", "a", client_id)
    joined = page.named("room_joined")
    assert sorted(each[:3] for each in joined) == [("/", "a", client_id), ("/", "b", client_id)]
    assert all(recent(each[3]) for each in joined)
    client.disconnect()
    page.wait("room_left", "/", "b", client_id)
    page.wait("room_left", "/", client_id, client_id)
    assert len(page.named("room_left")) == 3


def test_rooms_that_are_joined_by_another_thread_are_told(listener: io.Listener) -> None:
    page = Page(listener)
    client = modern(listener)
    thread = threading.Thread(target=client.session.join, args=("far",))
    thread.start()
    page.wait("room_joined", "/", "far", client.session.id)
    thread.join()


# --- events ---


@pytest.mark.parametrize("dialect", ["classic", "socket.io"])
def test_messages_are_told_both_ways(listener: io.Listener, dialect: str) -> None:
    page = Page(listener)
    client = Client(listener, dialect=dialect)
    client.send("from the client")
    client.session.send("to the client")
    client.session.emit("more", {"a": [1, None]})
    mine = "/", client.session.id
    assert recent(page.wait("event_received", *mine, ["message", "from the client"])[3])
    page.wait("event_sent", *mine, ["message", "to the client"])
    page.wait("event_sent", *mine, ["more", {"a": [1, None]}])


def test_an_event_is_told_for_each_of_its_receivers(listener: io.Listener) -> None:
    page = Page(listener)
    clients = [modern(listener), modern(listener), Client(listener)]
    clients[0].session.join("room")
    listener.emit("all", 1)
    listener.to("room").emit("some", 2)
    listener.to("nobody").emit("none", 3)
    page.wait("event_sent", "/", clients[0].session.id, ["some", 2])
    told = [each[1:3] for each in page.named("event_sent")]
    assert sorted(told) == sorted(
        [*((each.session.id, ["all", 1]) for each in clients), (clients[0].session.id, ["some", 2])]
    )


def test_questions_and_their_answers_work_and_are_told(listener: io.Listener) -> None:
    page = Page(listener)
    client = modern(listener)
    client.on("ask", lambda number: number + 1)
    listener.on("double", lambda client, number: 2 * number)
    answers: list[Any] = []
    client.session.emit("ask", 1, callback=answers.append)
    assert client.session.call("ask", 2) == 3
    assert listener.to(client.session.id).call("ask", 3) == {client.session.id: 4}
    assert client.call("double", 4) == 8
    wait_until(lambda: answers == [2], "answered")
    mine = "/", client.session.id
    for number in (1, 2, 3):
        page.wait("event_sent", *mine, ["ask", number])
    page.wait("event_received", *mine, ["double", 4])
    assert len(page.named("event_sent")) == 3


def test_an_event_with_recovery_is_told_as_the_application_has_sent_it() -> None:
    listener = listen(recovery=60)
    listener.instrument(**ADMIN)
    page = Page(listener)
    client, classic = modern(listener), Client(listener)
    client.session.emit("one", 1)
    classic.session.emit("two", 2)
    page.wait("event_sent", "/", client.session.id, ["one", 1])
    page.wait("event_sent", "/", classic.session.id, ["two", 2])


def test_bytes_for_a_classic_client_are_a_mistake_as_before(listener: io.Listener) -> None:
    with pytest.raises(TypeError):
        Client(listener).session.emit("file", b"x")


def test_events_of_the_page_itself_are_not_told(listener: io.Listener) -> None:
    page = Page(listener)
    client = modern(listener)
    page.order("emit", "/", client.session.id, "hello")
    page.wait("event_sent", "/", client.session.id, ["hello"])
    assert {each[0] for name in OF_EVENTS for each in page.named(name)} == {"/"}


def test_what_cannot_be_told_reaches_its_receiver_all_the_same(listener: io.Listener) -> None:
    page = Page(listener)
    client = modern(listener, raise_exceptions=False)
    with patch.object(watching, "shortened", side_effect=LookupError("a mistake")):
        client.session.emit("hello", 1)
        client.emit("hi", 1)
    assert client.receive() == ("hello", 1)
    client.session.emit("end")
    page.wait("event_sent", "/", client.session.id, ["end"])
    assert [each[2] for each in page.named("event_sent")] == [["end"]]
