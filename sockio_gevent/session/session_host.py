"""The table of sessions, as sessions see it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ..monitoring.log import Log
from ..monitoring.reasons import End
from ..monitoring.statistics import Counters
from ..monitoring.throttled_log import ThrottledLog
from ..options.limits import Limits
from ..options.listener_options import Context, Options
from ..transports.base import Downlink
from .loops import Loops
from .memory import Memory

__all__ = ["SessionHost"]


class SessionHost(Protocol):
    """What a session asks of the listener that keeps it.

    The session is an ``Any`` here: to name its class would make a circle.
    """

    options: Options
    log: Log
    throttled_log: ThrottledLog
    loops: Loops
    memory: Memory
    counters: Counters
    limits: Limits
    context: Context | None
    closing: bool

    def opened(self, client: Any) -> BaseException | None:
        """The session's client has connected: run the listener's handlers.

        Returns:
            The first of what they have raised; it has been logged.
        """

    def received(self, message: Any, client: Any) -> BaseException | None:
        """A message has come: run the listener's handlers; see :meth:`opened`."""

    def ended(self, client: Any, end: End, downlinks: Sequence[Downlink]) -> None:
        """The session has ended: forget it, and spawn its farewell.

        Args:
            client: the session.
            end: why.
            downlinks: its connections, which are not over yet.
        """

    def gone(self, client: Any) -> BaseException | None:
        """The session's own handlers have seen its end: run the listener's; see :meth:`opened`."""

    def broadcast(self, message: Any, exclude: Any = None) -> None:
        """Send a message to all sessions."""
