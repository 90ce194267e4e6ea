"""Listeners for tests without a server."""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

import sockio_gevent as io

_listeners: WeakSet[io.Listener] = WeakSet()


def hello(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


def listen(**options: Any) -> io.Listener:
    """A listener that is closed at the end of the test."""
    listener = io.listen(hello, **options)
    _listeners.add(listener)
    return listener


def close_listeners() -> None:
    """End the sessions that a test has left, so that they do nothing during a later test."""
    while _listeners:
        _listeners.pop().close(0)


def echo(**options: Any) -> io.Listener:
    """A listener that sends every message back."""
    listener = listen(**options)
    listener.on("clientMessage", lambda message, client: client.send(message))
    return listener


def fail(*arguments: object) -> None:
    raise LookupError("a mistake")
