"""What is done with sockets past gevent, which would wait, or wake who waits."""

from __future__ import annotations

import io
import socket as _socket
from typing import Any

from ...hub.gevent_private import bare_socket

__all__ = ["READ_AHEAD", "read_ahead", "receive_tls", "send_at_once", "send_tls", "shut_down"]

# All that a buffered reader may hold is taken from it at once.
READ_AHEAD = max(64 * 1024, io.DEFAULT_BUFFER_SIZE)  # bytes


def send_at_once(socket: Any) -> None:
    """Turn Nagle's algorithm off, RFC 896.

    pywsgi writes head and body of an answer separately: the second would be
    held back until the client acknowledges the first, which many do only
    after 40 ms.
    """
    try:
        socket.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
    except OSError:
        pass  # no TCP, or reset already


def read_ahead(socket: Any, rfile: Any) -> bytes:
    """What a buffered reader holds and the socket has, without waiting for more.

    Args:
        socket: the gevent socket.
        rfile: the reader of it.
    """
    timeout = socket.gettimeout()
    socket.settimeout(0.0)
    try:
        return bytes(rfile.read1(READ_AHEAD) or b"")
    except (OSError, ValueError):
        return b""
    finally:
        socket.settimeout(timeout)


def shut_down(socket: Any, how: int = _socket.SHUT_RDWR) -> None:
    """End one or both directions of a socket that another greenlet may be using."""
    try:
        # The bare socket: gevent's own shutdown raises in the greenlet that
        # reads or writes, and its TLS shutdown forgets the TLS object under it.
        bare_socket(socket).shutdown(how)
    except OSError:
        pass  # the peer was faster


# The module ssl is imported where TLS is used, and so is loaded: importing the
# package must not load it, because gevent wants to patch it first.


def receive_tls(tls: Any, size: int) -> bytes | None:
    """Read what a TLS object has, without waiting; ``None`` if that is nothing."""
    from ssl import SSLWantReadError, SSLWantWriteError

    try:
        return bytes(tls.read(size))
    except (SSLWantReadError, SSLWantWriteError):
        return None


def send_tls(tls: Any, data: bytes | memoryview) -> int:
    """Give a TLS object what it takes without waiting; return how much that was."""
    from ssl import SSLWantReadError, SSLWantWriteError

    try:
        return int(tls.write(data))
    except (SSLWantReadError, SSLWantWriteError):
        return 0
