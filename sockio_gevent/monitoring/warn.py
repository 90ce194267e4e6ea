"""Warnings for the author of the program: each shows the line of the program that caused it."""

from __future__ import annotations

import sys
import warnings

__all__ = ["PATCH_FIRST", "advise"]

PATCH_FIRST = "make 'from gevent import monkey; monkey.patch_all()' the first lines of the program"


def advise(text: str) -> None:
    """Warn about the line of the program that has called this package."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and _is_ours(frame.f_globals.get("__name__", "")):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, RuntimeWarning, stacklevel=level)


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == __name__.partition(".")[0]
