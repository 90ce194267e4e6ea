"""Payloads of Engine.IO as clients write and read them, apart from the package.

A packet is a ``str`` with its type, or the ``bytes`` of a binary message.
"""

from __future__ import annotations

from base64 import b64decode, b64encode

__all__ = ["Packet", "decode", "encode", "encode_binary", "frame", "unframe"]

Packet = str | bytes

_SEPARATOR = "\x1e"


def encode(version: int, *packets: Packet) -> str:
    """A text payload."""
    texts = [_as_text(version, each) for each in packets]
    if version == 4:
        return _SEPARATOR.join(texts)
    return "".join(f"{_units(text)}:{text}" for text in texts)


def encode_binary(*packets: Packet) -> bytes:
    """A binary payload of version 3."""
    payload = b""
    for packet in packets:
        is_text = isinstance(packet, str)
        data = packet.encode() if isinstance(packet, str) else b"\x04" + packet
        length = bytes(int(digit) for digit in str(len(data)))
        payload += (b"\x00" if is_text else b"\x01") + length + b"\xff" + data
    return payload


def decode(version: int, payload: bytes, binary: bool = False) -> list[Packet]:
    """The packets in a payload.

    Args:
        version: 3 or 4.
        payload: the payload.
        binary: whether its content type says that it is a binary one.
    """
    if binary:
        return _decode_binary(payload)
    text = payload.decode()
    if version == 4:
        return [_as_packet(4, part) for part in text.split(_SEPARATOR)]
    packets = []
    units = text.encode("utf-16-le")
    while units:
        length, mark, units = units.partition(":".encode("utf-16-le"))
        assert mark, payload
        size = 2 * int(length.decode("utf-16-le"))
        assert 0 < size <= len(units), payload
        packets.append(_as_packet(3, units[:size].decode("utf-16-le")))
        units = units[size:]
    return packets


def _decode_binary(payload: bytes) -> list[Packet]:
    packets: list[Packet] = []
    while payload:
        kind, (length, payload) = payload[0], payload[1:].split(b"\xff", 1)
        assert max(length) < 10, payload
        size = int("".join(map(str, length)))
        data, payload = payload[:size], payload[size:]
        assert len(data) == size, payload
        assert kind in (0, 1)
        if kind == 0:
            packets.append(data.decode())
        else:
            assert data[0] == 4
            packets.append(data[1:])
    return packets


def frame(version: int, packet: bytes) -> bytes:
    """The data of the binary WebSocket frame of a binary message."""
    return packet if version == 4 else b"\x04" + packet


def unframe(version: int, data: bytes) -> bytes:
    """The binary message in the data of a binary WebSocket frame."""
    if version == 4:
        return data
    assert data[:1] == b"\x04"
    return data[1:]


def _as_text(version: int, packet: Packet) -> str:
    if isinstance(packet, str):
        return packet
    return ("b" if version == 4 else "b4") + b64encode(packet).decode()


def _as_packet(version: int, text: str) -> Packet:
    if text[:1] != "b":
        assert text[:1] in set("0123456"), text
        return text
    if version == 3:
        assert text[1] == "4"
        return b64decode(text[2:], validate=True)
    return b64decode(text[1:], validate=True)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
