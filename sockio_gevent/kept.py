"""What is kept for clients that may come back after a cut: events, and who may get them.

Which of it is kept for how long is decided by :mod:`.recovery`.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Sequence
from time import monotonic
from typing import Any, Protocol

from .session.session import Session
from .wire.packet import Packet

__all__ = ["Kept", "KeptEvent"]

_SECRET_SIZE = 15  # bytes

# In place of an offset when nothing is kept any more; no client shows it.
_FORGOTTEN: Any = object()


class Keeper(Protocol):
    """What keeps all of it.

    Attributes:
        seconds: how long it is kept.
    """

    seconds: float

    def count_clients(self, event: KeptEvent, count: int) -> None:
        """An event is kept for so many more clients."""

    def awaits(self, kept: Kept) -> None:
        """A client was cut off."""

    def expire(self, kept: Kept) -> None:
        """A client does not come back in time."""


class KeptEvent:
    """One event, kept for all clients that it was sent to.

    Args:
        recovery: the recovery of the listener.
        namespace: the name of its namespace.
        offset: its number, as clients know it.
        packets: its packets.

    Attributes:
        clients: how many clients it is kept for.
        namespace, offset: the same as given.
        packets: the same as given; ``None`` when it is not kept any more.
        cost: about how many bytes of memory it takes.
        when: when it was sent, on the monotonic clock.
    """

    __slots__ = ("_recovery", "clients", "cost", "namespace", "offset", "packets", "when")

    def __init__(
        self, recovery: Keeper, namespace: str, offset: str, packets: Sequence[Packet]
    ) -> None:
        self._recovery = recovery
        self.clients = 0
        self.namespace = namespace
        self.offset = offset
        self.packets: Sequence[Packet] | None = packets
        self.cost = sum([packet.cost for packet in packets])
        self.when = monotonic()

    def count_clients(self, count: int) -> None:
        """It is kept for so many more clients, each of which takes a little memory."""
        self._recovery.count_clients(self, count)


class Kept:
    """What is kept of one client, while it is connected and for a time after a cut.

    It belongs to the thread of its session.

    Args:
        recovery: the recovery of the listener.
        space: the namespace of the client.
        session: the session of the client.
        secret: what the client shows when it comes back; ``None`` for a new one.
        offset: the offset that the client has shown; it shows that again if it sees no event.

    Attributes:
        client: the client.
        gone: whether it was cut off, and is awaited.
        secret: what the client shows when it comes back; when it is back it has the same.
        session, space: the same as given.
        slot: its place in the deadlines of the loop.
        successor: what is kept of the client that it has come back as; ``None`` before that.
    """

    __slots__ = (
        "_before",
        "_events",
        "_recovery",
        "_until",
        "client",
        "gone",
        "secret",
        "session",
        "slot",
        "space",
        "successor",
    )

    def __init__(
        self,
        recovery: Keeper,
        space: Any,
        session: Session,
        secret: str | None,
        offset: str | None,
    ) -> None:
        self._recovery = recovery
        self.space = space
        self.session = session
        self.client: Any = space.client_of(session)
        self.secret = secret or secrets.token_urlsafe(_SECRET_SIZE)
        self.gone = False
        self.slot: int | None = None
        self.successor: Kept | None = None
        self._until = 0.0
        self._events: deque[KeptEvent] = deque()
        # The offset of the last event that is not kept any more, or that came before all of them.
        self._before: Any = offset

    def note(self, event: KeptEvent) -> None:
        """An event was sent to the client, or would have been."""
        successor = self.successor
        if successor is None:
            self._events.append(event)
            self.drop_old()
        elif not successor._events or successor._events[-1] is not event:
            # Another thread has sent it just before the client came back, or it was sent by who
            # holds the old client. If both clients were to get it, the successor has noted it.
            for packet in event.packets or ():
                successor.session.enqueue(packet)
            successor.note(event)

    def drop_old(self) -> None:
        """Drop the first events that are not kept any more."""
        events = self._events
        while events and events[0].packets is None:
            self._before = events.popleft().offset

    def after(self, offset: Any) -> list[KeptEvent] | None:
        """The events behind the one that the client has seen last.

        Args:
            offset: the offset of that event; ``None`` if it has seen none.

        Returns:
            ``None`` if some of them are not kept any more.
        """
        self.drop_old()
        found: list[KeptEvent] = []
        for event in reversed(self._events):
            if event.offset == offset:
                break
            if event.packets is None:
                return None
            found.append(event)
        else:
            if self._before != offset:
                return None
        found.reverse()
        return found

    def await_return(self) -> None:
        """The client was cut off: keep what is sent to it, for the time of the option."""
        self.gone = True
        self._until = monotonic() + self._recovery.seconds
        self.await_again()

    def await_again(self) -> None:
        """The client was cut off on its way back: await it for the rest of the time."""
        self.session.loop.deadlines.look(self, self._until)
        self._recovery.awaits(self)

    def due(self, now: float) -> float | None:
        """The time for its return may be over."""
        if now < self._until:
            return self._until
        self._recovery.expire(self)
        return None

    def forget(self) -> None:
        """It does not come back any more, or is back."""
        self.session.loop.deadlines.forget(self)
        self._events.clear()
        self._before = _FORGOTTEN
        if self.session.kept is not None and self.successor is None:
            self.session.kept.pop(self.space.name, None)
