"""Makes addresses safe for logs: without whole session ids and control characters.

A log line shows an address as the client has spelled it, with its escapes. The
address may even be a part of a request that could not be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from re import Pattern

__all__ = ["printable", "session_id_pattern", "shorten_ids", "shown"]

_SLASH = "(?:/|%2[Ff])"
# A character in a segment of a path. Any other character ends the segment: in a log line
# a quote may follow, or the spelled-out line break after a target. Each text matches in
# one way only: a pattern that tries many ways takes too long.
_HEX = "[0-9A-Fa-f]{2}"
_CHARACTER = rf"""(?:%(?!2[Ff]){_HEX}|%(?!{_HEX})|[^\s/?#%"'\\])"""


def session_id_pattern(resources: Iterable[str]) -> Pattern[str]:
    """Make a pattern for session ids in addresses below some resources, however they are escaped.

    Args:
        resources: the options of that name.
    """
    places = "|".join(map(_spelled, resources))
    well_spelled = (
        rf"({_SLASH}(?:{places}){_SLASH}{_CHARACTER}+{_SLASH}{_CHARACTER}{{8}}){_CHARACTER}+"
    )
    # An address that is almost one of ours: with more slashes, dots or capitals.
    misspelled = (
        rf"""({_SLASH}?(?i:{places}){_SLASH}[^\s?#"'\\]{{0,64}}"""
        rf"{_SLASH}(?:{_HEX}){{4}})(?:{_HEX}){{16,}}"
    )
    return re.compile(f"{misspelled}|{well_spelled}")


def _spelled(text: str) -> str:
    """Make a pattern for a text in which any character may be escaped."""
    spelled = []
    for byte in text.encode():
        escape = "".join(f"[{digit}{digit.upper()}]" for digit in f"{byte:02x}")
        spelled.append(f"(?:{re.escape(chr(byte))}|%{escape})")
    return "".join(spelled)


def shorten_ids(pattern: Pattern[str], text: str) -> str:
    """Cut each session id to eight characters.

    Args:
        pattern: a pattern that :func:`session_id_pattern` has made.
        text: an address, or a line with one.
    """
    return pattern.sub(r"\1\2...", text)


# These would break a log line, or control the terminal that shows it.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def printable(text: str) -> str:
    r"""Write control characters as escapes like ``\x1b``."""
    if text.isprintable():
        return text
    return _CONTROLS.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def shown(pattern: Pattern[str], text: str) -> str:
    """The form of a text that a log may show; see :func:`shorten_ids` and :func:`printable`."""
    return printable(shorten_ids(pattern, text))
