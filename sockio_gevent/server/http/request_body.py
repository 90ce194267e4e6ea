"""The reading of a request's body: in small pieces, in limited time, and counted while it lasts."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any, Protocol

import gevent

from ...hub.time_slice import TimeSlice
from ...monitoring.reasons import Limit
from ...options.limits import OverLimit
from ...refusal import Header, Refusal
from .environ import connection_of

__all__ = ["CLOSE", "Receiver", "abandon_body", "read_body"]

#: The header of an answer after which the connection is closed.
CLOSE: Header = ("Connection", "close")

# Bytes of a body that are read at once. Chunks may be as small as one byte, and then even
# the smaller number takes about a time slice.
_PIECE = 4 * 1024
_PIECE_OF_CHUNKS = 512


class Receiver(Protocol):
    """The receiver of the body of a request, such as a session.

    Attributes:
        uploads: the requests whose bodies are being read, if there are any.
    """

    uploads: set[Any] | None

    @property
    def connected(self) -> bool:
        """Whether it still wants the rest of a body."""

    def take_in(self, change: int) -> None:
        """Count bytes that are held in memory; a negative number when they no longer are."""


def read_body(
    environ: dict[str, Any],
    size: int,
    timeout: float | None,
    receiver: Receiver | None,
    request: object,
) -> bytes:
    """Read up to so many bytes of the body.

    Args:
        environ: the WSGI environ.
        size: how many bytes to read.
        timeout: how many seconds to wait for them; ``None`` for no limit.
        receiver: the receiver of the body, if there is one.
        request: the request; it is among the receiver's uploads meanwhile.

    Raises:
        OverLimit: if the bytes do not come in time.
        Refusal: if the body is malformed, or if the receiver does not want it any more.
    """
    source = environ["wsgi.input"]
    if type(source) is BytesIO:  # the whole body is here
        return source.read(size)
    if receiver is None:
        return _read_slowly(environ, size, timeout, lambda count: None)
    if receiver.uploads is None:
        receiver.uploads = set()
    receiver.uploads.add(request)
    taken = 0

    def take_in(count: int) -> None:
        nonlocal taken
        taken += count
        receiver.take_in(count)
        if not receiver.connected:
            abandon_body(environ)
            raise Refusal("404 Not Found", "the session ended before all of the body was here")

    try:
        return _read_slowly(environ, size, timeout, take_in)
    finally:
        receiver.uploads.discard(request)
        receiver.take_in(-taken)


def _read_slowly(
    environ: dict[str, Any], size: int, timeout: float | None, take_in: Callable[[int], None]
) -> bytes:
    """Read up to so many bytes, and let others run in between."""
    source = environ["wsgi.input"]
    chunks: list[bytes] = []
    piece = _PIECE if environ.get("CONTENT_LENGTH") else _PIECE_OF_CHUNKS
    try:
        with gevent.Timeout(timeout) as running_out:
            time_slice = TimeSlice()
            while size > 0:
                chunk = source.read(min(size, piece))
                take_in(len(chunk))
                if not chunk:
                    break
                chunks.append(chunk)
                size -= len(chunk)
                if size > 0:
                    # The server itself does not switch greenlets while bytes are there.
                    time_slice.pause()
    except gevent.Timeout as error:
        if error is not running_out:
            raise
        abandon_body(environ)
        text = f"the body did not come within {timeout:g} s"
        raise OverLimit(Limit.BODY_TIME, "408 Request Timeout", text, CLOSE) from None
    except Refusal:
        raise
    except Exception:
        # Each server raises other errors for that; gunicorn's are not even an OSError.
        take_in(0)  # refuses in another way if cut() has stopped it at the session's end
        text = "the body is malformed, or ended too early"
        raise Refusal("400 Bad Request", text) from None
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def abandon_body(environ: dict[str, Any]) -> None:
    """Do not read the rest of the body; not every server can do that."""
    connection = connection_of(environ)
    if connection is not None:
        connection.abandon_input()
