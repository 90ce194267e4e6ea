"""How applications name clients in a broadcast, and see them in ``clients``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support.in_process import listen

from sockio_gevent.testing import Client


@pytest.fixture
def listener() -> Any:
    return listen()


@pytest.fixture
def clients(listener: Any) -> Iterator[list[Client]]:
    several = [Client(listener) for _ in range(4)]
    yield several
    for each in several:
        each.disconnect()


def sessions(clients: list[Client]) -> list[Any]:
    return [each.session for each in clients]


EXCLUDED = {
    "an id": lambda clients: clients[0].session_id,
    "a client": lambda clients: clients[0].session,
    "a list of ids": lambda clients: [clients[0].session_id],
    "a set of clients": lambda clients: {clients[0].session},
    "a tuple of both": lambda clients: (clients[0].session, clients[0].session_id),
    "a generator": lambda clients: (each for each in sessions(clients)[:1]),
    "the keys of a dict": lambda clients: {clients[0].session_id: "ann"}.keys(),
}


@pytest.mark.parametrize("excluded", EXCLUDED.values(), ids=EXCLUDED)
def test_a_broadcast_leaves_out_the_clients_that_it_excludes(
    listener: Any, clients: list[Client], excluded: Any
) -> None:
    listener.broadcast("news", exclude=excluded(clients))
    for client in clients[1:]:
        assert client.receive() == "news"
    with pytest.raises(TimeoutError):
        clients[0].receive(timeout=0)


@pytest.mark.parametrize("nobody", [None, [], (), set(), "f" * 40], ids=repr)
def test_a_broadcast_that_excludes_no_connected_client_reaches_all(
    listener: Any, clients: list[Client], nobody: Any
) -> None:
    listener.broadcast("news", exclude=nobody)
    for client in clients:
        assert client.receive() == "news"


WRONG = {
    "what was to be sent": ({"x": 1}, TypeError),
    "an empty dict": ({}, TypeError),
    "a number": (1, TypeError),
    "bytes": (b"f" * 40, TypeError),
    "a list of numbers": ([1], TypeError),
    "a name": ("ann", ValueError),
    "no id": ("", ValueError),
    "a list of names": (["ann"], ValueError),
    "the beginning of an id": ("f" * 8, ValueError),
}


@pytest.mark.parametrize(("wrong", "error"), WRONG.values(), ids=WRONG)
def test_an_exclusion_that_names_no_client_is_refused_and_nothing_is_sent(
    listener: Any, clients: list[Client], wrong: Any, error: type[Exception]
) -> None:
    with pytest.raises(error, match="'exclude' takes a client, a session id"):
        listener.broadcast("news", wrong)
    for client in clients:
        with pytest.raises(TimeoutError):
            client.receive(timeout=0)


def test_the_clients_are_a_live_read_only_view(listener: Any) -> None:
    shown = listener.clients
    assert not shown
    with Client(listener) as client:
        assert dict(shown) == {client.session_id: client.session}
        assert client.session_id in shown
        assert shown[client.session_id] is client.session
        assert shown.get("nobody") is None
        values = shown.values()
    assert len(shown) == 0
    assert list(values) == [client.session]
    with pytest.raises(KeyError):
        shown[client.session_id]
    with pytest.raises(TypeError):
        shown[client.session_id] = client.session


def test_clients_may_end_while_they_are_iterated_over(listener: Any, clients: list[Client]) -> None:
    for session in listener.clients.values():
        session.disconnect()
    assert not listener.clients


def test_a_client_says_why_it_was_disconnected(listener: Any) -> None:
    reasons: list[str | None] = []
    listener.on("connection", lambda client: reasons.append(client.disconnect_reason))
    listener.on("clientDisconnect", lambda client: reasons.append(client.disconnect_reason))
    with Client(listener):
        pass
    with Client(listener) as client:
        client.session.disconnect()
    assert reasons == [None, "client_closed", None, "disconnected"]
