"""Let others have their turn: a greenlet that never has to wait would run for ever."""

from __future__ import annotations

from time import monotonic
from typing import Any

import gevent

__all__ = ["TIME_SLICE", "rest", "turn_end"]

TIME_SLICE = 0.005  # seconds that greenlets may go on while others wait

_resting: set[Any] = set()  # greenlets, of all threads


def turn_end() -> float:
    """When a greenlet that begins its turn has to rest, on the monotonic clock.

    Those that rest share one slice: hundreds with a slice each would keep
    everyone waiting for seconds.
    """
    return monotonic() + TIME_SLICE / (1 + len(_resting))


def rest() -> float:
    """Give the loop one turn.

    Returns:
        When the time for the next one has come, on the monotonic clock.
    """
    this = gevent.getcurrent()
    _resting.add(this)
    try:
        # Not sleep(0): that may be called back dozens of times before the loop
        # looks at its sockets again. A timer, however short, is behind them.
        gevent.sleep(0.001)
    finally:
        _resting.discard(this)
    return turn_end()
