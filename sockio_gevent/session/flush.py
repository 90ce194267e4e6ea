"""One write a tick: a session that has something to send is written once, at the tick's end."""

from __future__ import annotations

from typing import Any, Protocol

from ..monitoring.log import Log

__all__ = ["Flush"]


class Sender(Protocol):
    """What can be flushed."""

    touched: bool

    def flush(self) -> None:
        """Give all that waits to the transport. Must not block."""


class Flush:
    """The senders on one event loop that were touched in this tick.

    Args:
        log: where a failure of a sender is reported.
        loop: the event loop.
    """

    __slots__ = ("_log", "_loop", "_touched")

    def __init__(self, log: Log, loop: Any) -> None:
        self._log = log
        self._loop = loop
        self._touched: list[Sender] = []

    def touch(self, sender: Sender) -> None:
        """Flush this sender when the tick ends; only to be called if it is not touched.

        To be called in the thread of the loop.
        """
        sender.touched = True
        if not self._touched:
            self._loop.run_callback(self._run)
        self._touched.append(sender)

    def _run(self) -> None:
        touched, self._touched = self._touched, []
        for sender in touched:
            sender.touched = False
            try:
                sender.flush()
            except Exception:
                self._log.exception("%r could not be flushed", sender)
