"""One write a tick: who has something to send is written once, at the tick's end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import gevent
from gevent import monkey

from .log import Log

__all__ = ["Flush"]


# Threads, not greenlets: patched, get_ident tells the latter apart.
_get_ident = monkey.get_original("_thread", "get_ident")


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

    __slots__ = ("_log", "_loop", "_thread", "_touched")

    def __init__(self, log: Log) -> None:
        self._log = log
        self._loop: Any = None
        self._thread = 0
        self._touched: list[Sender] = []

    def touch(self, sender: Sender) -> None:
        """Flush this sender when the tick ends; only to be called if it is not touched."""
        if _get_ident() != self._thread and not self._serves_here():
            self._loop.run_callback_threadsafe(self._touch_from_afar, sender)
            return
        sender.touched = True
        if not self._touched:
            self._loop.run_callback(self._run)
        self._touched.append(sender)

    def elsewhere(self, function: Callable[[], object]) -> bool:
        """Whether another thread is the one that serves; then it will call this function.

        Args:
            function: what only that thread may do.
        """
        if _get_ident() == self._thread or self._serves_here():
            return False
        self._loop.run_callback_threadsafe(function)
        return True

    def _serves_here(self) -> bool:
        """Whether this thread is the one that serves; the first to come is."""
        if self._loop is None:
            self._thread = _get_ident()
            self._loop = gevent.get_hub().loop
        return bool(_get_ident() == self._thread)

    def _touch_from_afar(self, sender: Sender) -> None:
        if not sender.touched:
            self.touch(sender)

    def _run(self) -> None:
        touched, self._touched = self._touched, []
        for sender in touched:
            sender.touched = False
            try:
                sender.flush()
            except Exception:
                self._log.exception("%r could not be flushed", sender)
