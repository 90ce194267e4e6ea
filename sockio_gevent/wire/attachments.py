"""The attachments of Socket.IO packets: binary data, which leaves placeholders in the JSON."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["PLAIN", "BadPacket", "put_in_place", "without_binary"]

_ATTACHMENT = 64  # bytes of memory that an attachment takes, besides its own
# How deep data may be nested in which binary data is looked for: the compiled form knows no
# other bound than the end of the stack.
_DEEPEST = 1000

#: Types of values that hold no binary data.
PLAIN: Final = frozenset((str, int, float, bool, type(None)))
_BINARY = (bytes, bytearray, memoryview)


class BadPacket(ValueError):
    """A message is no packet, or not one that may come now."""


def put_in_place(data: Any, text: str, attachments: list[bytes], room: int) -> int:
    """Replace placeholders by their attachments.

    Args:
        data: the decoded JSON, which is changed.
        text: the JSON.
        attachments: all of the packet.
        room: how many bytes may be put in place. An attachment that has several
            placeholders counts for each.

    Returns:
        About how many bytes of memory that takes.

    Raises:
        BadPacket: if a placeholder has no attachment, or there is no room.
    """
    cost = 0
    if "_placeholder" not in text and "\\u" not in text:
        return cost
    # Without recursion: JSON may be nested as deep as the stack allows.
    rest = [data]
    while rest:
        node = rest.pop()
        for place, value in node.items() if isinstance(node, dict) else enumerate(node):
            if isinstance(value, dict):
                if value.get("_placeholder") is True:
                    attachment = _attachment(value, attachments)
                    room -= len(attachment)
                    if room < 0:
                        raise BadPacket("an attachment has too many placeholders")
                    cost += len(attachment) + _ATTACHMENT
                    node[place] = attachment
                else:
                    rest.append(value)
            elif isinstance(value, list):
                rest.append(value)
    return cost


def _attachment(placeholder: dict[str, Any], attachments: list[bytes]) -> bytes:
    number = placeholder.get("num")
    if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < len(attachments):
        return attachments[number]
    raise BadPacket("a placeholder without its attachment")


def without_binary(value: Any, attachments: list[bytes], depth: int = _DEEPEST) -> Any:
    """Take binary data out of a value; what has none inside is not copied.

    Args:
        value: the value, which is not changed.
        attachments: where the data is put, in its order.
        depth: how deep the value may be nested.

    Raises:
        RecursionError: if it is nested deeper, or holds itself.
    """
    if not depth:
        raise RecursionError
    if isinstance(value, (list, tuple)):
        items: Any = enumerate(value)
    elif isinstance(value, dict):
        items = value.items()
    elif isinstance(value, _BINARY):
        attachments.append(bytes(value))
        return {"_placeholder": True, "num": len(attachments) - 1}
    else:
        return value
    copy: Any = None
    for place, inner in items:
        if type(inner) in PLAIN:
            continue
        bare = without_binary(inner, attachments, depth - 1)
        if bare is not inner:
            if copy is None:
                copy = dict(value) if isinstance(value, dict) else list(value)
            copy[place] = bare
    return value if copy is None else copy
