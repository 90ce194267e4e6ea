"""One client of a namespace: what its handlers must be called for, and what it is owed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from sockio_gevent.client import Client

from .application import Application

__all__ = ["GOODBYE", "Visit"]

# What the handler does with messages that begin so: it ends the session.
GOODBYE = "goodbye"


class Visit(Application):
    """The time of one peer in one namespace, from its wish to its end.

    Args:
        namespace: the name of the namespace.
        expect: notes a packet that is about to be sent to the peer.
        disconnect: ends the visit, or the session.

    Attributes:
        client: the client; ``None`` until it is let in.
        leaving: whether the peer has said that it leaves.
        namespace: the same as given.
        owed: the ids of events that the peer wants to be answered, ``None`` for others; in
            the order of the inbox.
        present: whether it is in the namespace, so that it gets what is sent.
        unanswered: how many answers of the peer are awaited.
    """

    def __init__(
        self,
        namespace: str,
        expect: Callable[[str, tuple[Any, ...]], None],
        disconnect: Callable[[Visit, bool], None],
    ) -> None:
        super().__init__(lambda text: self.send(text), lambda: disconnect(self, False))
        self._disconnect_visit = disconnect
        self._expect = expect
        self.namespace = namespace
        self.client: Client | None = None
        self.leaving = self.present = False
        self.owed: deque[int | None] = deque()
        self.unanswered = 0

    @property
    def listens(self) -> bool:
        """Whether it gets what the peer sends now."""
        return not self.leaving and (self.present or self.client is None)

    @property
    def is_over(self) -> bool:
        """Whether its handlers of the end have run."""
        return len(self.events) == 3

    def arrive(self, client: Client) -> None:
        """It has been let in."""
        super().arrive(client)
        self.client = client
        self.present = True
        client.join("all", client.id[:3])

    def depart(self) -> None:
        """The listener's handlers are told of the end."""
        super().depart()
        self.end()

    def end(self, dropping: bool = False) -> None:
        """It is in the namespace no more.

        Args:
            dropping: whether it does not get what the peer has sent either.
        """
        self.present = False
        self.unanswered = 0
        if dropping:
            self.inbox.clear()
            self.owed.clear()

    def hear(self, message: Any, ack_id: int | None = None) -> None:
        """The peer sends a message."""
        self.inbox.append(message)
        self.owed.append(ack_id)

    def send(self, message: Any) -> None:
        """Send a message, if the peer is there."""
        if self.client is None:
            return
        self.expect_event(message)
        self.client.send(message)

    def ask(self, message: Any) -> None:
        """Send a message that the peer has to answer."""
        if self.client is None:
            return
        self.expect_event(message, asked=True)
        self.client.emit("message", message, callback=self._on_message)

    def expect_event(self, message: Any, asked: bool = False) -> None:
        """A message is about to be sent to it, in whatever way."""
        if self.present:
            self.unanswered += asked
            self._expect(self.namespace, (2, self.namespace, asked, ["message", message]))

    def _on_message(self, message: Any) -> None:
        ack_id = self.owed.popleft()
        super()._on_message(message)
        if ack_id is not None and self.present:
            self._expect(self.namespace, (3, self.namespace, ack_id, []))

    def _handle(self, message: Any) -> None:
        if isinstance(message, str) and message.startswith(GOODBYE):
            self._disconnect_visit(self, True)
        else:
            super()._handle(message)
