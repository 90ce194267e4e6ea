"""Two workers of one application in the same process, each with a listener."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import sockio_gevent as io
from sockio_gevent.cluster.local import LocalBus

from .modern import listen_to_all
from .waiting import wait_until

__all__ = ["Pair", "two_workers"]


class Pair:
    """Two listeners that know each other.

    Attributes:
        here, there: the listeners.
        lines: what both have logged.
    """

    def __init__(self, here: io.Listener, there: io.Listener, lines: list[str]) -> None:
        self.here = here
        self.there = there
        self.lines = lines


@contextmanager
def two_workers(make: Callable[..., io.Listener] = listen_to_all, **options: Any) -> Iterator[Pair]:
    """Start two workers, which find each other as those in processes of their own do.

    Args:
        make: makes a listener.
        **options: of the listeners.
    """
    place = Path(tempfile.mkdtemp(prefix="bus"))
    lines: list[str] = []
    names = iter(["a" * 10, "b" * 10])

    def make_bus(options: Any, sessions: Any) -> LocalBus:
        return LocalBus(lambda: place, sessions.loops.here, sessions.log, name=next(names))

    with patch("sockio_gevent.listener.make_bus", make_bus):
        both = [make(log=lines.append, **options) for _ in range(2)]
    for each in both:
        assert each._sessions.bus is not None
        each._sessions.bus.start()
    wait_until(lambda: all(each.stats()["cluster"]["members"] == 2 for each in both), "joined")
    try:
        yield Pair(*both, lines)
    finally:
        for each in both:
            each.close(0)
        shutil.rmtree(place, ignore_errors=True)
