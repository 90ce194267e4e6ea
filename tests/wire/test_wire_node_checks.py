"""What servers of Node send is checked before anything is done with it."""

from __future__ import annotations

from typing import Any

import pytest

from sockio_gevent.wire.node_checks import (
    broadcast_of,
    check_answer,
    names_of,
    options_of,
    server_side_of,
    timeout_of,
)
from sockio_gevent.wire.node_messages import (
    BROADCAST_ACK,
    CLIENT_COUNT,
    FETCH_SOCKETS_RESPONSE,
    SERVER_SIDE_EMIT_RESPONSE,
)

OPTIONS = {"rooms": ["a"], "except": ["b"], "flags": {"volatile": True, "sessions": ["c"]}}


def test_good_data_is_read() -> None:
    read = {"rooms": ["a"], "except": ["b"], "sessions": ["c"], "volatile": True}
    assert options_of({"opts": OPTIONS}) == read
    assert options_of({"opts": {"rooms": []}})["rooms"] == []
    assert broadcast_of({"packet": {"data": ["x", 1]}}) == ["x", 1]
    assert server_side_of({"packet": [7]}) == [7]
    assert names_of(None, "rooms") == []
    assert timeout_of({"opts": {"flags": {"timeout": 1500}}}) == 1.5
    assert timeout_of({"opts": {}}) is None


@pytest.mark.parametrize(
    "options",
    [
        None,
        5,
        [],
        {},
        {"rooms": None},
        {"rooms": "abc"},
        {"rooms": [5]},
        {"rooms": [], "except": 5},
        {"rooms": [], "flags": 5},
        {"rooms": [], "flags": {"sessions": [[]]}},
    ],
)
def test_nobody_is_meant_by_malformed_options(options: Any) -> None:
    with pytest.raises(ValueError, match=r"malformed|no list of names"):
        options_of({"opts": options})


@pytest.mark.parametrize(
    "values", [None, 5, "connect", [], {}, [None], [["x"]], [{"a": 1}], [True]]
)
def test_an_event_needs_a_name(values: Any) -> None:
    for read, data in ((broadcast_of, {"data": values}), (server_side_of, values)):
        with pytest.raises(ValueError, match="event"):
            read({"packet": data})
    with pytest.raises(ValueError, match="event"):
        broadcast_of({"packet": values})


@pytest.mark.parametrize("timeout", ["5", [], True, float("nan"), float("inf")])
def test_a_time_is_a_finite_number(timeout: Any) -> None:
    with pytest.raises(ValueError, match="time"):
        timeout_of({"opts": {"flags": {"timeout": timeout}}})


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (CLIENT_COUNT, {"clientCount": 0}),
        (CLIENT_COUNT, {"clientCount": 2, "clients": ["a", "b"]}),
        (BROADCAST_ACK, {"packet": None}),
        (BROADCAST_ACK, {"client": "a", "values": [1], "packet": 1}),
        (FETCH_SOCKETS_RESPONSE, {}),
        (FETCH_SOCKETS_RESPONSE, {"sockets": [{"id": "a", "rooms": ["b"], "handshake": {}}]}),
        (SERVER_SIDE_EMIT_RESPONSE, {"packet": {"anything": 1}}),
    ],
)
def test_a_good_answer_passes(kind: int, data: dict[str, Any]) -> None:
    check_answer(kind, data)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (CLIENT_COUNT, {}),
        (CLIENT_COUNT, {"clientCount": "2"}),
        (CLIENT_COUNT, {"clientCount": True}),
        (CLIENT_COUNT, {"clientCount": -1}),
        (CLIENT_COUNT, {"clientCount": 300_000_000}),
        (CLIENT_COUNT, {"clientCount": 1, "clients": 5}),
        (CLIENT_COUNT, {"clientCount": 1, "clients": [[1]]}),
        (CLIENT_COUNT, {"clientCount": 1, "clients": ["a"] * 100_001}),
        (BROADCAST_ACK, {"client": 5}),
        (FETCH_SOCKETS_RESPONSE, {"sockets": 5}),
        (FETCH_SOCKETS_RESPONSE, {"sockets": [5]}),
        (FETCH_SOCKETS_RESPONSE, {"sockets": [{"rooms": []}]}),
        (FETCH_SOCKETS_RESPONSE, {"sockets": [{"id": "a", "handshake": [1]}]}),
        (FETCH_SOCKETS_RESPONSE, {"sockets": [{"id": "a", "rooms": "abc"}]}),
    ],
)
def test_a_bad_answer_is_refused(kind: int, data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"[a-z]"):
        check_answer(kind, data)
