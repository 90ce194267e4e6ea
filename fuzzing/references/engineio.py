"""Engine.IO payloads, forms and frames, read as a client of the other side would write them."""

from __future__ import annotations

from . import utf8
from .payload import joined, units

__all__ = ["base64", "read_binary_payload", "read_form", "read_frame", "read_payload", "to_base64"]

Packet = str | bytes

_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def base64(text: str) -> bytes | None:
    """The bytes of base64, six bits a character; ``None`` if it is none."""
    bits, ended = "", False
    for character in text:
        if character in "\r\n":
            continue
        if character == "=":
            ended = True
            continue
        if character in "+-":
            value = 62
        elif character in "/_":
            value = 63
        else:
            value = _DIGITS.find(character)
        if ended or value < 0:
            return None
        bits += f"{value:06b}"
    if len(bits) % 8 == 6:
        return None
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits) - 7, 8))


def to_base64(data: bytes) -> str:
    """Base64 with its padding."""
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 6)
    text = "".join((_DIGITS + "+/")[int(bits[at : at + 6], 2)] for at in range(0, len(bits), 6))
    return text + "=" * (-len(text) % 4)


def read_frame(version: int, frame: str | bytes) -> Packet | None:
    """The packet of a frame; ``None`` if it is none."""
    if isinstance(frame, bytes):
        if version == 4:
            return frame
        return frame[1:] if frame and frame[0] == 4 else None
    if frame and frame[0] in "0123456":
        return frame
    mark = "b" if version == 4 else "b4"
    return base64(frame[len(mark) :]) if frame.startswith(mark) else None


def read_payload(version: int, payload: str) -> tuple[list[Packet], bool]:
    """The packets up to the first mistake, and whether there was none."""
    packets: list[Packet] = []
    if version == 4:
        for part in payload.split("\x1e"):
            packet = read_frame(4, part)
            if packet is None:
                return packets, False
            packets.append(packet)
        return packets, True
    rest = units(payload)
    if not rest:
        return [], False
    while rest:
        length, digits = 0, 0
        while digits < len(rest) and chr(rest[digits]) in "0123456789":
            length = 10 * length + rest[digits] - ord("0")
            digits += 1
        if not 1 <= digits <= 15 or rest[digits : digits + 1] != [ord(":")]:
            return packets, False
        text = joined(rest[digits + 1 : digits + 1 + length])
        rest = rest[digits + 1 :]
        if text is None or len(rest) < length:
            return packets, False
        rest = rest[length:]
        if text:
            packet = read_frame(3, text)
            if packet is None:
                return packets, False
            packets.append(packet)
    return packets, True


def read_binary_payload(body: bytes) -> tuple[list[Packet], bool]:
    """The same for a binary payload."""
    packets: list[Packet] = []
    if not body:
        return [], False
    while body:
        length, at = 0, 1
        while at < len(body) and body[at] < 10:
            length = 10 * length + body[at]
            at += 1
        if body[0] > 1 or not 2 <= at <= 16 or body[at : at + 1] != b"\xff":
            return packets, False
        data = body[at + 1 : at + 1 + length]
        if len(data) < length:
            return packets, False
        frame = data if body[0] else utf8.decode(data)
        packet = None if frame is None else read_frame(3, frame)
        if packet is None:
            return packets, False
        packets.append(packet)
        body = body[at + 1 + length :]
    return packets, True


def read_form(text: str) -> str:
    """The payload in the field of a form: each ``n`` behind backslashes has one too many."""
    found, backslashes = "", 0
    for character in text:
        if character == "\\":
            backslashes += 1
            continue
        if character == "n" and backslashes:
            found += "\\" * (backslashes - 1) + "n" if backslashes > 1 else "\n"
        else:
            found += "\\" * backslashes + character
        backslashes = 0
    return found + "\\" * backslashes
