"""Recovery: a client that was cut off goes on where it was, if it comes back in time.

Each event that is sent to a client that could come back has a number, its offset, and is
kept for a while: once, however many clients it was for. A client tells with its return
which event it has seen last, and gets those behind it. The option ``recovery`` turns it on.

The idea, and what the client does for it, is that of Socket.IO 4.6 ("connection state
recovery"); see the page of the protocol, version 5.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from time import monotonic
from typing import Any

from .hub.per_hub import thread_lock
from .kept import Kept, KeptEvent
from .monitoring.reasons import CloseReason
from .options.same_peer import are_same_peer
from .session.session import Session
from .wire.packet import Packet

__all__ = ["CUTS", "Recovery"]

#: The ends of sessions after which a client may come back. A client that leaves says so to its
#: namespaces first; one that only closes its connection may be a page that the network has left.
CUTS = frozenset(
    (
        CloseReason.AWAY,
        CloseReason.CLIENT,
        CloseReason.HEARTBEAT,
        CloseReason.LOST,
        CloseReason.STALLED,
    )
)

_REFERENCE = 8  # bytes that the place of an event takes among those of one client

# A client drops events that are not kept any more when it is sent the next one. Those of quiet
# clients are dropped when there are more than so many for each client.
_STALE_OF_ONE = 16
_STALE = 1000


class Recovery:
    """What is kept of all clients of one listener.

    Args:
        seconds: the option ``recovery``.
        most: how many bytes of events may be kept; ``None`` for any number.
        most_awaited: how many clients may be awaited at once; ``None`` for any number.
        most_of_one: how many of them may be from one address; ``None`` for any number.

    Attributes:
        seconds: the same as given.
    """

    __slots__ = (
        "_awaited",
        "_by_network",
        "_by_secret",
        "_held",
        "_lock",
        "_log",
        "_most",
        "_most_awaited",
        "_most_of_one",
        "_number",
        "_stale",
        "seconds",
    )

    def __init__(
        self,
        seconds: float,
        most: int | None,
        most_awaited: int | None,
        most_of_one: int | None = None,
    ) -> None:
        self.seconds = seconds
        self._most = most
        self._most_awaited = most_awaited
        self._most_of_one = most_of_one
        # The first cut off comes first; the same by the networks of their sessions.
        self._awaited: dict[Kept, None] = {}
        self._by_network: dict[str, dict[Kept, None]] = {}
        self._lock = thread_lock()
        self._number = 0
        self._log: deque[KeptEvent] = deque()
        self._held = 0
        self._stale = 0  # places of events that are not kept any more
        self._by_secret: dict[str, Kept] = {}

    def new_offset(self) -> str:
        """The offset of one more event."""
        with self._lock:
            self._number += 1
            return str(self._number)

    def keep_event(self, namespace: str, offset: str, packets: Sequence[Packet]) -> KeptEvent:
        """Keep an event."""
        event = KeptEvent(self, namespace, offset, packets)
        with self._lock:
            self._log.append(event)
            self._held += event.cost
            self._drop_old(event.when)
        return event

    def count_clients(self, event: KeptEvent, count: int) -> None:
        """An event is kept for so many more clients."""
        with self._lock:
            if event.packets is not None:
                event.clients += count
                event.cost += count * _REFERENCE
                self._held += count * _REFERENCE
                self._drop_old(event.when)

    def _drop_old(self, now: float) -> None:
        log, oldest = self._log, now - self.seconds
        while log and (
            log[0].when < oldest or (self._most is not None and self._held > self._most)
        ):
            event = log.popleft()
            self._held -= event.cost
            self._stale += event.clients
            event.packets = None
        if self._stale > _STALE + _STALE_OF_ONE * len(self._by_secret):
            self._stale = 0
            for kept in list(self._by_secret.values()):
                kept.session.loop.call(kept.drop_old)

    def keep(
        self, space: Any, session: Session, secret: str | None, offset: str | None = None
    ) -> Kept:
        """Keep what is sent to a client from now on.

        Args:
            space: its namespace.
            session: its session.
            secret: what it has shown, if it has come back; by the same it knows that it is back.
            offset: the offset that it has shown, if any.
        """
        kept = Kept(self, space, session, secret, offset)
        if session.kept is None:
            session.kept = {}
        session.kept[space.name] = kept
        self._by_secret[kept.secret] = kept
        return kept

    def awaits(self, kept: Kept) -> None:
        """A client was cut off. If too many are awaited, the first of them is not any more."""
        with self._lock:
            self._awaited[kept] = None
            while (first := next(iter(self._awaited))).session.loop.hub.dead:
                self.expire(first)  # nothing else on that loop does it
            network = kept.session.network
            # Addresses of this machine are not counted; see SessionQuota.
            of_one = self._by_network.setdefault(network, {}) if network else {}
            of_one[kept] = None
            excess = self._most_awaited is not None and len(self._awaited) > self._most_awaited
            if self._most_of_one is not None and len(of_one) > self._most_of_one:
                # Nobody crowds out the clients of others.
                first, excess = next(iter(of_one)), True
        if excess:
            first.session.loop.call(self.expire, first)

    def claim(self, secret: Any, space: Any, session: Session) -> Kept | None:
        """What is kept of the client that shows this; nobody else can claim it then.

        With the option ``same_peer``, the secret is not enough.

        Args:
            secret: what it shows.
            space: the namespace that it wants to connect to.
            session: its new session.
        """
        kept = self._by_secret.get(secret) if isinstance(secret, str) else None
        if kept is None or kept.space is not space or kept.session.loop is not session.loop:
            return None
        host, old = session.host, kept.session.bound_to
        if host.options.same_peer is not None and not are_same_peer(
            host.throttled_log, old, session.bound_to
        ):
            return None
        self.hold(kept)
        return kept

    def hold(self, kept: Kept) -> None:
        """Await a client no longer: it is on its way back, or does not come back any more."""
        if self._by_secret.get(kept.secret) is kept:
            del self._by_secret[kept.secret]
        with self._lock:
            self._awaited.pop(kept, None)
            network = kept.session.network
            of_one = self._by_network.get(network)
            if of_one is not None:
                of_one.pop(kept, None)
                if not of_one:
                    del self._by_network[network]
        kept.session.loop.deadlines.forget(kept)

    def unclaim(self, kept: Kept) -> None:
        """A client was cut off on its way back: it may come back once more."""
        self._by_secret[kept.secret] = kept
        kept.await_again()

    def release(self, kept: Kept) -> None:
        """A client has left for good, or is back as another one."""
        self.hold(kept)
        kept.forget()

    def expire(self, kept: Kept) -> None:
        """A client does not come back in time."""
        self.release(kept)
        kept.space.remove(kept.session)
        kept.space.forget(kept.session)
        with self._lock:
            self._drop_old(monotonic())
