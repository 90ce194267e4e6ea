"""A downlink that the test controls: what it takes, and when it breaks."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

from sockio_gevent.transports.downlink import Downlink
from sockio_gevent.wire.packet import Packet

__all__ = ["KINDS", "Kind", "Link"]


class Kind(Enum):
    """How a transport takes its batches."""

    SOCKET = "as a WebSocket: bit by bit, and tells how much is pending"
    STREAM = "as an endless answer: a batch after the other"
    POLL = "as a long poll: one batch, and it is over"


# One transport of each kind.
KINDS = {"websocket": Kind.SOCKET, "server-events": Kind.STREAM, "xhr-polling": Kind.POLL}


class Link(Downlink):
    """Carries the messages of one session to its client, which is the test itself.

    Args:
        transport: one of :data:`KINDS`.
        arrived: where it notes the payload of each packet that the client gets.
        quick: whether the client takes everything at once; a poll never does.

    Attributes:
        under_way: what was written and has not arrived.
        batch_cost: what all of the batch takes in memory that was written last.
        cut: whether the connection is broken.
        closed: whether the session has ended it cleanly.
        unread: whether the client has sent something that nobody has read.
        gone: whether the client has gone and nobody has noticed.
    """

    def __init__(self, transport: str, arrived: list[Any], quick: bool) -> None:
        super().__init__(transport)
        self.kind = KINDS[transport]
        self.quick = quick and self.kind is not Kind.POLL
        self.under_way: list[Packet] = []
        self.batch_cost = 0
        self.cut = self.closed = self.unread = self.gone = False
        self._arrived = arrived
        self._answered = False  # a poll has been given its batch
        self._taken = 0  # bytes of what is under way that the socket has taken

    @property
    def ready(self) -> bool:
        """Whether a batch can be written now."""
        return not (self.cut or self.closed or self.under_way or self._answered)

    @property
    def writing(self) -> bool:
        """Whether some of a batch has not been taken yet."""
        return bool(self.under_way)

    @property
    def _pending(self) -> int:
        """How many bytes were written and not taken yet."""
        return sum(len(packet.payload) for packet in self.under_way) - self._taken

    def write(self, batch: Sequence[Packet]) -> None:
        """Take a batch, which may be empty for a poll."""
        assert self.ready, "written to while it was not ready"
        assert batch or self.kind is Kind.POLL, "nothing was written"
        self._answered = self.kind is Kind.POLL
        self.under_way = list(batch)
        self.batch_cost = sum(packet.cost for packet in batch)
        if self.quick:
            self.take_all()

    def close(self, code: int, reason: str, last: Sequence[Packet] = ()) -> None:
        """End it cleanly: what was written arrives, and the last, where there is room for it."""
        if self.cut or self.closed:
            return
        if not self._answered:
            self.under_way += last
        self.take_all()
        self.end()

    def end(self) -> None:
        """The request is over, and all of its answer has arrived."""
        self.closed = True
        self._set_over()

    def take_back(self) -> Sequence[Packet]:
        """Return the packets that have not arrived; they will not arrive any more."""
        batch, self.under_way = self.under_way, []
        if batch:
            self.abort()
        return batch

    def has_unread(self) -> bool:
        """Whether the client has sent something that nobody has read yet."""
        return self.unread

    def hung_up(self) -> bool:
        """Whether the client has gone without anyone having noticed yet."""
        return self.gone

    def abort(self) -> None:
        """Break: all bytes on their way are lost."""
        self.cut = True
        self.under_way = []
        self._taken = 0
        self._set_over()

    @property
    def answering(self) -> bool:
        """Whether it is a poll that has been given its batch."""
        return self._answered and not self.cut and not self.closed

    def take_all(self) -> None:
        """The client gets all that is under way."""
        batch, self.under_way = self.under_way, []
        self._taken = 0
        for packet in batch:
            self._arrive(packet)

    def take_some(self, count: int) -> None:
        """The socket takes so many bytes, and the client gets the packets that are whole."""
        self._taken += min(count, self._pending)
        while self.under_way and self._taken >= len(self.under_way[0].payload):
            packet = self.under_way.pop(0)
            self._taken -= len(packet.payload)
            self._arrive(packet)

    def _arrive(self, packet: Packet) -> None:
        self._arrived.append(packet.payload)
