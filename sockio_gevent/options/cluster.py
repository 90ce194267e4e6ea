"""The option ``cluster``: how the workers that serve one application find each other."""

from __future__ import annotations

import os
from typing import Any

__all__ = ["AUTO", "check"]

AUTO = "auto"

_KINDS = "'auto', None, or the path of a directory that begins with a slash"


def check(name: str, value: Any) -> str | None:
    """Check the option.

    Raises:
        TypeError: if it is neither a string nor ``None``.
        ValueError: if it names nothing that there is.
    """
    if value is None or value == AUTO:
        return value  # type: ignore[no-any-return]
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if not isinstance(value, str):
        raise TypeError(f"option {name!r} must be {_KINDS}, not {value!r:.80}")
    scheme, mark, _ = value.partition("://")
    if mark:
        raise ValueError(
            f"option {name!r}: workers meet on one machine so far, and not over {scheme!r:.20}: "
            f"it is {_KINDS}"
        )
    if not value.startswith("/") or "\0" in value:
        raise ValueError(f"option {name!r} must be {_KINDS}, not {value!r:.80}")
    return os.path.normpath(value)
