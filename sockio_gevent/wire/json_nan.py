"""NaN and the infinities, which JSON does not have (RFC 8259 section 6).

Encoders treat them in three ways: an error, a word that is no JSON (``NaN``), or ``null``. The
functions here find the last two.
"""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from typing import Any

__all__ = ["nan_in_text", "refuse_nan"]


def nan_in_text(text: str) -> bool:
    """Whether one of the words ``NaN`` and ``Infinity`` stands in JSON, outside of strings."""
    if "NaN" not in text and "Infinity" not in text:
        return False
    parts = text.replace("\\\\", "").replace('\\"', "").split('"')
    bare = '"'.join(parts[::2])
    return "NaN" in bare or "Infinity" in bare


def refuse_nan(value: Any) -> None:
    """Check a value that was encoded with a ``null`` in it, which may stand for NaN.

    This looks into ``dict``, ``list``, ``tuple`` and dataclasses, and takes as long as to
    encode the value with the module ``json``, which does it in C.

    Raises:
        ValueError: if the value holds NaN, an infinity or itself, or is nested too deep.
    """
    try:
        _encode(value)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _parts(value: Any) -> Any:
    """What to check in place of a value of a type that the module ``json`` does not know."""
    if is_dataclass(value) and not isinstance(value, type):
        return [getattr(value, field.name, None) for field in fields(value)]
    return None


_encode = json.JSONEncoder(
    skipkeys=True, ensure_ascii=False, allow_nan=False, default=_parts
).encode
