"""The option ``cluster``: how the workers that serve one application find each other."""

from __future__ import annotations

import os
from typing import Any

__all__ = ["AUTO", "check", "is_redis"]

AUTO = "auto"

_KINDS = "'auto', None, the address of a Redis, or the path of a directory, '/…'"
_REDIS = ("redis", "rediss", "unix", "valkey", "valkeys")
_OF_SEVERAL = ("sentinel", "cluster")


def is_redis(value: str) -> bool:
    """Whether a value of the option is the address of a Redis."""
    scheme, mark, _ = value.partition("://")
    scheme, plus, kind = scheme.partition("+")
    several = kind in _OF_SEVERAL and scheme != "unix" if plus else True
    return bool(mark) and scheme in _REDIS and several


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
    if is_redis(value):
        return value
    scheme, mark, _ = value.partition("://")
    if mark:
        # Not the whole: it may hold a password.
        raise ValueError(
            f"option {name!r}: workers cannot meet over {scheme!r:.20}: addresses of Redis begin "
            f"with {', '.join(f'{each}://' for each in _REDIS)}, redis+sentinel:// or "
            "redis+cluster://"
        )
    if not value.startswith("/") or "\0" in value:
        raise ValueError(f"option {name!r} must be {_KINDS}, not {value!r:.80}")
    return os.path.normpath(value)
