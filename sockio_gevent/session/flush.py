"""The flush: a session is written once in an iteration of the loop, however much it sends."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from ..compiled import mypyc_attr
from ..monitoring.log import Log

__all__ = ["Flush", "Sender"]


@mypyc_attr(allow_interpreted_subclasses=True)
class Sender:
    """A session, or anything else that can be flushed.

    Attributes:
        touched: whether it will be flushed at the end of this iteration of the loop.
    """

    __slots__ = ("touched",)

    def __init__(self) -> None:
        self.touched = False

    @abstractmethod
    def flush(self) -> None:
        """Give everything in the outbox to the transport. Must not block."""


class Flush:
    """The senders on one event loop that have something to flush in this iteration.

    Args:
        log: where a failure of a sender is reported.
        loop: the event loop.
    """

    __slots__ = ("_callback", "_log", "_loop", "_touched")

    def __init__(self, log: Log, loop: Any) -> None:
        self._log = log
        self._loop = loop
        self._touched: list[Sender] = []
        self._callback = self._run  # which would be made anew each time

    def touch(self, sender: Sender) -> None:
        """Flush this sender at the end of this iteration of the loop.

        Call it in the thread of the loop, and only for a sender that is not touched.
        """
        sender.touched = True
        if not self._touched:
            self._loop.run_callback(self._callback)
        self._touched.append(sender)

    def _run(self) -> None:
        touched, self._touched = self._touched, []
        for sender in touched:
            sender.touched = False
            try:
                sender.flush()
            except Exception:
                self._log.exception("%r could not be flushed", sender)
