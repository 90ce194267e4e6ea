"""Whether a text is JSON, RFC 8259 sections 2 to 7: a machine with a stack and no recursion."""

from __future__ import annotations

import re
from math import isinf

__all__ = ["depth_of", "is_json", "may_overflow"]

_SPACE = re.compile("[ \t\n\r]*")
_SCALAR = re.compile(
    r"true|false|null"
    r"|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
    r'|"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"'
)
_NAME = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"[ \t\n\r]*:')
_FLOAT = re.compile(r"[0-9]+(?:\.[0-9]+)?[eE]\+?[0-9]+|[0-9]{300,}\.[0-9]+")


def is_json(text: str) -> bool:
    """Whether it is one value, with space around it."""
    stack: list[str] = []  # the brackets that are open
    position, wanted = 0, "value"
    while True:
        position = _skip(text, position)
        character = text[position : position + 1]
        if wanted == "end of value":
            if not stack:
                return position == len(text)
            if character == ",":
                position, wanted = position + 1, "name" if stack[-1] == "{" else "value"
            elif character == {"{": "}", "[": "]"}[stack[-1]]:
                stack.pop()
                position += 1
            else:
                return False
        elif wanted == "name":
            name = _NAME.match(text, position)
            if name is None:
                return False
            position, wanted = name.end(), "value"
        elif character in ("{", "["):
            stack.append(character)
            inside = _skip(text, position + 1)
            if text[inside : inside + 1] == {"{": "}", "[": "]"}[character]:
                wanted = "end of value"
            else:
                wanted = "name" if character == "{" else "value"
            position = inside
        else:
            scalar = _SCALAR.match(text, position)
            if scalar is None:
                return False
            position, wanted = scalar.end(), "end of value"


def _skip(text: str, position: int) -> int:
    space = _SPACE.match(text, position)
    return position if space is None else space.end()


def depth_of(text: str) -> int:
    """No value in it is nested deeper than this."""
    return text.count("[") + text.count("{")


def may_overflow(text: str) -> bool:
    """Whether something in it looks like a number that no float holds."""
    return any(isinf(float(number)) for number in _FLOAT.findall(text))
