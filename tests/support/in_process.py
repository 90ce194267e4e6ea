"""Listeners for tests without a server, and how such tests wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakSet

import gevent

import sockio_gevent as io

DEADLINE = 60.0

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


def wait_until(condition: Callable[[], object], what: str) -> None:
    with gevent.Timeout(DEADLINE, AssertionError(f"not {what}")):
        while not condition():
            gevent.sleep(0.005)


def fail(*arguments: object) -> None:
    raise LookupError("a mistake")
