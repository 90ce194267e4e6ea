"""The application of one client: what its handlers must be called for, and what they do."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from gevent.event import Event

from sockio_gevent.client import Client

__all__ = ["BLOCK", "BYE", "ECHO", "Application"]

# What the handler does with messages that begin so.
ECHO, BLOCK, BYE = "echo", "block", "bye"


class Application:
    """The handlers of one client.

    Args:
        send: sends a message to it.
        disconnect: ends its session.

    Attributes:
        inbox: the messages that the handlers have not got yet.
        events: the beginning and the end of the session, as far as they were told.
        blocked: whether a handler is running and waits.
    """

    def __init__(self, send: Callable[[str], None], disconnect: Callable[[], None]) -> None:
        self.inbox: deque[Any] = deque()
        self.events: list[str] = []
        self.blocked = False
        self._send = send
        self._disconnect = disconnect
        self._handling = False
        self._gate = Event()

    def arrive(self, client: Client) -> None:
        """The listener's handlers are told of the beginning."""
        client.on("message", self._on_message)
        client.on("disconnect", lambda: self.events.append("end for the client"))
        self.events.append("beginning")

    def depart(self) -> None:
        """The listener's handlers are told of the end."""
        self.events.append("end for the listener")

    def release(self) -> None:
        """Let the handler go on that waits."""
        if self.blocked:
            self.blocked = False
            self._gate.set()

    def check(self, live: bool) -> None:
        """See that the handlers were told of all that they must know by now.

        Args:
            live: whether the session is there.
        """
        events = ["beginning"]
        if not self.blocked:
            assert not self.inbox, "a message is lost"
            if not live:
                events += ["end for the client", "end for the listener"]
        assert self.events == events

    def _on_message(self, message: Any) -> None:
        assert self.events == ["beginning"], "a message before the beginning or after the end"
        assert not self._handling, "two handlers at a time"
        assert message == self.inbox.popleft(), "not what was sent, or in another order"
        self._handling = True
        try:
            self._handle(message)
        finally:
            self._handling = False

    def _handle(self, message: Any) -> None:
        if not isinstance(message, str):
            return
        if message.startswith(ECHO):
            self._send(message)
        elif message.startswith(BYE):
            self._disconnect()
        elif message.startswith(BLOCK):
            self.blocked = True
            self._gate.clear()
            self._gate.wait()
