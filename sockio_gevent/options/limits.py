"""Clients that exceed a limit: the refusal that they get, the count, and the log line."""

from __future__ import annotations

from collections import Counter

from ..hub.per_hub import thread_lock
from ..monitoring.reasons import Limit
from ..monitoring.throttled_log import ThrottledLog
from ..refusal import Header, Reason, Refusal
from ..wire.websocket import POLICY_VIOLATION

__all__ = ["Limits", "OverLimit"]


class OverLimit(Refusal):
    """The refusal of a request, or of data on a WebSocket, that is over a limit.

    Args:
        limit: the limit.
        status: the HTTP status.
        text: what was wrong, one line for the client and the log.
        *headers: the headers of the answer.
        code: the close code, for data on a WebSocket.
    """

    def __init__(
        self, limit: Limit, status: str, text: str, *headers: Header, code: int = POLICY_VIOLATION
    ) -> None:
        super().__init__(status, text, *headers)
        self.limit = limit
        self.code = code
        self.counted_as(Reason.LIMIT, limit.of(self.text))


class Limits:
    """Counts and logs how often clients exceed the limits of one listener.

    Args:
        log: the throttled log of the listener.

    Attributes:
        exceeded: how often, by limit.
    """

    __slots__ = ("_lock", "_log", "exceeded")

    def __init__(self, log: ThrottledLog) -> None:
        self._lock = thread_lock()
        self.exceeded: Counter[Limit] = Counter()
        self._log = log

    def stats(self) -> dict[str, int]:
        """How often each limit was exceeded, as plain data."""
        return {limit.value: self.exceeded[limit] for limit in Limit}

    def note(self, limit: Limit, line: str, *arguments: object) -> None:
        """Count that a client was over a limit, and log it."""
        with self._lock:
            self.exceeded[limit] += 1
        self._log.warning(limit, line, *arguments)
