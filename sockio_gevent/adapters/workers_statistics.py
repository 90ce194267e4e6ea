"""The statistics of all workers of this machine, for whoever asks one of them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from ..cluster.bus import Bus, Message

__all__ = ["WorkersStatistics"]

_KIND = "stats"


class WorkersStatistics:
    """What the workers tell each other about themselves.

    Args:
        bus: the bus to the other workers; ``None`` if there can be none.
        stats: returns the statistics of this worker.
    """

    def __init__(self, bus: Bus | None, stats: Callable[[], dict[str, Any]]) -> None:
        self._bus = None if bus is None else bus.of_machine
        self._stats = stats
        if bus is not None:
            bus.receive(_KIND, self._tell)

    def _tell(self, message: Message) -> None:
        message.answer(json.dumps([os.getpid(), self._stats()]).encode())

    def gather(self, timeout: float) -> dict[int, dict[str, Any]]:
        """Ask all; see :meth:`Listener.stats_of_workers`."""
        found = {os.getpid(): self._stats()}
        if self._bus is not None:
            for body in self._bus.ask_all(_KIND, b"", timeout).answers.values():
                try:
                    pid, stats = json.loads(body)
                except (TypeError, ValueError):
                    continue
                if isinstance(pid, int) and isinstance(stats, dict):
                    found.setdefault(pid, stats)
        return found
