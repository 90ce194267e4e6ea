"""The frames of the old drafts: the parser against a slow one, however the stream is cut."""

from __future__ import annotations

from typing import Any

from sockio_gevent.wire.hixie import HixieParser, encode_text
from sockio_gevent.wire.websocket import NO_STATUS, Close, Failure

from ..references import utf8
from ..supply import Supply

__all__ = ["SEEDS", "TOKENS", "check"]

LIMITS = (1, 5, 100, 5000)

TOKENS = (
    b"\x00",
    b"\xff",
    b"\xff\x00",
    b"\x00\xff",
    b"\x00hello\xff",
    b"\xc3\xa9",
    b"\xed\xa0\x80",
)
SEEDS = tuple(
    bytes((limit, closing)) + b"\0\x03\0\x07\0\x0b" + stream
    for limit in (1, 2)
    for closing in (0, 1)
    for stream in (
        b"\x00one\xff\x00\xff\x00two\xff",
        b"\x00a\xff\xff\x00\x00b\xff",
        b"\x00\xc3\xff",
    )
)


def check(data: bytes) -> None:
    """Feed one stream in three ways."""
    supply = Supply(data)
    max_size = supply.choice(LIMITS)
    closing = bool(supply.number(2))
    places = supply.places(3)
    stream = supply.rest()
    expected = _read(stream, max_size, closing)
    for pieces in ([stream], Supply.cut(stream, places), [bytes((byte,)) for byte in stream]):
        parser = HixieParser(max_size, closing)
        events: list[tuple[Any, ...]] = []
        for piece in pieces:
            events += [_told(event) for event in parser.feed(piece)]
            assert len(parser._buffer) <= max_size + 1, f"{len(parser._buffer)} bytes are kept"
        assert events == expected
        assert parser.finished == (bool(expected) and expected[-1][0] != "text")
    text = utf8.decode(stream)
    if text is not None:
        frame = encode_text(stream)
        assert HixieParser(len(stream) + 1, closing).feed(frame) == [text]


def _told(event: object) -> tuple[Any, ...]:
    if isinstance(event, Failure):
        assert event.reason
        return ("failure", event.code)
    if isinstance(event, Close):
        assert event == (NO_STATUS, "")
        return ("close",)
    return ("text", event)


def _read(stream: bytes, max_size: int, closing: bool) -> list[tuple[Any, ...]]:
    """The same byte by byte."""
    events: list[tuple[Any, ...]] = []
    payload: list[int] | None = None
    half_closed = False
    for byte in stream:
        if payload is not None:
            if byte != 0xFF:
                payload.append(byte)
                if len(payload) > max_size:
                    return [*events, ("failure", 1009)]
                continue
            text = utf8.decode(bytes(payload))
            if text is None:
                return [*events, ("failure", 1007)]
            events.append(("text", text))
            payload = None
        elif half_closed:
            return [*events, ("close",) if byte == 0 else ("failure", 1002)]
        elif byte == 0xFF and closing:
            half_closed = True
        elif byte == 0:
            payload = []
        else:
            return [*events, ("failure", 1002)]
    return events
