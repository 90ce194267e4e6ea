"""NaN and the infinities, which JSON does not have (RFC 8259 section 6).

Encoders treat them in three ways: an error, a word that is no JSON (``NaN``), or ``null``. The
functions here find the last two, and cost little for messages without them.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from math import isfinite
from typing import Any

__all__ = ["nan_in_text", "nan_in_value"]


def nan_in_text(text: str) -> bool:
    """Whether one of the words ``NaN`` and ``Infinity`` stands in JSON, outside of strings."""
    if "NaN" not in text and "Infinity" not in text:
        return False
    parts = text.replace("\\\\", "").replace('\\"', "").split('"')
    bare = '"'.join(parts[::2])
    return "NaN" in bare or "Infinity" in bare


def nan_in_value(value: Any) -> bool:
    """Whether a value has become ``null`` because it is, or holds, NaN or an infinity.

    It looks into ``dict``, ``list``, ``tuple`` and dataclasses.
    """
    # Without recursion, because a handler's stack may be nearly full.
    rest = [value]
    while rest:
        each = rest.pop()
        if isinstance(each, float):
            if not isfinite(each):
                return True
        elif isinstance(each, (list, tuple)):
            rest.extend(each)
        elif isinstance(each, dict):
            rest.extend(each)
            rest.extend(each.values())
        elif is_dataclass(each) and not isinstance(each, type):
            rest.extend([getattr(each, field.name, None) for field in fields(each)])
    return False
