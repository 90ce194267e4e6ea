"""Engine.IO packets, versions 3 and 4: how they travel in payloads, forms and WebSocket frames.

A packet is one character, its type, and data. A binary message is the data alone.

===================  =========================================================================
WebSocket            a text frame is a text packet; a binary frame is a binary message, in
                     version 3 behind the byte 0x04
polling, version 4   packets with U+001E between them; a binary message is ``b`` and base64
polling, version 3   ``<length>:<packet>`` for each packet; a binary message is ``b4`` and base64
``octet-stream``,    for each packet 0x00 (text) or 0x01 (binary), the length in bytes as decimal
version 3            digits of value 0 to 9, 0xff, and the packet; binary begins with 0x04
===================  =========================================================================

Clients 1.x differ from clients 2.x in one thing, and do not say which they are: in text payloads
of version 3, their text is encoded in UTF-8 twice. See :func:`undo_utf8` and :func:`escape_json`.
The other forms are the same for both.

The dialect decides what a packet means, and which form an answer has.
"""

from __future__ import annotations

import re
from binascii import a2b_base64, b2a_base64
from json.encoder import encode_basestring_ascii
from typing import Final

from . import utf16

__all__ = [
    "CLOSE",
    "MESSAGE",
    "NOOP",
    "OPEN",
    "PING",
    "PONG",
    "TOO_MANY",
    "UPGRADE",
    "Packets",
    "binary_prefixed",
    "decode_binary_payload",
    "decode_frame",
    "decode_payload",
    "encode_binary",
    "encode_text",
    "escape_json",
    "length_prefixed",
    "undo_form",
    "undo_utf8",
]

OPEN: Final = "0"
CLOSE: Final = "1"
PING: Final = "2"
PONG: Final = "3"
MESSAGE: Final = "4"
UPGRADE: Final = "5"
NOOP: Final = "6"

# The packets before the first mistake, and the mistake or an empty string. A `str` is a
# text packet with its type; `bytes` are the data of a binary message.
Packets = tuple[list[str | bytes], str]

# The mistake of a payload with too many packets. Callers compare it by identity.
TOO_MANY: Final = "too many packets"

_TYPES = frozenset((OPEN, CLOSE, PING, PONG, MESSAGE, UPGRADE, NOOP))
_NO_TYPE = "no packet type"
_NO_BASE64 = "bad base64"
_NO_BINARY_MESSAGE = "a binary packet that is no message"

_SEPARATOR = "\x1e"
# No payload has so many bytes that a length needs more digits, and the conversion of
# fifteen digits costs little.
_HEADER = re.compile(r"([0-9]{1,15}):")
_BINARY_HEADER = re.compile(rb"([\x00\x01])([\x00-\x09]{1,15})\xff")
_DIGITS = bytes.maketrans(bytes(range(10)), b"0123456789")
_VALUES = bytes.maketrans(b"0123456789", bytes(range(10)))

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
# Line breaks and the alphabet for addresses are read, too, as Node reads them.
_STANDARD = bytes.maketrans(b"-_", b"+/")
_LINE_BREAKS = b"\r\n"


def decode_payload(version: int, payload: str, most: int | None) -> Packets:
    """Cut the text that a client has posted into packets.

    It never raises. The first mistake ends the decoding, and the packets before it are kept.

    Args:
        version: 3 or 4.
        payload: the text.
        most: how many packets it may have; more are a mistake, :data:`TOO_MANY`.
            ``None`` for any number.
    """
    texts, problem = _separated(payload, most) if version == 4 else _counted(payload, most)
    packets: list[str | bytes] = []
    for text in texts:
        if text[:1] in _TYPES:
            packets.append(text)
        elif text or version == 4:
            packet, mistake = _decode_text(version, text)
            if packet is None:
                return packets, f"{mistake} in packet {len(packets) + 1}"
            packets.append(packet)
    return packets, problem


def _separated(payload: str, most: int | None) -> utf16.Cut:
    texts = payload.split(_SEPARATOR, -1 if most is None else most)
    if most is not None and len(texts) > most:
        return texts[:most], TOO_MANY
    return texts, ""


def _counted(payload: str, most: int | None) -> utf16.Cut:
    texts, problem = utf16.cut(payload, _HEADER, "<length>:", most)
    return texts, TOO_MANY if problem is utf16.PAST_MOST else problem


def decode_binary_payload(body: bytes, most: int | None) -> Packets:
    """Cut the bytes that a client of version 3 has posted into packets.

    It never raises, as :func:`decode_payload`.

    Args:
        body: the bytes.
        most: how many packets there may be; ``None`` for any number.
    """
    packets: list[str | bytes] = []
    position, end = 0, len(body)
    while position < end:
        header = _BINARY_HEADER.match(body, position)
        if header is None:
            return packets, f"no length at {position}"
        if len(packets) == most:
            return packets, TOO_MANY
        start = header.end()
        length = int(header[2].translate(_DIGITS))
        position = start + length
        if position > end:
            return packets, f"the length {length} is past the end, at {start}"
        data = body[start:position]
        packet: str | bytes | None
        if header[1] == b"\1":
            packet, mistake = decode_frame(3, data)
        else:
            try:
                packet, mistake = decode_frame(3, data.decode())
            except UnicodeDecodeError:
                packet, mistake = None, "text that is not UTF-8"
        if packet is None:
            return packets, f"{mistake} in packet {len(packets) + 1}"
        packets.append(packet)
    return packets, "" if end else "the payload is empty"


def decode_frame(version: int, frame: str | bytes | bytearray) -> tuple[str | bytes | None, str]:
    """Read the packet of one WebSocket message.

    Args:
        version: 3 or 4.
        frame: the message; ``str`` of a text frame.

    Returns:
        The packet, and an empty string; or ``None``, and the mistake.
    """
    if isinstance(frame, str):
        return (frame, "") if frame[:1] in _TYPES else _decode_text(version, frame)
    if version == 4:
        return bytes(frame), ""
    if frame[:1] != b"\4":
        return None, _NO_BINARY_MESSAGE
    return bytes(memoryview(frame)[1:]), ""


def _decode_text(version: int, text: str) -> tuple[str | bytes | None, str]:
    """Read a text packet that may be a binary message in base64."""
    if text[:1] != "b":
        return None, _NO_TYPE
    if version == 4:
        return _decode_base64(text[1:])
    if text[1:2] != MESSAGE:
        return None, _NO_BINARY_MESSAGE
    return _decode_base64(text[2:])


def _decode_base64(text: str) -> tuple[bytes | None, str]:
    """Decode base64 with or without its padding."""
    if not text.isascii():
        return None, _NO_BASE64
    digits = text.encode().translate(_STANDARD, _LINE_BREAKS).rstrip(b"=")
    excess = len(digits) % 4
    if excess == 1 or digits.translate(None, _ALPHABET):
        return None, _NO_BASE64
    return a2b_base64(digits + b"=" * (-excess % 4)), ""


def undo_form(text: str) -> str:
    r"""Read the field ``d`` of a form, by which clients without XMLHttpRequest post.

    A form may change line breaks. So clients write a line break as ``\n``, and ``\n``
    with one backslash more.
    """
    if "\\n" not in text:
        return text
    return "\\n".join([part.replace("\\n", "\n") for part in text.split("\\\\n")])


def undo_utf8(packet: str) -> str:
    """Read a text packet of version 3 from a text payload.

    Clients 1.x encode its text in UTF-8 before they do the same with the payload; clients
    2.x do not. Text that is not UTF-8 inside is of a client 2.x, and stays as it is.
    """
    if packet.isascii():
        return packet
    try:
        return packet.encode("latin-1").decode()
    except UnicodeError:
        return packet


def escape_json(packet: bytes) -> bytes:
    """Write JSON in ASCII, which clients 1.x and 2.x read alike in a text payload.

    Args:
        packet: JSON in UTF-8, with anything in ASCII before it.
    """
    if packet.isascii():
        return packet
    escaped = encode_basestring_ascii(packet.decode())[1:-1]
    # Quotes and backslashes were escaped, too, which is wrong: the packet is JSON already.
    return escaped.replace('\\"', '"').replace("\\\\", "\\").encode()


def encode_text(packet: str) -> bytes:
    """Encode a text packet; lone surrogates become U+FFFD."""
    return utf16.to_utf8(packet)


def encode_binary(version: int, data: bytes) -> bytes:
    """Write a binary message as text, for payloads and frames that can carry only that."""
    return (b"b" if version == 4 else b"b4") + b2a_base64(data, newline=False)


def length_prefixed(packet: bytes) -> bytes:
    """Write a packet for a text payload of version 3.

    Args:
        packet: a text packet in UTF-8, or a binary message as text.
    """
    return b"%d:%b" % (utf16.code_units(packet), packet)


def binary_prefixed(packet: bytes, text: bool) -> bytes:
    """Write a packet for a binary payload of version 3.

    Args:
        packet: a text packet in UTF-8, or the data of a binary message.
        text: whether it is a text packet.
    """
    if text:
        return b"\0%b\xff%b" % (_digits(len(packet)), packet)
    return b"\1%b\xff\4%b" % (_digits(len(packet) + 1), packet)


def _digits(number: int) -> bytes:
    return (b"%d" % number).translate(_VALUES)
