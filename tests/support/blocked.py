"""Clients whose handlers block until the test lets them go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gevent
import pytest
from gevent.event import Event

from sockio_gevent.client import session_of

from .clients import Polling, ServerEvents, WebSocket
from .waiting import wait_until

KINDS = [WebSocket, ServerEvents, Polling]
POSTING = [ServerEvents, Polling]

each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.transport)
each_posting = pytest.mark.parametrize("kind", POSTING, ids=lambda kind: kind.transport)
each_handler = pytest.mark.parametrize("where", ["connection", "message"])

_TURNS = 50


class Blocked:
    """A client whose handler blocks.

    Attributes:
        client: what the test is.
        session: what the application sees of it.
        handled: the messages whose handlers have begun, "disconnect" too.
    """

    def __init__(self, served: Any, kind: Any, where: str) -> None:
        self.served = served
        self.handled: list[str] = []
        self._gate = Event()
        self._blocks = Event()
        self._running = 0
        self._then: Callable[[], object] = lambda: None

        @served.listener.on("connection")
        def connected(session: Any) -> None:
            self.session = session
            session.on("message", self._on_message)
            session.on("disconnect", lambda: self._run("disconnect"))
            served.listener.remove_listener("connection", connected)
            if where == "connection":
                self._block()

        self.client = kind(served.port).open()
        served.wait("connection")
        if where == "message":
            self.client.send("block")
        if where:
            self._blocks.wait()

    def _on_message(self, text: str) -> None:
        if text == "block":
            self._block()
        else:
            self._run(text)

    def _run(self, text: str) -> None:
        assert not self._running, "two handlers at a time"
        self._running += 1
        self.handled.append(text)
        gevent.sleep(0)
        self._running -= 1

    def _block(self) -> None:
        self._running += 1
        self._blocks.set()
        self._gate.wait()
        self._then()
        self._running -= 1

    def wait_blocked(self) -> None:
        """Wait until its handler blocks, if it does not from the beginning."""
        self._blocks.wait()

    def release(self, then: Callable[[], object] = lambda: None) -> None:
        """Let the handler go on that blocks."""
        assert self.handled == [], "it has not blocked"
        self._then = then
        self.let_go()

    def let_go(self) -> None:
        """The same, wherever it is."""
        self._gate.set()

    def wait_handled(self, *texts: str) -> None:
        """Wait until these have been handled, and nothing else."""
        wait_until(lambda: len(self.handled) >= len(texts))
        assert self.handled == list(texts)

    @property
    def handlers(self) -> Any:
        """What waits for handlers."""
        return session_of(self.session).handlers


@contextmanager
def blocking(serve: Any) -> Iterator[Callable[..., Blocked]]:
    """Give a function that connects such a client; in the end, handlers that still block go on."""
    made: list[Blocked] = []

    def start(kind: Any, where: str = "message", **options: Any) -> Blocked:
        made.append(Blocked(serve(**options), kind, where))
        return made[-1]

    try:
        yield start
    finally:
        for each in made:
            each.let_go()


def take_turns() -> None:
    """Let the loop run for long enough for all that can happen by itself."""
    for _ in range(_TURNS):
        gevent.idle()
        gevent.sleep(0)
