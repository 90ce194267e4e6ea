"""A request body that is not wanted: not all of it is read, however long it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent

__all__ = ["abandon_input", "linger"]

_LINGER_TIME = 1.0  # seconds, and
_LINGER_SIZE = 16 * 1024 * 1024  # bytes, that a refused body is read on


def linger(read: Callable[[int], bytes]) -> None:
    """Read on for a little while.

    A client that is still writing when the connection is closed may not get
    to see the answer.

    Args:
        read: reads up to so many bytes.
    """
    try:
        with gevent.Timeout(_LINGER_TIME, False):
            left = _LINGER_SIZE
            while left > 0 and (data := read(64 * 1024)):
                left -= len(data)
    except Exception:
        pass  # the client has gone, or the rest is malformed, by whatever error


def abandon_input(handler: Any) -> None:
    """Keep a pywsgi handler from reading the rest of a body to its end.

    Args:
        handler: the handler, which closes the connection after its answer.
    """
    handler.close_connection = True
    handler.wsgi_input = _DiscardedInput(handler.rfile)


class _DiscardedInput:
    """Stands in for the input, whose rest pywsgi discards after the answer."""

    def __init__(self, rfile: Any) -> None:
        self._rfile = rfile

    def _discard(self) -> None:
        linger(self._rfile.read1)
