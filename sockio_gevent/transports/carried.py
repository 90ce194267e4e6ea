"""What transports ask of the session that they carry."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from ..compiled import trait
from ..hub.handler_queue import HandlerQueue
from ..monitoring.reasons import End
from ..wire.packet import Packet
from ..wire.websocket import NORMAL
from .downlink import Downlink, Upload

__all__ = ["Carried"]


@trait
class Carried:
    """The part of a session that its transports use.

    Attributes:
        handlers: its handler queue.
        replaced: earlier downlinks that may not be over yet.
        uploads: the requests whose bodies are being read; may be ``None`` if there are none.
    """

    __slots__ = ()

    handlers: HandlerQueue
    replaced: Sequence[Downlink]
    uploads: set[Upload] | None

    @property
    @abstractmethod
    def connected(self) -> bool:
        """Whether the session is alive."""

    @abstractmethod
    def attach(self, downlink: Downlink) -> bool:
        """Make this the session's downlink; false if the session has ended."""

    @abstractmethod
    def detach(self, downlink: Downlink, end: End, undelivered: Sequence[Packet] = ()) -> None:
        """The downlink is over; messages that did not arrive go back to the front of the outbox."""

    @abstractmethod
    def receive(self, payloads: list[str | bytes]) -> str:
        """Take payloads from the client, without waiting; return the first mistake in them.

        Raises:
            OverLimit: if they are over a limit; the messages before that were taken.
        """

    @abstractmethod
    def missed(self, first: int, last: int) -> str:
        """Return an error if messages were dropped before handlers got them."""

    @abstractmethod
    def run_handlers(self) -> None:
        """Run handlers for all messages in the queue, in this greenlet."""

    @abstractmethod
    def start_handlers(self) -> None:
        """Run the handlers in another greenlet."""

    @abstractmethod
    def run_handlers_aside(self) -> None:
        """Run the handlers; if they block, this greenlet goes on without them."""

    @abstractmethod
    def end(self, end: End, code: int = NORMAL) -> None:
        """End the session, and close its downlink with this code."""

    @abstractmethod
    def failed(self, what: str) -> None:
        """Log the exception that is being handled, and end the session."""

    @abstractmethod
    def drained(self) -> None:
        """The downlink has written everything, and is ready again."""

    @abstractmethod
    def take_in(self, change: int) -> None:
        """Count bytes that are part of an incomplete payload, or are being decoded."""

    @abstractmethod
    def settle(self) -> None:
        """Tell the listener how much the session holds, if the change is large enough."""
