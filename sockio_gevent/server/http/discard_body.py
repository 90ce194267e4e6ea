"""Discards the body of a request that was refused, without reading all of a long one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent

__all__ = ["abandon_input", "linger"]

# How much of a refused body is still read:
_LINGER_TIME = 1.0  # seconds
_LINGER_SIZE = 16 * 1024 * 1024  # bytes


def linger(read: Callable[[int], bytes]) -> None:
    """Continue to read for a little while.

    If the connection is closed while a client still writes, the client may
    never see the answer.

    Args:
        read: reads up to so many bytes.
    """
    try:
        with gevent.Timeout(_LINGER_TIME, False):
            left = _LINGER_SIZE
            while left > 0 and (data := read(64 * 1024)):
                left -= len(data)
    except Exception:
        pass  # the client has gone, or the rest is malformed; servers raise various errors


def abandon_input(handler: Any) -> None:
    """Stop a pywsgi handler from reading a body to its end.

    Args:
        handler: the handler, which closes the connection after its answer.
    """
    handler.close_connection = True
    handler.wsgi_input = _DiscardedInput(handler.rfile)


class _DiscardedInput:
    """Replaces the input, whose rest pywsgi discards after the answer."""

    def __init__(self, rfile: Any) -> None:
        self._rfile = rfile

    def _discard(self) -> None:
        linger(self._rfile.read1)
