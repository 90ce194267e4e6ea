"""Ports that no other program takes, and connections with buffers of a known size."""

from __future__ import annotations

import socket
from typing import Any

# The buffer of each of the two ends. The kernel's own default may be many
# megabytes, and differs from machine to machine.
BUFFER = 128 * 1024


def reserve() -> socket.socket:
    """A socket that keeps a free port of 127.0.0.1 until it is closed.

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
