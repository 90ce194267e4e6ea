"""The answers of other servers over Redis, as they come."""

from __future__ import annotations

from typing import Any

from sockio_gevent.acknowledgements import Gathered
from sockio_gevent.adapters.streams_requests import Request, all_clients_answered
from sockio_gevent.wire import node_messages as node

CLIENTS = {"clientCount": 3, "clients": ["a", "b", "c"]}


def answer(request: Request, client: str, cost: int) -> None:
    data = {"client": client, "values": [client.upper()], "packet": client.upper()}
    request.take("server", node.BROADCAST_ACK, data, cost)


def asked(gathered: Gathered) -> Request:
    request = Request(all_clients_answered, gathered)
    request.expected = 1
    request.take("server", node.CLIENT_COUNT, CLIENTS, 1000)
    return request


def test_answers_that_take_too_much_are_dropped_and_their_clients_missing() -> None:
    gathered = Gathered(100)
    request = asked(gathered)
    answer(request, "a", 60)
    answer(request, "b", 60)
    assert not request.wait(0)
    answer(request, "c", 40)
    assert request.wait(0)
    assert request.of_clients() == ({"a": "A", "c": "C"}, ["b"])
    assert request.dropped == ["server"]
    assert gathered.held == 100


def test_the_room_of_answers_is_given_back_in_the_end() -> None:
    gathered = Gathered(100)
    for _ in range(3):
        request = asked(gathered)
        answer(request, "a", 100)
        request.end()
        request.end()
        assert gathered.held == 0
        assert request.of_clients()[0] == {"a": "A"}


def test_answers_that_come_after_the_end_take_no_room() -> None:
    gathered = Gathered(100)
    request: Any = asked(gathered)
    request.end()
    answer(request, "a", 100)
    assert gathered.held == 0


def test_a_client_that_has_left_is_awaited_no_longer_and_is_missing() -> None:
    request = asked(Gathered(None))
    answer(request, "a", 1)
    answer(request, "c", 1)
    assert not request.wait(0)
    request.take("server", node.BROADCAST_ACK, {"client": "b", "left": True}, 1)
    assert request.wait(0)
    assert request.of_clients() == ({"a": "A", "c": "C"}, ["b"])
