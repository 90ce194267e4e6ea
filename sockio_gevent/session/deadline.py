"""What is due in a session, and when: its deadline, and the deadline of its handlers."""

from __future__ import annotations

from time import monotonic
from typing import Any

from ..dialects.base import Dialect
from ..monitoring.reasons import CloseReason, End, Limit
from ..transports.downlink import Downlink
from ..wire.websocket import INTERNAL_ERROR
from .handler_timeout import HandlerTimeout
from .inbox import Inbox
from .session_host import SessionHost

__all__ = ["Deadline"]

# How often the deadline of an answer may come while the client has sent something unread.
_MOST_WAITS = 4


class Deadline(Inbox):
    """The part of a session that knows what is due, and when.

    What happens then is decided by each kind of session.

    Attributes:
        slot: the place of the session in the deadlines of its loop.
    """

    __slots__ = ("_awaits_answer", "_deadline", "slot")

    def __init__(
        self,
        host: SessionHost,
        dialect: Dialect,
        session_id: str,
        transport: str,
        environ: dict[str, Any],
    ) -> None:
        super().__init__(host, dialect, session_id, transport, environ)
        self.slot: int | None = None
        # While a heartbeat waits for its answer: how often the deadline of the answer has come,
        # and one more.
        self._awaits_answer = 0
        self._deadline: float | None = None

    def _set_deadline(self, seconds: float | None) -> None:
        now = monotonic()
        self._deadline = None if seconds is None else now + seconds
        limit = self.host.options.handler_timeout
        if limit is None or (seconds is not None and seconds <= limit and not self.handlers.busy):
            again = self._deadline
        else:
            again = self._next_check(now)
        if again is None:
            self.loop.deadlines.forget(self)
        else:
            self.loop.deadlines.look(self, again)

    def due(self, now: float) -> float | None:
        """The deadline has come: do what is due, and return when to check again."""
        if self._deadline is not None and now >= self._deadline:
            self._on_deadline()
        limit = self.host.options.handler_timeout
        if limit is not None and self.handlers.busy and now - self.handlers.since >= limit:
            self._stop_handler(limit)
        return self._next_check(now)

    def _next_check(self, now: float) -> float | None:
        """When something may be due next; ``None`` for never."""
        closed, busy = self.ending is not None, self.handlers.busy
        deadline = None if closed else self._deadline
        limit = self.host.options.handler_timeout
        if limit is None or (closed and not busy and not self.handlers.calls):
            return deadline
        # A handler that begins after now cannot be late before this time.
        late = (min(self.handlers.since, now) if busy else now) + limit
        return late if deadline is None or late < deadline else deadline

    def _stop_handler(self, limit: float) -> None:
        """End a handler that has not returned in time, and its session."""
        text = f"a handler has not returned for {limit:g} s"
        if self.ending is not None:
            line = "session %s (%s, %s) has ended, and %s"
            said = Limit.HANDLER.of(text)
            self.host.limits.note(Limit.HANDLER, line, *self.named(), said)
        self.end(End(CloseReason.LIMIT, text, Limit.HANDLER), INTERNAL_ERROR)
        # Each of the others might take as long.
        self.handlers.drop(promised=True)
        self.handlers.throw(HandlerTimeout(text))

    def _on_deadline(self) -> None:
        """The deadline has come: end the session, or do what is due and set the next one."""
        raise NotImplementedError

    def _may_have_answered(self, downlink: Downlink) -> bool:
        """Whether the answer to a heartbeat may have arrived and not been read yet."""
        if self.handlers.stops_reading:
            return True  # nothing is read until there is room
        # A client that sends without a pause always has something unread. But before so many
        # deadlines have come, its answer would have been read.
        self._awaits_answer += 1
        return self._awaits_answer <= _MOST_WAITS and downlink.has_unread()
