"""The check of the option ``per_message_deflate``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Literal

from ..wire.websocket_extensions import PerMessageDeflate
from . import checks
from .suggestions import did_you_mean

__all__ = ["per_message_deflate"]


def per_message_deflate(name: str, value: Any) -> PerMessageDeflate | Literal[False]:
    """``True`` for the defaults, a dict of what is different, or ``False``."""
    if isinstance(value, bool):
        return PerMessageDeflate() if value else False
    if isinstance(value, PerMessageDeflate):
        value = vars(value)
    if not isinstance(value, Mapping):
        raise checks.wrong(name, value, "True, False or a dict")
    known = tuple(each.name for each in fields(PerMessageDeflate))
    for key, given in value.items():
        place = f"{name}[{key!r}]"
        if key not in known:
            raise TypeError(f"no option {place!r}: {did_you_mean(str(key), known)}")
        _CHECKS[key](place, given)
    return PerMessageDeflate(**value)


def _level(name: str, value: object) -> None:
    checks.positive(most=9)(name, value)


def _window_bits(name: str, value: object) -> None:
    checks.positive(most=15)(name, value)
    if value < 9:  # type: ignore[operator]
        raise ValueError(f"option {name!r} must be at least 9, not {value!r}")


def _flag(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise checks.wrong(name, value, "True or False")


_CHECKS: dict[str, checks.Check] = {
    "level": _level,
    "threshold": checks.count,
    "window_bits": _window_bits,
    "context_takeover": _flag,
}
