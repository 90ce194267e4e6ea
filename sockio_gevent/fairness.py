"""Let others have their turn: a greenlet that never has to wait would run for ever."""

from __future__ import annotations

from time import monotonic

import gevent

__all__ = ["TIME_SLICE", "breathe"]

TIME_SLICE = 0.005  # seconds that a greenlet may go on while others wait


def breathe(rested: float) -> float:
    """Give the loop one turn if this greenlet has gone on for long enough.

    Args:
        rested: when it last let others run, on the monotonic clock.

    Returns:
        The same, brought up to date.
    """
    if monotonic() - rested < TIME_SLICE:
        return rested
    # Not sleep(0): that may be called back dozens of times before the loop
    # looks at its sockets again. A timer, however short, is behind them.
    gevent.sleep(0.001)
    return monotonic()
