"""Warnings for the author of the program: each shows the line of the program that caused it."""

from __future__ import annotations

import inspect
import warnings

from gevent import monkey

__all__ = ["advise", "advise_patching"]

_PACKAGE = __name__.partition(".")[0]


def advise(text: str) -> None:
    """Warn about the line of the program that has called this package."""
    frame, level = inspect.currentframe(), 1
    while frame is not None and _is_ours(frame.f_globals.get("__name__", "")):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, RuntimeWarning, stacklevel=level)


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == _PACKAGE


def advise_patching(what: str) -> bool:
    """Warn if a handler that waits would stop the whole server.

    Args:
        what: what the program relies on.

    Returns:
        Whether it has warned.
    """
    if monkey.is_module_patched("socket"):
        return False
    advise(
        f"{what}: handlers run in greenlets, and the standard library is not patched. While one "
        "waits, for example in time.sleep() or for a database, the whole server stands still: make "
        "'from gevent import monkey; monkey.patch_all()' the first lines of the program, or serve "
        "with 'python -m sockio_gevent'"
    )
    return True
