"""Waiting for what no event tells of."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from time import monotonic
from typing import TypeVar

import gevent

from .http import DEADLINE

T = TypeVar("T")

# First, a look in each turn of the loop, for a server in this process needs only some of them:
# so many, and for so many seconds at most.
_TURNS, _AT_ONCE = 100, 0.01
# Seconds between two looks after that: ever more, because many tests wait at the same time, and
# each look takes time from what they wait for.
_PAUSE, _LONGEST_PAUSE = 0.002, 0.02


def wait_until(
    condition: Callable[[], T],
    what: str = "",
    about: object = "",
    deadline: float = DEADLINE,
) -> T:
    """Wait until something is true; greenlets of this process run meanwhile.

    Args:
        condition: looks whether it is.
        what: what is true then, for the failure.
        about: what it is about; shown as it is at the end.
        deadline: seconds after which the test fails.

    Returns:
        What the condition has returned.
    """
    over = gevent.Timeout(deadline)
    began = monotonic()
    pause = _PAUSE
    try:
        with over:
            for turn in count():
                if found := condition():
                    return found
                if turn < _TURNS and monotonic() - began < _AT_ONCE:
                    gevent.sleep(0)
                else:
                    gevent.sleep(pause)
                    pause = min(1.3 * pause, _LONGEST_PAUSE)
    except gevent.Timeout as ended:
        if ended is not over:
            raise
    raise AssertionError(f"not within {deadline} s: {what}\n{about}")
