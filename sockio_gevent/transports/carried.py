"""What transports ask of the session that they carry, and of its handler queue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from ..monitoring.reasons import End
from ..wire.packet import Packet
from ..wire.websocket import NORMAL
from .downlink import Downlink, Upload

__all__ = ["Backlog", "Carried"]


class Carried(Protocol):
    """The part of a session that its transports use.

    Attributes:
        replaced: earlier downlinks that may not be over yet.
        uploads: the requests whose bodies are being read; may be ``None`` if there are none.
    """

    replaced: Sequence[Downlink]
    uploads: set[Upload] | None

    @property
    def handlers(self) -> Backlog:
        """Its handler queue."""

    @property
    def connected(self) -> bool:
        """Whether the session is alive."""

    def attach(self, downlink: Downlink) -> bool:
        """Make this the session's downlink; false if the session has ended."""

    def detach(self, downlink: Downlink, end: End, undelivered: Sequence[Packet] = ()) -> None:
        """The downlink is over; messages that did not arrive go back to the front of the outbox."""

    def receive(self, payloads: Sequence[str | bytes]) -> str:
        """Take payloads from the client, without waiting; return the first mistake in them.

        Raises:
            OverLimit: if they are over a limit; the messages before that were taken.
        """

    def missed(self, first: int, last: int) -> str:
        """Return an error if messages were dropped before handlers got them."""

    def run_handlers(self) -> None:
        """Run handlers for all messages in the queue, in this greenlet."""

    def start_handlers(self) -> None:
        """Run the handlers in another greenlet."""

    def run_handlers_aside(self) -> None:
        """Run the handlers; if they block, this greenlet goes on without them."""

    def end(self, end: End, code: int = NORMAL) -> None:
        """End the session, and close its downlink with this code."""

    def failed(self, what: str) -> None:
        """Log the exception that is being handled, and end the session."""

    def drained(self) -> None:
        """The downlink has written everything, and is ready again."""

    def take_in(self, change: int) -> None:
        """Count bytes that are part of an incomplete payload, or are being decoded."""

    def settle(self) -> None:
        """Tell the listener how much the session holds, if the change is large enough."""


class Backlog(Protocol):
    """The handler queue, as far as transports use it.

    Attributes:
        bound: the client is not read from while so many bytes wait.
        busy: whether a greenlet runs the calls.
        calls: the calls that wait.
        promised: how many calls, counted from the first, are made even if others are
            dropped.
        waiting: how many bytes of memory the calls take that have not begun.
    """

    bound: int
    busy: bool
    calls: list[Any]
    promised: int
    waiting: int

    @property
    def is_left_alone(self) -> bool:
        """Whether calls wait, and no greenlet makes them."""

    @property
    def added(self) -> int:
        """How many calls were put in so far."""

    @property
    def full(self) -> bool:
        """Whether so much waits that the client must not be read from."""

    def when_roomy(self, callback: Callable[[], object]) -> None:
        """Call a function once, when there is room again. It must not block."""

    def wait_for_room(self) -> None:
        """Wait while it is full."""

    def kill(self) -> None:
        """Kill the running handler soon, unless the handler calls this itself."""
