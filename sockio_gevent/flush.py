"""One write a tick: who has something to send is written once, at the tick's end."""

from __future__ import annotations

from typing import Protocol

import gevent

from .log import Log

__all__ = ["Flush"]


class Sender(Protocol):
    """What can be flushed."""

    touched: bool

    def flush(self) -> None:
        """Give all that waits to the transport. Must not block."""


class Flush:
    """The senders of one listener that were touched in this tick of the loop.

    Args:
        log: where a failure of a sender is reported.
    """

    __slots__ = ("_log", "_touched")

    def __init__(self, log: Log) -> None:
        self._log = log
        self._touched: list[Sender] = []

    def touch(self, sender: Sender) -> None:
        """Flush this sender when the tick ends; only to be called if it is not touched."""
        sender.touched = True
        if not self._touched:
            gevent.get_hub().loop.run_callback(self._run)
        self._touched.append(sender)

    def _run(self) -> None:
        touched, self._touched = self._touched, []
        for sender in touched:
            sender.touched = False
            try:
                sender.flush()
            except Exception:
                self._log.exception("%r could not be flushed", sender)
