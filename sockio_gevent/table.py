"""What a session asks of the listener that keeps it.

The session is an ``Any`` here: to name its class would make a circle.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from .flush import Flush
from .log import Log
from .options import Context, Options
from .stats import Counters
from .sweep import Sweep

__all__ = ["Table"]


class Table(Protocol):
    """What a session asks of the listener that keeps it.

    The session is an ``Any`` here: to name its class would make a circle.
    """

    options: Options
    log: Log
    sweep: Sweep
    flush: Flush
    counters: Counters
    context: Context | None

    def opened(self, client: Any) -> None:
        """The session's client has connected: run the listener's handlers."""

    def received(self, message: Any, client: Any) -> None:
        """A message has come: run the listener's handlers."""

    def ended(self, client: Any) -> None:
        """The session has ended: forget it, and spawn its farewell."""

    def gone(self, client: Any) -> None:
        """The session's own handlers have seen its end: run the listener's."""

    def broadcast(self, message: Any, exclude: str | Iterable[str] | None = None) -> None:
        """Send a message to all sessions."""
