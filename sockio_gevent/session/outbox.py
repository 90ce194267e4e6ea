"""The messages that wait for the client of a session: in its outbox, or in its downlink."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ..hub.handler_queue import HandlerQueue
from ..monitoring.reasons import CloseReason, End, Limit
from ..transports.downlink import Downlink
from ..wire.packet import OVERHEAD, Packet
from ..wire.websocket import NORMAL
from .flush import Sender
from .loops import this_thread
from .session_host import SessionHost

__all__ = ["Outbox"]

# Bytes of messages: a downlink that takes pieces gets about this much at once.
_PIECE: Final = 256 * 1024

# Bytes that may always wait for handlers: a smaller limit for messages does not lower this.
_LEAST_BOUND = 64 * 1024

# Bytes: the listener is not told of smaller changes of what a session holds.
_LITTLE: Final = 1024


class Outbox(Sender):
    """The part of a session that keeps messages until its client takes them.

    It belongs to the thread of its loop; other threads use ``loop.call``.

    Args:
        host: the sessions of the listener.
        greeting: the first message.

    Attributes:
        downlink: the downlink; ``None`` if the session is away or has ended.
        ending: why the session has ended; ``None`` while it lives.
        handlers: the handler queue.
        host: the same as given.
        kept: what is kept of its clients for a return after a cut, by the names of their
            namespaces; ``None`` if nothing is.
        incoming: how many bytes from the client are part of an incomplete payload,
            are being decoded, or are kept of its wishes to connect to namespaces.
        loop: the event loop that the session lives on.
    """

    __slots__ = (
        "_carried",
        "_counted",
        "_outbox",
        "_polls",
        "_waiting",
        "downlink",
        "ending",
        "handlers",
        "host",
        "incoming",
        "kept",
        "loop",
    )

    def __init__(self, host: SessionHost, greeting: Packet) -> None:
        super().__init__()
        self.host = host
        # Before any other thread can find the session.
        self.loop = host.loops.here()
        self.handlers = self._new_queue()
        self.downlink: Downlink | None = None
        self.incoming = 0
        self.kept: dict[str, Any] | None = None
        self._outbox = [greeting]
        # Bytes of memory: of the messages in the outbox, and of those that the downlink
        # has been given and has not written yet.
        self._waiting = greeting.cost
        self._carried = 0
        self._counted = 0  # how much of what it holds the listener knows of
        self._polls = False  # whether its downlinks are over after one batch
        self.ending: End | None = None

    def _new_queue(self) -> HandlerQueue:
        """An empty handler queue."""
        return HandlerQueue(max(self.host.options.max_message_size, _LEAST_BOUND))

    @property
    def is_here(self) -> bool:
        """Whether this is the thread of its loop."""
        return this_thread.hub is self.loop.hub

    @property
    def buffered(self) -> int:
        """How many bytes of memory the messages take that the client has not taken yet."""
        return self._waiting + self._carried

    @property
    def undelivered(self) -> int:
        """How many bytes of messages are in the outbox, without the overhead of packets."""
        return self._waiting - OVERHEAD * len(self._outbox)

    @property
    def held(self) -> int:
        """How many bytes of memory it takes, beyond those of an idle session."""
        downlink = self.downlink
        copied = 0 if downlink is None else downlink.copied
        waiting = self._waiting + self._carried
        return waiting + self.incoming + self.handlers.waiting + copied

    @property
    def counted(self) -> int:
        """How much of :attr:`held` the listener knows of."""
        return self._counted

    @property
    def takes_volatile(self) -> bool:
        """Whether a message would leave in this iteration of the loop."""
        downlink = self.downlink
        return downlink is not None and downlink.ready

    def enqueue(self, packet: Packet) -> None:
        """Put an encoded message into the outbox."""
        if self.ending is not None:
            return
        self._outbox.append(packet)
        self._waiting += packet.cost
        if self._waiting + self._carried > self.host.options.max_buffer:
            # What the socket can take now does not count.
            self.flush()
            self._keep_bound()
        if not self.touched:
            self.loop.flush.touch(self)

    def enqueue_all(self, packets: Sequence[Packet]) -> None:
        """Put the packets of one message into the outbox."""
        if self.ending is None:
            self.loop.traffic.messages_out += 1
            for packet in packets:
                self.enqueue(packet)

    def flush(self) -> None:
        """Give the outbox to the downlink, if there is one that is ready."""
        downlink = self.downlink
        if downlink is not None:
            while self._outbox:
                batch, cost = self._outbox, self._waiting
                if cost > _PIECE and downlink.in_pieces:
                    batch, cost = self._piece()
                carried = downlink.offer(batch)
                if carried is None:
                    break
                self._outbox = [] if batch is self._outbox else self._outbox[len(batch) :]
                self._waiting -= cost
                self.loop.traffic.bytes_out += cost - OVERHEAD * len(batch)
                if carried:
                    self._carried = cost
                if self._polls:
                    self._poll_answered()
        if self._counted or self._waiting or self._carried:
            self.settle()

    def _poll_answered(self) -> None:
        """A poll has got its batch."""
        raise NotImplementedError

    def _piece(self) -> tuple[list[Packet], int]:
        """The first part of the outbox, and its cost: the copies of a downlink stay small."""
        cost = size = 0
        for count, packet in enumerate(self._outbox):
            if size > _PIECE:
                return self._outbox[:count], cost
            cost += packet.cost
            size += packet.cost - OVERHEAD
        return self._outbox, cost

    def drained(self) -> None:
        """The downlink has written all that it was given."""
        self._carried = 0
        if self._outbox:
            if not self.touched:
                self.loop.flush.touch(self)
        elif self._counted:
            self.settle()

    def settle(self) -> None:
        """Tell the listener how much the session holds, if the change is large enough."""
        held = self.held
        change = held - self._counted
        if change and (held == 0 or not -_LITTLE < change < _LITTLE):
            self._counted = held
            self.host.memory.change(change)

    def take_in(self, change: int) -> None:
        """Count bytes that are part of an incomplete payload, or are being decoded."""
        self.incoming += change
        self.settle()

    def _empty_outbox(self, kept: bool) -> list[Packet]:
        """Empty the outbox at the end of the session, and return what was in it.

        Args:
            kept: whether the downlink gets these messages.
        """
        if kept and self.downlink is not None:
            self.loop.traffic.bytes_out += self.undelivered
            self._carried += self._waiting + self.downlink.copied
        outbox, self._outbox = self._outbox, []
        self._waiting = 0
        return outbox

    def release(self) -> None:
        """The session has closed: free what it held."""
        self._waiting = self._carried = 0
        self._outbox = []
        if self._counted:
            self.settle()

    def _outbox_cost(self) -> int:
        return sum([packet.cost for packet in self._outbox])

    def _take_back(self, undelivered: Sequence[Packet]) -> None:
        """Put back what did not arrive; if it is over the bound, end the session."""
        self._carried = 0
        if undelivered:
            self._outbox[:0] = undelivered
            self._waiting = self._outbox_cost()
            self._keep_bound()
        if self._counted:
            self.settle()

    def _keep_bound(self) -> None:
        # One message as large as the bound may wait, with the overhead of its packet.
        if self.buffered > self.host.options.max_buffer + OVERHEAD:
            text = f"messages that take {self.buffered} bytes wait and are not taken"
            self.end(End(CloseReason.BUFFER, text, Limit.BUFFER), abort=True)

    def end(self, end: End, code: int = NORMAL, abort: bool = False) -> None:
        """End the session. Every end of a session comes here."""
        raise NotImplementedError
