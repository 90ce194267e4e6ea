"""What the page can do to clients."""

from __future__ import annotations

from typing import Any

import pytest
from support.admin_page import ADMIN, Page, modern
from support.in_process import listen

import sockio_gevent as io
from sockio_gevent.testing import Client


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def listener(lines: list[str]) -> io.Listener:
    listener = listen(log=lines.append)
    listener.instrument(**ADMIN)
    return listener


def test_the_page_emits_to_all_to_a_room_and_to_a_client(listener: io.Listener) -> None:
    ann, ben, classic = modern(listener), modern(listener), Client(listener)
    ben.session.join("room")
    page = Page(listener)
    page.order("emit", "/", None, "all", 1, {"a": [2]})
    page.order("emit", "/", "room", "some")
    page.order("emit", "/", ann.session.id, "one")
    page.order("emit", "/", classic.session.id, "message", "text")
    assert [ann.receive(), ann.receive()] == [("all", 1, {"a": [2]}), ("one",)]
    assert [ben.receive(), ben.receive()] == [("all", 1, {"a": [2]}), ("some",)]
    assert [classic.receive(), classic.receive()] == [
        {"name": "all", "args": [1, {"a": [2]}]},
        "text",
    ]


def test_the_page_puts_clients_into_rooms_and_takes_them_out(listener: io.Listener) -> None:
    ann, ben = modern(listener), Client(listener)
    page = Page(listener)
    page.order("join", "/", "all")  # without a filter, as the page sends it
    page.order("join", "/", "one", ann.session.id)
    page.order("join", "/", "both", "all")
    assert ann.session.rooms == {"all", "one", "both", ann.session.id}
    assert ben.session.rooms == {"all", "both", ben.session.id}
    page.order("leave", "/", "both", "one")
    page.order("leave", "/", "all", None)
    assert ann.session.rooms == {"one", ann.session.id}
    assert ben.session.rooms == {"both", ben.session.id}


@pytest.mark.parametrize("close", [False, True])
def test_the_page_disconnects_one_client(listener: io.Listener, close: bool) -> None:
    listener.of("/chat")
    ann, ben = modern(listener), modern(listener)
    chat = ann.connect("/chat")
    page = Page(listener)
    page.order("_disconnect", "/", close, ann.session.id)
    assert not ann.connected
    assert chat.connected is not close
    assert ben.connected


def test_the_page_disconnects_a_classic_client(listener: io.Listener) -> None:
    client = Client(listener)
    Page(listener).order("_disconnect", "/", False, client.session.id)
    assert not client.connected


def test_the_page_disconnects_all_clients_of_a_namespace(listener: io.Listener) -> None:
    clients = [modern(listener), Client(listener)]
    page = Page(listener)
    page.order("_disconnect", "/", True)
    assert not any(client.connected for client in clients)
    assert page.client.connected


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("emit", []),
        ("emit", ["/"]),
        ("emit", ["/", None]),
        ("emit", ["/", None, "disconnect"]),
        ("emit", ["/", None, ["x"]]),
        ("emit", ["/", 1, "x"]),
        ("emit", [None, None, "x"]),
        ("emit", [["/"], None, "x"]),
        ("join", ["/"]),
        ("join", ["/", 1]),
        ("join", ["/", "x", {"a": 1}]),
        ("leave", ["/", None]),
        ("leave", [1, "x"]),
        ("_disconnect", ["/"]),
        ("_disconnect", ["/", False, 5]),
        ("_disconnect", [None, False]),
    ],
    ids=str,
)
def test_a_command_that_makes_no_sense_does_nothing(
    listener: io.Listener, lines: list[str], command: str, arguments: list[Any]
) -> None:
    client = modern(listener)
    page = Page(listener)
    page.order(command, *arguments)
    assert client.connected
    assert page.client.connected
    assert client.session.rooms == {client.session.id}
    (line,) = [line for line in lines if "was refused" in line]
    assert line.startswith(f"admin page {page.client.session.id[:8]}: {command} was refused: ")


def test_a_namespace_that_is_not_there_is_not_made(listener: io.Listener) -> None:
    page = Page(listener)
    for command, *arguments in (
        ("emit", None, "x"),
        ("join", "x"),
        ("leave", "x"),
        ("_disconnect", True),
    ):
        page.order(command, "/invented", *arguments)
    assert page.client.connected
    assert listener._namespaces.get("/invented") is None


def test_the_log_says_what_the_page_has_done(listener: io.Listener, lines: list[str]) -> None:
    client = modern(listener)
    page = Page(listener)
    page.order("join", "/", "a\nroom", client.session.id)
    page.order("emit", "/", None, "news", "what is in it")
    page.order("_disconnect", "/", False, "room")
    name = f"admin page {page.client.session.id[:8]}"
    # The id of a client may be the id of its session, which is a secret.
    whom = f"'{client.session.id[:8]}…'"
    assert [line for line in lines if line.startswith("admin page")] == [
        rf"{name}: join 'a\nroom' in '/', for {whom}",
        f"{name}: emit 'news' in '/', for all",
        f"{name}: _disconnect in '/', for 'room'",
    ]


def test_a_page_that_may_only_look_does_nothing() -> None:
    listener = listen()
    listener.instrument(**ADMIN, read_only=True)
    client = modern(listener)
    page = Page(listener)
    (config,) = page.wait("config")
    assert config == {"supportedFeatures": ["AGGREGATED_EVENTS", "ALL_EVENTS"]}
    page.order("emit", "/", None, "x")
    page.order("join", "/", "x")
    page.order("_disconnect", "/", True)
    assert client.connected
    assert client.session.rooms == {client.session.id}
    with pytest.raises(TimeoutError):
        client.receive(timeout=0)


def test_clients_of_the_application_have_no_commands(listener: io.Listener) -> None:
    ann, ben = modern(listener), modern(listener)
    for client in (ann, Client(listener)):
        client.emit("_disconnect", "/", True)
        client.emit("join", "/", "x")
    assert ben.connected
    assert ben.session.rooms == {ben.session.id}
