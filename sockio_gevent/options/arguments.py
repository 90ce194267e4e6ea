"""Checks of arguments that several methods of the public face take: before anything is sent."""

from __future__ import annotations

from typing import Any

from .callables import callable_problem

__all__ = ["check_callback", "check_timeout"]

_LONGEST = 1e9  # seconds, some thirty years; so infinity is refused


def check_timeout(timeout: Any, or_none: bool = True) -> None:
    """Check how long to wait.

    Args:
        timeout: a number of seconds.
        or_none: whether ``None`` may be given, too.

    Raises:
        TypeError: if it is neither.
        ValueError: if it is no time to wait, such as NaN.
    """
    if timeout is None and or_none:
        return
    for_ever = ", or None to wait for ever" if or_none else ""
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
        raise TypeError(f"timeout is a number of seconds{for_ever}, not {timeout!r:.80}")
    if not 0 <= timeout < _LONGEST:  # NaN is in no range
        raise ValueError(
            f"timeout {timeout!r} is not a time to wait: give the seconds from 0 on{for_ever}"
        )


def check_callback(callback: Any) -> None:
    """Check a function that gets the arguments of an answer; ``None`` is none.

    Raises:
        TypeError: if it cannot be called, or is ``async`` or a generator.
    """
    problem = "" if callback is None else callable_problem(callback, None)
    if problem:
        raise TypeError(f"{callback!r:.80} cannot be the callback of an answer: {problem}")
