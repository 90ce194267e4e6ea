"""Attributes that applications set on clients never collide with those of the library."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from support.clients import Polling, ServerEvents, WebSocket
from support.http import Ended
from support.limits import exceeded
from support.times import bring_forward
from support.waiting import wait_until
from websockets.exceptions import InvalidStatus

import sockio_gevent as io
from sockio_gevent.client import Client, session_of
from sockio_gevent.events import Emitter
from sockio_gevent.hub.handler_queue import HandlerQueue
from sockio_gevent.session.outbox import Outbox
from sockio_gevent.session.session import Session
from sockio_gevent.testing import Client as Visitor

ADDRESS = {"X-Forwarded-For": "192.0.2.1"}
# One for each kind of downlink.
KINDS = [
    type(kind.__name__, (kind,), {"headers": ADDRESS})
    for kind in (WebSocket, ServerEvents, Polling)
]
# A value that the library could not use.
VALUES = ["home", [], None]
# Names that applications read and must not change.
READ_ONLY = {
    "connected",
    "connections",
    "dialect",
    "disconnect_reason",
    "environ",
    "listener",
    "session_id",
    "transport",
}


def names_of(kind: type) -> set[str]:
    """The attributes and the slots of a class and of its base classes."""
    names = set(dir(kind))
    for each in kind.__mro__:
        slots = vars(each).get("__slots__", ())
        names |= {slots} if isinstance(slots, str) else set(slots)
    return names


def all_names() -> list[str]:
    """All names that the library uses behind a client, except those of Python and mangled ones."""
    names = {name for kind in (Session, Outbox, HandlerQueue, Emitter) for name in names_of(kind)}
    return sorted(
        name for name in names if not name.startswith("__") and "__" not in name.lstrip("_")
    )


def set_all(client: Client, value: object) -> set[str]:
    """Set all of the names; return those that were refused."""
    refused = set()
    for name in {*all_names(), *dir(session_of(client))}:
        if name.startswith("__") or "__" in name.lstrip("_"):
            continue
        try:
            setattr(client, name, value)
        except AttributeError:
            refused.add(name)
        else:
            assert getattr(client, name) is value
    return refused


def echo(client: Client) -> Callable[[Any], None]:
    # From the class: the test may have set the attribute of the client.
    return lambda message: Client.send(client, f"echo {message}")


@pytest.fixture
def spoilt(serve: Any, request: pytest.FixtureRequest) -> Any:
    """A server whose application sets all names on each of its clients."""
    served = serve(max_sessions_per_address=2, trusted_proxies=1)
    served.refused = set()

    @served.listener.on("connection")
    def connected(client: Client) -> None:
        client.on("message", echo(client))
        served.refused |= set_all(client, served.value)
        Client.on(client, "disconnect", lambda: served.record("end", client))

    return served


def assert_nothing_is_left(served: Any) -> None:
    """Assert that all sessions have ended, and that nothing of them is counted or kept."""
    sessions = served.listener._sessions
    wait_until(lambda: not served.listener.clients and not sessions.closing_sessions)
    assert (sessions.quota._total, dict(sessions.quota._by_network)) == (0, {})
    assert sessions.memory.held == 0
    assert sessions.loops.here().deadlines._slots == {}
    assert served.listener.stats()["buffered"] == 0
    assert not any("failed" in line for line in served.lines), served.lines
    served.events.clear()
    wait_until(lambda: not kept(served))


def kept(served: Any) -> list[object]:
    """What there still is of the clients of this listener; other tests may have left theirs."""
    gc.collect()
    objects = [each for each in gc.get_objects() if isinstance(each, (Client, Session))]
    return [
        each
        for each in objects
        if (each.listener if isinstance(each, Client) else each.host.receiver.main)
        is served.listener
    ]


def connected_client(served: Any, client: Any) -> Client:
    found: Client = served.listener.clients[client.session_id]
    return found


def test_the_names_in_these_tests_are_those_of_sessions() -> None:
    names = set(all_names())
    assert {"network", "posts", "handlers", "ending", "downlink", "_outbox", "_taken"} <= names
    assert {"EVENTS", "on", "send"} & names == {"EVENTS", "on"}
    assert len(names) > 80


@pytest.mark.parametrize("value", VALUES, ids=repr)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.transport)
def test_a_client_on_which_all_names_are_set_works_like_any_other(
    spoilt: Any, kind: Any, value: object
) -> None:
    spoilt.value = value
    client = kind(spoilt.port).open()
    spoilt.wait("connection")
    wait_until(lambda: spoilt.refused)
    assert spoilt.refused == READ_ONLY & {*all_names()}
    exchange_messages(spoilt, client)
    if client.streams:  # polls have no heartbeats
        exchange_heartbeats(connected_client(spoilt, client), client)
    assert connected_client(spoilt, client).identity is value
    if kind.transport == "websocket":
        client.close()
    else:
        Client.disconnect(connected_client(spoilt, client))
        client.vanish()
    assert spoilt.wait("end")[1].session_id == client.session_id
    assert spoilt.wait("disconnect")[1].session_id == client.session_id
    assert_nothing_is_left(spoilt)


def exchange_messages(served: Any, client: Any) -> None:
    session = connected_client(served, client)
    for text in ("one", "two"):
        answer = client.send(text)
        assert answer is None or (answer.status, answer.text) == (200, "ok")
        assert client.receive() == f"echo {text}"
    Client.send(session, {"number": 1})
    assert client.receive() == '~j~{"number":1}'
    served.listener.broadcast("to others", exclude=session)
    session.broadcast("to others")
    served.listener.broadcast("to all")
    assert client.receive() == "to all"


def exchange_heartbeats(session: Client, client: Any) -> None:
    for number in (1, 2):
        bring_forward(session)
        assert client.receive() == f"~h~{number}"
        assert session_of(session)._awaits_answer
        client.send(f"~h~{number}")
        wait_until(lambda: not session_of(session)._awaits_answer)
    assert session.connected


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.transport)
def test_such_clients_count_for_the_session_quota_until_they_end(spoilt: Any, kind: Any) -> None:
    spoilt.value = "home"
    for number in range(3):
        clients = [kind(spoilt.port).open() for _ in range(2)]
        with pytest.raises((Ended, InvalidStatus)):
            kind(spoilt.port).open()
        assert exceeded(spoilt) == {"max_sessions_per_address": number + 1}
        for client in clients:
            Client.disconnect(connected_client(spoilt, client))
            client.vanish()
        spoilt.wait("disconnect", 2 * (number + 1))
        wait_until(lambda: not spoilt.listener._sessions.closing_sessions)
    assert_nothing_is_left(spoilt)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.transport)
def test_a_listener_with_such_clients_closes(spoilt: Any, kind: Any) -> None:
    spoilt.value = "home"
    clients = [kind(spoilt.port).open() for _ in range(2)]
    spoilt.wait("connection", 2)
    for client in clients:
        client.listen(connected_client(spoilt, client))
    spoilt.listener.close(None)
    spoilt.wait("disconnect", 2)
    assert spoilt.listener.stats()["closes"]["going_away"] == 2
    assert_nothing_is_left(spoilt)


def test_an_attribute_named_network_does_not_change_the_session_quota(
    serve: Any,
) -> None:
    served = serve(max_sessions_per_address=1, trusted_proxies=1)

    @served.listener.on("connection")
    def connected(client: Any) -> None:
        client.network = "home"

    for number in range(1, 4):
        client = KINDS[0](served.port).open()
        client.close()
        served.wait("disconnect", number)
        wait_until(lambda: not served.listener._sessions.closing_sessions)
    assert exceeded(served) == {}
    assert_nothing_is_left(served)


@pytest.mark.parametrize("kind", KINDS[1:], ids=lambda kind: kind.transport)
def test_an_attribute_named_posts_does_not_break_the_posts_of_the_client(
    serve: Any, kind: Any
) -> None:
    served = serve()

    @served.listener.on("connection")
    def connected(client: Any) -> None:
        client.posts = []
        client.on("message", lambda message: client.posts.append(message))

    client = kind(served.port).open()
    for text in ("one", "two"):
        answer = client.send(text)
        assert (answer.status, answer.text) == (200, "ok")
    served.wait("message", 2)
    assert served.events[0][1].posts == ["one", "two"]


def test_a_client_is_not_a_session_and_shows_none() -> None:
    assert not issubclass(Client, (Session, Outbox, HandlerQueue))
    listener = io.listen(lambda *arguments: [], flash_policy_port=None)
    client = Visitor(listener).session
    shown = [name for name in dir(client) if not name.startswith("__")]
    assert not any(isinstance(getattr(client, name), Session) for name in shown if "__" not in name)
    assert vars(client) == {}
    public = {name for name in shown if not name.startswith("_")}
    assert public == {
        *READ_ONLY,
        "EVENTS",
        "add_listener",
        "auth",
        "broadcast",
        "call",
        "data",
        "disconnect",
        "emit",
        "except_",
        "id",
        "identity",
        "join",
        "leave",
        "namespace",
        "off_any",
        "on",
        "on_any",
        "recovered",
        "remove_listener",
        "rooms",
        "send",
        "to",
        "volatile",
    }


def answer_all(client: Any) -> None:
    client.on("message", lambda message: client.send(message))


@pytest.mark.parametrize("kind", [WebSocket, Polling], ids=lambda kind: kind.transport)
def test_a_client_that_has_gone_is_freed_at_once(serve: Any, kind: Any) -> None:
    served = serve()
    client = kind(served.port).open()
    gone = weakref.ref(served.wait("connection")[1])
    answer_all(gone())
    client.send("hello")
    served.wait("message")
    gc.collect()
    gc.disable()
    try:
        gone().disconnect()
        client.vanish()
        served.wait("disconnect")
        served.events.clear()
        wait_until(lambda: gone() is None)
    finally:
        gc.enable()
