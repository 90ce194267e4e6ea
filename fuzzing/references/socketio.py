"""Socket.IO packets, read character by character."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["read"]

_RESERVED = ["connect", "connect_error", "disconnect", "disconnecting"]
_RESERVED += ["newListener", "removeListener"]

Packet = tuple[int, str, int | None, Any]


class _Bad(Exception):
    pass


def read(
    messages: Sequence[str | bytes],
    loads: Callable[[str], Any],
    max_attachments: int,
    max_size: int,
) -> tuple[list[Packet], bool]:
    """The packets up to the first mistake, and whether there was none."""
    packets: list[Packet] = []
    rest = list(messages)
    try:
        while rest:
            first = rest.pop(0)
            if isinstance(first, bytes):
                raise _Bad
            kind, due, namespace, ack_id, text = _head(first)
            if due is None:
                packets.append((kind, namespace, ack_id, _data(kind, text, loads)))
                continue
            size = len(first.encode()) if due else 0
            if due > max_attachments or size > max_size:
                raise _Bad
            attachments: list[bytes] = []
            while len(attachments) < due:
                if not rest:
                    return packets, True
                attachment = rest.pop(0)
                size += len(attachment)
                if not isinstance(attachment, bytes) or size > max_size:
                    raise _Bad
                attachments.append(attachment)
            data = _data(kind - 3, text, loads)
            used: list[bytes] = []
            data = _placed(data, attachments, used)
            if sum(map(len, used)) > max_size:
                raise _Bad
            packets.append((kind - 3, namespace, ack_id, data))
    except _Bad:
        return packets, False
    return packets, True


def _head(text: str) -> tuple[int, int | None, str, int | None, str]:
    """Type, attachments, namespace, number and JSON."""
    if text[:1] not in tuple("0123456"):
        raise _Bad
    kind, text = int(text[0]), text[1:]
    due = None
    digits = _digits(text)
    if kind > 4 or (0 < len(digits) < 10 and text[len(digits) : len(digits) + 1] == "-"):
        if kind < 5 or not 0 < len(digits) < 10 or text[len(digits) : len(digits) + 1] != "-":
            raise _Bad
        due, text = int(digits), text[len(digits) + 1 :]
    namespace = "/"
    if text.startswith("/"):
        namespace, _, text = text.partition(",")
    digits = _digits(text)[:15]
    return kind, due, namespace, int(digits) if digits else None, text[len(digits) :]


def _digits(text: str) -> str:
    count = 0
    while text[count : count + 1] in tuple("0123456789"):
        count += 1
    return text[:count]


def _data(kind: int, text: str, loads: Callable[[str], Any]) -> Any:
    """The data of a packet of this type."""
    data = None
    if text:
        try:
            data = loads(text)
        except ValueError:
            raise _Bad from None
    good = {
        0: not text or isinstance(data, dict),
        1: not text,
        2: isinstance(data, list) and bool(data) and _is_name(data[0]),
        3: isinstance(data, list),
        4: True,
    }
    if not good[kind]:
        raise _Bad
    return data


def _is_name(value: Any) -> bool:
    return (type(value) is str and value not in _RESERVED) or type(value) in (int, float)


def _placed(data: Any, attachments: list[bytes], used: list[bytes]) -> Any:
    """The same data with attachments in place of their placeholders."""
    if isinstance(data, list):
        return [_placed(each, attachments, used) for each in data]
    if not isinstance(data, dict):
        return data
    if data.get("_placeholder") is not True:
        return {name: _placed(each, attachments, used) for name, each in data.items()}
    number = data.get("num")
    if type(number) is not int or number not in range(len(attachments)):
        raise _Bad
    used.append(attachments[number])
    return attachments[number]
