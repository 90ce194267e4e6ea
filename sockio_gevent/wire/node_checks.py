"""Checks of the data that servers of Node send, before anything is done with it.

Each function takes the data of a message, and raises ``ValueError`` if it makes no sense.
"""

from __future__ import annotations

from math import isfinite
from typing import Any

from .node_messages import (
    BROADCAST_ACK,
    CLIENT_COUNT,
    FETCH_SOCKETS_RESPONSE,
)

__all__ = ["broadcast_of", "check_answer", "names_of", "options_of", "server_side_of", "timeout_of"]

#: The largest number of clients that one server may say it asks.
_MOST_CLIENTS = 100_000

_Data = dict[str, Any]


def names_of(value: Any, what: str) -> list[str]:
    """A list of strings; empty for nothing."""
    if value is None:
        return []
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        raise ValueError(f"{what} are no list of names")
    return list(value)


def options_of(data: _Data) -> _Data:
    """Which clients are meant: rooms, exceptions and flags."""
    options = data.get("opts")
    flags = options.get("flags") if isinstance(options, dict) else None
    if not isinstance(options, dict) or not isinstance(flags, dict | None):
        raise ValueError("what says which clients are meant is malformed")
    if options.get("rooms") is None:
        raise ValueError("rooms are no list of names")  # or all clients would be meant
    return {
        "rooms": names_of(options.get("rooms"), "rooms"),
        "except": names_of(options.get("except"), "excepted rooms"),
        "sessions": names_of((flags or {}).get("sessions"), "excepted sessions"),
        "volatile": bool((flags or {}).get("volatile")),
    }


def timeout_of(data: _Data) -> float | None:
    """How many seconds clients have to answer; ``None`` if that is not said."""
    timeout = (data["opts"].get("flags") or {}).get("timeout")
    if timeout is None:
        return None
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not isfinite(timeout):
        raise ValueError("a time to wait is no number")
    return max(timeout / 1000, 0.0)


def broadcast_of(data: _Data) -> list[Any]:
    """The event of a broadcast, with its arguments."""
    packet = data.get("packet")
    return _event(packet.get("data") if isinstance(packet, dict) else None)


def server_side_of(data: _Data) -> list[Any]:
    """The event for the servers themselves, with its arguments."""
    return _event(data.get("packet"))


def _event(values: Any) -> list[Any]:
    if not isinstance(values, list | tuple) or not values:
        raise ValueError("an event without a name")
    if isinstance(values[0], bool) or not isinstance(values[0], str | int):
        raise ValueError("the name of an event is neither a string nor a number")
    return list(values)


def check_answer(kind: int, data: _Data) -> None:
    """Check an answer.

    Args:
        kind: its type.
        data: its data.
    """
    if kind == CLIENT_COUNT:
        count = data.get("clientCount")
        if isinstance(count, bool) or not isinstance(count, int):
            raise ValueError("the number of clients is none")
        if not 0 <= count <= _MOST_CLIENTS:
            raise ValueError(f"{count} clients are too many to wait for: {_MOST_CLIENTS} at most")
        if len(names_of(data.get("clients"), "clients")) > _MOST_CLIENTS:
            raise ValueError(f"more than {_MOST_CLIENTS} clients to wait for")
    elif kind == BROADCAST_ACK:
        if not isinstance(data.get("client"), str | None):
            raise ValueError("the id of a client is no string")
    elif kind == FETCH_SOCKETS_RESPONSE:
        sockets = data.get("sockets")
        if not isinstance(sockets, list | tuple | None):
            raise ValueError("sockets are no list")
        for socket in sockets or ():
            _check_socket(socket)


def _check_socket(socket: Any) -> None:
    if not isinstance(socket, dict) or not isinstance(socket.get("id"), str):
        raise ValueError("a socket without an id")
    if not isinstance(socket.get("handshake"), dict | None):
        raise ValueError("the handshake of a socket is no object")
    names_of(socket.get("rooms"), "the rooms of a socket")
