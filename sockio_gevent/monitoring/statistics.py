"""What a listener counts, and how that is shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from time import monotonic
from typing import Any

from ..compiled import FORM
from ..hub.per_hub import thread_lock
from ..refusal import Reason
from .reasons import CloseReason

__all__ = ["Counters", "Traffic"]


class Traffic:
    """What the sessions on one loop have sent and received; only the loop's thread counts.

    Attributes:
        messages_in: how many messages clients have sent.
        messages_out: how many messages were sent to clients; a broadcast
            counts once for each.
        bytes_in: the size of the payloads received.
        bytes_out: the size of the payloads given to connections.
    """

    __slots__ = ("bytes_in", "bytes_out", "messages_in", "messages_out")

    def __init__(self) -> None:
        self.messages_in = 0
        self.messages_out = 0
        self.bytes_in = 0
        self.bytes_out = 0

    def add(self, other: Traffic) -> None:
        """Add the counts of another one."""
        self.messages_in += other.messages_in
        self.messages_out += other.messages_out
        self.bytes_in += other.bytes_in
        self.bytes_out += other.bytes_out


class Counters:
    """What has happened to the sessions of one listener; any thread may count.

    Attributes:
        opened: how many sessions have begun.
        closes: how many have ended, by reason.
        refused: how many requests were refused, by reason.
        handed_over: how many connections other workers have taken, because their requests were
            for sessions of them.
        relayed: how many such requests were relayed, because their connections had to stay.
    """

    __slots__ = (
        "_lock",
        "_started",
        "closes",
        "handed_over",
        "opened",
        "refused",
        "relayed",
    )

    def __init__(self) -> None:
        self._started = monotonic()
        self._lock = thread_lock()
        self.opened = 0
        self.handed_over = 0
        self.relayed = 0
        self.closes: Counter[CloseReason] = Counter()
        self.refused: Counter[Reason] = Counter()

    def note_opened(self) -> None:
        """A session has begun."""
        with self._lock:
            self.opened += 1

    def note_closed(self, cause: CloseReason) -> None:
        """A session has ended."""
        with self._lock:
            self.closes[cause] += 1

    def note_refused(self, reason: Reason) -> None:
        """A request was refused."""
        with self._lock:
            self.refused[reason] += 1

    def note_given(self, relayed: bool) -> None:
        """Another worker has taken a connection, or a request that is relayed."""
        with self._lock:
            if relayed:
                self.relayed += 1
            else:
                self.handed_over += 1

    def stats(
        self,
        transports: Iterable[str],
        dialects: Iterable[str],
        sessions: Iterable[Any],
        traffic: Traffic,
    ) -> dict[str, Any]:
        """All of it as plain data; see :meth:`Listener.stats`."""
        by_transport = {name: {"open": 0, "away": 0} for name in transports}
        by_dialect = dict.fromkeys(dialects, 0)
        buffered = 0
        # Copied at once: the caller may be in another thread than the sessions.
        for session in list(sessions):
            by_transport[session.transport]["away" if session.away else "open"] += 1
            name = session.dialect.name
            by_dialect[name] = by_dialect.get(name, 0) + 1
            buffered += session.buffered
        return {
            "form": FORM,
            "uptime": monotonic() - self._started,
            "opened": self.opened,
            "sessions": by_transport,
            "dialects": by_dialect,
            "closes": {cause.value: self.closes[cause] for cause in CloseReason},
            "refused": {reason.value: self.refused[reason] for reason in Reason},
            "messages": {"in": traffic.messages_in, "out": traffic.messages_out},
            "bytes": {"in": traffic.bytes_in, "out": traffic.bytes_out},
            "buffered": buffered,
        }
