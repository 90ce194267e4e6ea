"""What of addresses may be shown: not whole session ids, and no control characters.

A log line has an address as the client has spelled it, escapes and all. It may
be cut out of a request that nobody could read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from re import Pattern

__all__ = ["printable", "session_id_pattern", "shorten_ids", "shown"]

_SLASH = "(?:/|%2[Ff])"
# A character of a segment of a path. What cannot be in one ends it: a line of a
# log may go on with a quote, or spell out the line break behind a target.
# There is one way only to read it: patterns that try many take for ever.
_HEX = "[0-9A-Fa-f]{2}"
_CHARACTER = rf"""(?:%(?!2[Ff]){_HEX}|%(?!{_HEX})|[^\s/?#%"'\\])"""


def session_id_pattern(resources: Iterable[str]) -> Pattern[str]:
    """What session ids look like below some resources, in whatever way they are escaped.

    Args:
        resources: the options of that name.
    """
    places = "|".join(map(_spelled, resources))
    well_spelled = (
        rf"({_SLASH}(?:{places}){_SLASH}{_CHARACTER}+{_SLASH}{_CHARACTER}{{8}}){_CHARACTER}+"
    )
    # In an address that is none of ours, for want of care: with more slashes, dots, capitals.
    misspelled = (
        rf"""({_SLASH}?(?i:{places}){_SLASH}[^\s?#"'\\]{{0,64}}"""
        rf"{_SLASH}(?:{_HEX}){{4}})(?:{_HEX}){{16,}}"
    )
    return re.compile(f"{misspelled}|{well_spelled}")


def _spelled(text: str) -> str:
    """A pattern for a text in which any character may be escaped."""
    spelled = []
    for byte in text.encode():
        escape = "".join(f"[{digit}{digit.upper()}]" for digit in f"{byte:02x}")
        spelled.append(f"(?:{re.escape(chr(byte))}|%{escape})")
    return "".join(spelled)


def shorten_ids(pattern: Pattern[str], text: str) -> str:
    """Leave eight characters of each session id.

    Args:
        pattern: what :func:`session_id_pattern` has made.
        text: an address, or a line with one.
    """
    return pattern.sub(r"\1\2...", text)


# They would break a line of a log, or act on the terminal that shows it.
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
    """What a log may show of a text; see :func:`shorten_ids` and :func:`printable`."""
    return printable(shorten_ids(pattern, text))
