"""The header ``Accept-Encoding``, RFC 9110 section 12.5.3."""

from __future__ import annotations

import re

__all__ = ["accepts_gzip"]


def accepts_gzip(accepted: str) -> bool:
    """Whether an ``Accept-Encoding`` has gzip in it."""
    for choice in accepted.lower().split(","):
        name, _, parameters = choice.partition(";")
        if name.strip() in ("gzip", "*"):
            weight = parameters.replace(" ", "").partition("q=")[2]
            return not re.fullmatch(r"0(\.0*)?", weight)
    return False
