"""The parser of the frames that clients send, RFC 6455 section 5.

It takes bytes as they come and returns the messages that they complete. It
cuts all frames of one read, unmasks without a loop over bytes, and decodes each
text message once, which also validates it. The connection, not the parser,
answers pings and closes.
"""

from __future__ import annotations

from typing import Final

from ..compiled import mypyc_attr
from .websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    INVALID_DATA,
    NO_STATUS,
    PING,
    PONG,
    PROTOCOL_ERROR,
    TEXT,
    TOO_BIG,
    Close,
    Event,
    Failure,
    Ping,
    Pong,
    may_be_sent,
)
from .websocket_masking import fastest_apply_mask
from .websocket_protocol import WebSocketProtocol

__all__ = ["FrameParser", "Violation"]

# The first bytes of unfragmented messages.
_WHOLE_TEXT: Final = 0x80 | TEXT
_WHOLE_BINARY: Final = 0x80 | BINARY

_LONG: Final = 1024  # bytes: a longer payload is not copied before it is unmasked


class Violation(Exception):
    """The client breaks the protocol.

    Args:
        code: the status code to close the connection with.
        reason: what was wrong.
    """

    def __init__(self, code: int, reason: str) -> None:
        self.failure = Failure(code, reason)


@mypyc_attr(allow_interpreted_subclasses=True)
class FrameParser(WebSocketProtocol):
    """Cuts a client's byte stream into messages and control frames.

    Args:
        max_size: the largest message to accept, in bytes, all its fragments
            together.
    """

    __slots__ = (
        "_buffer",
        "_first",
        "_fragments",
        "_max_size",
        "_short",
        "_stopped",
        "_unmask",
        "_wanted",
    )

    def __init__(self, max_size: int) -> None:
        super().__init__()
        self._max_size = max_size
        # The second byte of the longest frame with a length of seven bits.
        self._short = 0x80 | min(125, max_size)
        self._unmask = fastest_apply_mask()
        self._buffer: bytearray | None = None
        self._wanted = 0
        self._fragments: bytearray | None = None
        self._first = 0  # the first byte of a message that is in fragments
        self._stopped = False  # whether nothing more is parsed, for now or for ever

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes, however they were cut."""
        if self.finished:
            return []
        buffer = self._buffer
        if buffer is not None:
            buffer += data
            # Many short reads must not cost more than one long read, so a frame
            # is not parsed again before all of it can be there.
            if len(buffer) < self._wanted:
                self.held += len(data)
                return []
            data = bytes(buffer)
            self._buffer = None
        events: list[Event] = []
        try:
            rest = self._parse(data, events)
        except Violation as violation:
            self.discard()
            events.append(violation.failure)
        except UnicodeDecodeError as error:
            self.discard()
            events.append(Failure(INVALID_DATA, f"not UTF-8: {error.reason}"))
        else:
            if rest < len(data) and not self.finished:
                self._buffer = bytearray(data[rest:])
            if self._buffer is not None or self._fragments is not None or self.held:
                self.held = len(self._buffer or ()) + len(self._fragments or ())
        return events

    def _parse(self, data: bytes, events: list[Event]) -> int:
        """Parse all whole frames; return where the first incomplete one begins."""
        position, end = 0, len(data)
        unmask = self._unmask
        short = self._short if self._fragments is None else 0
        while position + 2 <= end and not self._stopped:
            first, second = data[position], data[position + 1]
            if 0x80 <= second <= short and _WHOLE_TEXT <= first <= _WHOLE_BINARY:
                # Most frames are like this. Two bytes tell all about them; this
                # check saves about a sixth of the time for parsing.
                start = position + 6
                frame_end = start + second - 0x80
                if frame_end > end:
                    self._wanted = frame_end - position
                    return position
                payload = unmask(data[start:frame_end], data[start - 4 : start])
                events.append(payload.decode() if first == _WHOLE_TEXT else payload)
                position = frame_end
                continue
            if first & 0x70:
                self._check_reserved(first)
            if second < 0x80:
                raise Violation(PROTOCOL_ERROR, "the frame is not masked")
            opcode, length = first & 0x0F, second & 0x7F
            start = position + 6
            if length == 126:
                start = position + 8
                if position + 4 > end:
                    self._wanted = 4
                    return position
                length = int.from_bytes(data[position + 2 : position + 4], "big")
                if length < 126:
                    raise Violation(PROTOCOL_ERROR, "the length is not in its shortest form")
            elif length == 127:
                start = position + 14
                if position + 10 > end:
                    self._wanted = 10
                    return position
                length = int.from_bytes(data[position + 2 : position + 10], "big")
                if length < 65536:
                    raise Violation(PROTOCOL_ERROR, "the length is not in its shortest form")
                if length >> 63:
                    raise Violation(PROTOCOL_ERROR, "the length has its top bit set")
            # The header is enough to refuse a frame: do not wait for its payload.
            self._check_header(first, length)
            frame_end = start + length
            if frame_end > end:
                self._wanted = frame_end - position
                return position
            if length > _LONG:
                payload = unmask(memoryview(data)[start:frame_end], data[start - 4 : start])
            else:
                payload = unmask(data[start:frame_end], data[start - 4 : start])
            position = frame_end
            if first == _WHOLE_TEXT:
                events.append(payload.decode())
            elif opcode >= CLOSE:
                events.append(self._control(opcode, payload))
            else:
                message = self._fragment(first, payload)
                short = self._short if self._fragments is None else 0
                if message is not None:
                    events.append(message)
        self._wanted = 2
        return position

    def _check_reserved(self, first: int) -> None:
        """Check a first byte that has a reserved bit."""
        raise Violation(PROTOCOL_ERROR, "a reserved bit is set")

    def _check_header(self, first: int, length: int) -> None:
        opcode = first & 0x0F
        if opcode >= CLOSE:
            if opcode > PONG:
                raise Violation(PROTOCOL_ERROR, f"unknown opcode {opcode:#x}")
            if first < 0x80:
                raise Violation(PROTOCOL_ERROR, "a control frame is fragmented")
            if length > 125:
                raise Violation(PROTOCOL_ERROR, "a control frame is over 125 bytes")
            return
        if opcode > BINARY:
            raise Violation(PROTOCOL_ERROR, f"unknown opcode {opcode:#x}")
        fragments = self._fragments
        if fragments is None:
            if opcode == CONTINUATION:
                raise Violation(PROTOCOL_ERROR, "a continuation of no message")
        else:
            if opcode != CONTINUATION:
                raise Violation(PROTOCOL_ERROR, "a new message inside a fragmented one")
            length += len(fragments)
        if length > self._max_size:
            self._check_size(first if fragments is None else self._first, length)

    def _check_size(self, first: int, length: int) -> None:
        """Check the length of a message that is over the limit as it was sent.

        Args:
            first: the first byte of the message.
            length: the bytes of all its fragments so far.
        """
        raise Violation(TOO_BIG, f"the message is over {self._max_size} bytes")

    def _fragment(self, first: int, payload: bytes) -> Event | None:
        """Take a data frame; return the message if this is its last frame."""
        fragments = self._fragments
        if fragments is None:
            if first >= 0x80:
                return self._message(first, payload)
            fragments = bytearray(payload)
            self._first = first
        else:
            fragments += payload
        if first < 0x80:
            self._fragments = fragments
            return None
        self._fragments = None
        return self._message(self._first, fragments)

    def _message(self, first: int, payload: bytes | bytearray) -> str | bytes:
        """Make a message of its first byte and its payload."""
        if first & 0x0F == BINARY:
            return bytes(payload)
        return str(payload, "utf-8")

    def _control(self, opcode: int, payload: bytes) -> Event:
        if opcode == PING:
            return Ping(payload)
        if opcode == PONG:
            return Pong(payload)
        self.discard()
        if not payload:
            return Close(NO_STATUS, "")
        if len(payload) == 1:
            raise Violation(PROTOCOL_ERROR, "half a close code")
        code = int.from_bytes(payload[:2], "big")
        if not may_be_sent(code):
            raise Violation(PROTOCOL_ERROR, f"the close code {code} may not be sent")
        return Close(code, str(payload[2:], "utf-8"))

    def discard(self) -> None:
        """Drop what is kept: nothing more will be read."""
        self.finished = self._stopped = True
        self._buffer = self._fragments = None
        self.held = 0
