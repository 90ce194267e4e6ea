"""Operations on sockets that go around gevent, which would wait, or wake another greenlet."""

from __future__ import annotations

import io
import socket as _socket
from struct import Struct
from typing import Any

from ...hub.gevent_private import bare_socket

__all__ = [
    "READ_AHEAD",
    "peek_ahead",
    "read_ahead",
    "receive_tls",
    "send_at_once",
    "send_tls",
    "sent_so_far",
    "shut_down",
    "tls_hang_ups",
]

# Bytes of Linux's struct tcp_info, up to tcpi_data_segs_out at 156; tcpi_notsent_bytes is at 144.
_INFO_SIZE = 160
_UINT = Struct("=I")

# Bytes that are taken from a buffered reader at once: as many as it may hold.
READ_AHEAD = max(64 * 1024, io.DEFAULT_BUFFER_SIZE)


def send_at_once(socket: Any) -> None:
    """Turn Nagle's algorithm off, RFC 896.

    pywsgi writes the head and the body of an answer separately. With Nagle's
    algorithm, the body would wait until the client acknowledges the head, which
    many clients do only after 40 ms.
    """
    try:
        socket.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
    except OSError:
        pass  # it is not TCP, or it was reset


def read_ahead(socket: Any, rfile: Any) -> bytes:
    """The bytes that a buffered reader and its socket have now, without waiting for more.

    Args:
        socket: the gevent socket.
        rfile: its reader.
    """
    timeout = socket.gettimeout()
    socket.settimeout(0.0)
    try:
        return bytes(rfile.read1(READ_AHEAD) or b"")
    except (OSError, ValueError):
        return b""
    finally:
        socket.settimeout(timeout)


def peek_ahead(socket: Any, rfile: Any) -> bytes:
    """The bytes that a buffered reader has, or its socket now, without taking them.

    Args:
        socket: the gevent socket.
        rfile: its reader.
    """
    timeout = socket.gettimeout()
    socket.settimeout(0.0)
    try:
        return bytes(rfile.peek(1) or b"")
    except (OSError, ValueError):
        return b""
    finally:
        socket.settimeout(timeout)


def sent_so_far(socket: Any) -> tuple[int, int] | None:
    """What was written to a socket of TCP by all processes that have it.

    Returns:
        Two numbers, which are the same later if nothing was written meanwhile: the segments
        with data that were sent, and the bytes that wait to be sent. ``None`` if the system
        does not tell (tcp(7), TCP_INFO).
    """
    option = getattr(_socket, "TCP_INFO", None)
    if option is None:
        return None
    try:
        info = socket.getsockopt(_socket.IPPROTO_TCP, option, _INFO_SIZE)
    except OSError:
        return None
    if len(info) < _INFO_SIZE:
        return None
    segments, waiting = _UINT.unpack_from(info, 156), _UINT.unpack_from(info, 144)
    return segments[0], waiting[0]


def shut_down(socket: Any, how: int = _socket.SHUT_RDWR) -> None:
    """End one or both directions of a socket that another greenlet may be using."""
    try:
        # The bare socket: gevent's own shutdown raises an exception in the greenlet that
        # reads or writes, and its TLS shutdown drops the TLS object that is still in use.
        bare_socket(socket).shutdown(how)
    except OSError:
        pass  # the peer has ended it already


# The functions below import ssl themselves. To import the package must not import ssl,
# because gevent must patch it first.


def tls_hang_ups() -> tuple[int, int]:
    """What is in place of an ``errno`` when a write finds, under TLS, that the client has gone."""
    from ssl import SSL_ERROR_EOF, SSL_ERROR_ZERO_RETURN

    # The second one where the client has said goodbye, seen with Python 3.11.2 of Debian 12. As
    # errnos they are ENOEXEC and ENXIO, which no socket has.
    return SSL_ERROR_EOF, SSL_ERROR_ZERO_RETURN


def receive_tls(tls: Any, size: int) -> bytes | None:
    """Read the bytes that a TLS object has, without waiting; ``None`` if there are none."""
    from ssl import SSLWantReadError, SSLWantWriteError

    try:
        return bytes(tls.read(size))
    except (SSLWantReadError, SSLWantWriteError):
        return None


def send_tls(tls: Any, data: bytes | memoryview) -> int:
    """Write the bytes that a TLS object takes without waiting; return their number."""
    from ssl import SSLWantReadError, SSLWantWriteError

    try:
        return int(tls.write(data))
    except (SSLWantReadError, SSLWantWriteError):
        return 0
