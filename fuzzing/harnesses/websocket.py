"""RFC 6455 frames: the parser against a slow one, however the stream is cut.

Half of the streams may have compressed messages, RFC 7692.
"""

from __future__ import annotations

from typing import Any, cast

from sockio_gevent.wire.deflate import Compression
from sockio_gevent.wire.websocket import Close, Failure, Ping, Pong
from sockio_gevent.wire.websocket_deflate import DeflateRfc6455
from sockio_gevent.wire.websocket_extensions import Agreement, PerMessageDeflate, agree
from sockio_gevent.wire.websocket_masking import apply_mask
from sockio_gevent.wire.websocket_parser import FrameParser

from ..references import websocket as reference
from ..supply import Supply

__all__ = ["SEEDS", "TOKENS", "check"]

LIMITS = (1, 10, 125, 126, 1000, 70_000)
# Bytes of an unfinished frame that are kept beside the limit: a header, or a control frame.
_SPARE = 14 + 125
_AGREEMENT = cast(Agreement, agree("permessage-deflate", PerMessageDeflate()))
_MASKS = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x37\xfa\x21\x3d", b"\x81\x00\x80\x7f")

TOKENS = (
    b"\x81\x80\0\0\0\0",
    b"\x81\x85\0\0\0\0hello",
    b"\x01\x81\0\0\0\0a",
    b"\x00\x81\0\0\0\0b",
    b"\x80\x81\0\0\0\0c",
    b"\x82\xfe\x00\x7e\0\0\0\0",
    b"\x82\xff\0\0\0\0\0\x01\0\0\0\0\0\0",
    b"\x88\x82\0\0\0\0\x03\xe8",
    b"\x89\x80\0\0\0\0",
    b"\x8a\x81\0\0\0\0p",
    b"\xc3\xa9",
    b"\xf0\x9f\x98\x80",
    b"\xed\xa0\x80",
    b"\xc1\x87\0\0\0\0\xf2\x48\xcd\xc9\xc9\x07\0",
    b"\x41\x83\0\0\0\0\xf2\x48\xcd",
    b"\x80\x84\0\0\0\0\xc9\xc9\x07\0",
    b"\xc1\x88\0\0\0\0\xf3\x48\xcd\xc9\xc9\x07\0\0",
)
# The first byte chooses the limit, the second how the rest is read and whether messages may be
# compressed, six say where to cut.
SEEDS = tuple(
    bytes((limit, mode)) + b"\0\x03\0\x07\0\x0b" + stream
    for limit in (1, 4)
    for mode, stream in (
        (0, b"".join(TOKENS[:6])),
        (0, TOKENS[1] + TOKENS[8] + TOKENS[7]),
        (0, TOKENS[1]),
        (0, TOKENS[6]),
        (0, TOKENS[2] + TOKENS[8] + TOKENS[4]),
        (1, b"\x01\x06\0sixsix\x80\x06\1sixsix"),
        (1, b"\x81\x7d\x20" + b"x" * 125),
        (1, b"\x01\x02\0ab\x09\x00\0\x80\x01\1c"),
        (1, b"\x08\x02\2\x03\xe8\x81\x05\0hello"),
        (1, b"\x81\xc8\0" + b"x" * 200),
        (2, b"".join(TOKENS[13:16])),
        (2, TOKENS[16] + TOKENS[1] + TOKENS[13]),
        (2, TOKENS[14] + TOKENS[8] + TOKENS[15]),
        (3, b"\xc1\x05\x04hello\xc2\xc8\x0c" + b"x" * 200),
        (3, b"\x41\x06\0sixsix\x09\0\0\x80\0\0"),
        (3, b"\xc1\x64\x4c" + b"y" * 100),
        (3, b"\xc0\0\0"),
        (3, b"\x91\0\0"),
        (3, b"\xa1\0\0"),
    )
)


def check(data: bytes) -> None:
    """Feed one stream in three ways."""
    supply = Supply(data)
    max_size = supply.choice(LIMITS)
    how = supply.number(4)
    deflate = how > 1
    places = supply.places(3)
    stream = _build(supply, deflate) if how % 2 else supply.rest()
    expected = reference.read(stream, max_size, deflate)
    ways = ([stream], Supply.cut(stream, places), [bytes((byte,)) for byte in stream[:3000]])
    for pieces in ways[: 3 if len(stream) <= 3000 else 2]:
        parser = DeflateRfc6455(max_size, _AGREEMENT) if deflate else FrameParser(max_size)
        assert feed(parser, pieces, max_size) == expected
        ended = bool(expected) and expected[-1][0] in ("close", "failure")
        assert parser.finished == ended
        if ended:
            assert parser.feed(stream) == []


def feed(parser: FrameParser, pieces: list[bytes], max_size: int) -> list[tuple[Any, ...]]:
    """The events of a parser as the reference tells them."""
    events: list[tuple[Any, ...]] = []
    most = max_size + _SPARE
    if isinstance(parser, DeflateRfc6455):
        most += max_size // 8 + 64
    for piece in pieces:
        events += [_told(event) for event in parser.feed(piece)]
        while parser.paused:
            events += [_told(event) for event in parser.feed(b"")]
        kept = len(parser._buffer or b"") + len(parser._fragments or b"")
        assert kept <= most, f"{kept} bytes are kept"
    return events


def _told(event: object) -> tuple[Any, ...]:
    match event:
        case Close(code, reason):
            return ("close", code, reason)
        case Failure(code, reason):
            assert reason
            return ("failure", code)
        case Ping(payload):
            return ("ping", payload)
        case Pong(payload):
            return ("pong", payload)
        case str():
            return ("text", event)
        case bytes():
            return ("binary", event)
    raise AssertionError(f"{event!r} is no event")


def _build(supply: Supply, deflate: bool) -> bytes:
    """Frames that are mostly well formed, which random bytes would hardly make."""
    stream = b""
    while not supply.empty:
        first, size, how = supply.take(3).ljust(3, b"\0")
        mask = _MASKS[how % 4]
        payload = supply.take(size)
        # Now and then something long.
        payload *= (1, 1, 1, 400)[how // 4 % 4]
        if deflate and first & 0x40:
            payload = Compression(1 + how % 9, 9).compress(payload)
        head = bytes((first,)) + _length(len(payload), how // 16 % 4)
        stream += head + mask + apply_mask(payload, mask)
    return stream


def _length(length: int, form: int) -> bytes:
    """The second byte and the extended length; forms over 1 may be longer than needed."""
    if form == 3:
        return b"\xff" + length.to_bytes(8, "big")
    if length < 126 and form != 2:
        return bytes((0x80 | length,))
    if length < 65536:
        return b"\xfe" + length.to_bytes(2, "big")
    return b"\xff" + length.to_bytes(8, "big")
