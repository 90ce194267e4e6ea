"""Copies bytes both ways between two sockets, until both directions have ended."""

from __future__ import annotations

from socket import SHUT_WR
from typing import Any

import gevent

from ..stream.sockets import shut_down

__all__ = ["pipe"]

_PIECE = 64 * 1024  # bytes that are copied at once
_LAST_TIME = 5.0  # seconds that a client has to close, after the owner of its session has


def pipe(client: Any, owner: Any) -> None:
    """Copy bytes both ways; return when the connection is over.

    What one side does not read waits in the buffers of the sockets, and the other side is not
    read meanwhile.

    Args:
        client: the gevent socket of the client, plain or TLS.
        owner: the socket whose other end the owner of the session has.
    """
    upwards = gevent.spawn(_copy, client, owner)
    try:
        _copy(owner, client)
        upwards.join(_LAST_TIME)
    finally:
        upwards.kill()
        shut_down(client)
        shut_down(owner)


def _copy(source: Any, target: Any) -> None:
    try:
        while data := source.recv(_PIECE):
            target.sendall(data)
    except OSError:
        # One of them is broken: so is the connection.
        shut_down(source)
        shut_down(target)
        return
    shut_down(target, SHUT_WR)
