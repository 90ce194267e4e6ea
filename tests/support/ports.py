"""Ports that nobody takes before they are used, and connections that hold a known amount."""

from __future__ import annotations

import socket
from typing import Any

# Each of the two ends. What the kernel would give them by itself may be many
# megabytes, and differs from machine to machine.
BUFFER = 128 * 1024


def reserve() -> socket.socket:
    """A socket with a free port of 127.0.0.1, which is kept until the socket is closed.

    Servers that set SO_REUSEADDR, as gevent's do, can listen there, again and
    again; as long as none does, connections are refused.
    """
    reserved = socket.socket()
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.bind(("127.0.0.1", 0))
    return reserved


def limit_sending(listener: Any) -> None:
    """The connections that a listening socket accepts inherit this."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)


def limit_receiving(unconnected: Any) -> None:
    """To be called before the socket is connected."""
    unconnected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
