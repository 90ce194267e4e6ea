"""Let others have their turn: a greenlet that never has to wait would run for ever."""

from __future__ import annotations

from time import monotonic

import gevent

__all__ = ["TIME_SLICE", "rest"]

TIME_SLICE = 0.005  # seconds that a greenlet may go on while others wait


def rest() -> float:
    """Give the loop one turn.

    Returns:
        When the time for the next one has come, on the monotonic clock.
    """
    # Not sleep(0): that may be called back dozens of times before the loop
    # looks at its sockets again. A timer, however short, is behind them.
    gevent.sleep(0.001)
    return monotonic() + TIME_SLICE
