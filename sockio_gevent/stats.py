"""What a listener counts, and how that is shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from time import monotonic
from typing import Any

from .ends import Cause
from .refusal import Reason

__all__ = ["Counters"]


class Counters:
    """What has happened to the sessions of one listener so far.

    Attributes:
        opened: how many sessions have begun.
        closes: how many have ended, by cause.
        refused: how many requests were refused, by reason.
        messages_in: how many messages clients have sent.
        messages_out: how many messages were sent to clients; a broadcast
            counts once for each.
        bytes_in: the size of the payloads received.
        bytes_out: the size of the payloads given to connections.
    """

    __slots__ = (
        "_started",
        "bytes_in",
        "bytes_out",
        "closes",
        "messages_in",
        "messages_out",
        "opened",
        "refused",
    )

    def __init__(self) -> None:
        self._started = monotonic()
        self.opened = 0
        self.closes: Counter[Cause] = Counter()
        self.refused: Counter[Reason] = Counter()
        self.messages_in = 0
        self.messages_out = 0
        self.bytes_in = 0
        self.bytes_out = 0

    def stats(self, transports: Iterable[str], clients: Iterable[Any]) -> dict[str, Any]:
        """All of it as plain data; see :meth:`Listener.stats`."""
        sessions = {name: {"open": 0, "away": 0} for name in transports}
        buffered = 0
        # Copied at once: who asks may run in another thread than the sessions.
        for client in list(clients):
            sessions[client.transport]["away" if client.away else "open"] += 1
            buffered += client.buffered
        return {
            "uptime": monotonic() - self._started,
            "opened": self.opened,
            "sessions": sessions,
            "closes": {cause.value: self.closes[cause] for cause in Cause},
            "refused": {reason.value: self.refused[reason] for reason in Reason},
            "messages": {"in": self.messages_in, "out": self.messages_out},
            "bytes": {"in": self.bytes_in, "out": self.bytes_out},
            "buffered": buffered,
        }
