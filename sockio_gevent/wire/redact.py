"""Makes addresses safe for logs: without whole session ids and control characters.

A log line shows an address as the client has spelled it, with its escapes. The
address may even be a part of a request that could not be read.

Each dialect knows where its addresses have session ids, in the path or in the query; here
are the shorteners for both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from re import Pattern

__all__ = ["Shortener", "ids_in_paths", "ids_in_queries", "printable", "shown"]

#: Cuts the session ids in a text, an address or a line with one, to eight characters.
Shortener = Callable[[str], str]

_SLASH = "(?:/|%2[Ff])"
# A character in a segment of a path. Any other character ends the segment: in a log line
# a quote may follow, or the spelled-out line break after a target. Each text matches in
# one way only: a pattern that tries many ways takes too long.
_HEX = "[0-9A-Fa-f]{2}"
_CHARACTER = rf"""(?:%(?!2[Ff]){_HEX}|%(?!{_HEX})|[^\s/?#%"'\\])"""


@lru_cache
def ids_in_paths(resource: str) -> Shortener:
    """Make a shortener for ids in ``/<resource>/<transport>/<id>``, however that is escaped.

    Args:
        resource: the option of that name.
    """
    place = _spelled(resource)
    well_spelled = rf"({_SLASH}{place}{_SLASH}{_CHARACTER}+{_SLASH}{_CHARACTER}{{8}}){_CHARACTER}+"
    # An address that is almost one of ours: with more slashes, dots or capitals.
    misspelled = (
        rf"""({_SLASH}?(?i:{place}){_SLASH}[^\s?#"'\\]{{0,64}}"""
        rf"{_SLASH}(?:{_HEX}){{4}})(?:{_HEX}){{16,}}"
    )
    return partial(re.compile(f"{misspelled}|{well_spelled}").sub, r"\1\2...")


@lru_cache
def ids_in_queries(resource: str, name: str) -> Shortener:
    """Make a shortener for ids in ``/<resource>/?<name>=<id>``.

    The name and the id are found as they are, because escapes in a query are not undone
    when it is read. In other queries only what looks like an id of this library is cut.

    Args:
        resource: the option of that name.
        name: the name of the field.
    """
    # To the end of the address, so that none of its parts is searched twice. Text in which
    # no blank marks the end of the address is searched to the end of the line.
    query = re.compile(rf"{_SLASH}{_spelled(resource)}{_SLASH}?\?[^ \r\n]+")
    field = re.compile(rf"""([?&]{name}=[^\s&#"'\\]{{8}})[^\s&#"'\\]+""")
    # An address that is almost one of ours, or one inside of another address.
    alike = re.compile(
        rf"((?:[?&]|%3[Ff]|%26)(?i:{name})(?:=|%3[Dd])(?:{_HEX}){{4}})(?:{_HEX}){{12,}}"
    )
    return partial(_shorten_in_queries, query, field, alike)


def _shorten_in_queries(
    query: Pattern[str], field: Pattern[str], alike: Pattern[str], text: str
) -> str:
    if "=" not in text and "%3" not in text:
        return text  # most addresses of classic clients
    if "?" in text:
        text = query.sub(lambda match: field.sub(r"\1...", match[0]), text)
    return alike.sub(r"\1...", text)


def _spelled(text: str) -> str:
    """Make a pattern for a text in which any character may be escaped."""
    spelled = []
    for byte in text.encode():
        escape = "".join(f"[{digit}{digit.upper()}]" for digit in f"{byte:02x}")
        spelled.append(f"(?:{re.escape(chr(byte))}|%{escape})")
    return "".join(spelled)


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


def shown(shorteners: Iterable[Shortener], text: str) -> str:
    """The form of a text that a log may show; see :func:`printable`.

    Args:
        shorteners: one for each form of addresses.
        text: an address, or a line with one.
    """
    for shorten in shorteners:
        text = shorten(text)
    return printable(text)
