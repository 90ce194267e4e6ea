"""The parser of the frames that clients send, RFC 6455 section 5.

It takes bytes as they come and returns the messages that they complete. It
cuts all frames of one read, unmasks without a loop over bytes, and decodes each
text message once, which also validates it. The connection, not the parser,
answers pings and closes.
"""

from __future__ import annotations

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

__all__ = ["FrameParser"]

_WHOLE_TEXT = 0x80 | TEXT  # the first byte of an unfragmented text message


class _Violation(Exception):
    def __init__(self, code: int, reason: str) -> None:
        self.failure = Failure(code, reason)


class FrameParser:
    """Cuts a client's byte stream into messages and control frames.

    Args:
        max_size: the largest message to accept, in bytes, all its fragments
            together.

    Attributes:
        finished: whether a :class:`Close` or a :class:`Failure` was returned.
        held: how many bytes are kept of a message that is not whole yet.
    """

    __slots__ = (
        "_buffer",
        "_fragments",
        "_max_size",
        "_opcode",
        "_short",
        "_unmask",
        "_wanted",
        "finished",
        "held",
    )

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        # The second byte of the longest frame with a length of seven bits.
        self._short = 0x80 | min(125, max_size)
        self._unmask = fastest_apply_mask()
        self._buffer: bytearray | None = None
        self._wanted = 0
        self._fragments: bytearray | None = None
        self._opcode = 0
        self.held = 0
        self.finished = False

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes, however they were cut.

        Returns:
            The messages and control frames that these bytes complete, in
            order. A :class:`Close` or a :class:`Failure` is always the last
            one ever returned.
        """
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
        except _Violation as violation:
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
        while position + 2 <= end and not self.finished:
            first, second = data[position], data[position + 1]
            if first == _WHOLE_TEXT and 0x80 <= second <= short:
                # Most frames are like this. Two bytes tell all about them; this
                # check saves about a sixth of the time for parsing.
                start = position + 6
                frame_end = start + second - 0x80
                if frame_end > end:
                    self._wanted = frame_end - position
                    return position
                payload = unmask(data[start:frame_end], data[start - 4 : start])
                events.append(str(payload, "utf-8"))
                position = frame_end
                continue
            if first & 0x70:
                raise _Violation(PROTOCOL_ERROR, "a reserved bit is set")
            if second < 0x80:
                raise _Violation(PROTOCOL_ERROR, "the frame is not masked")
            opcode, length = first & 0x0F, second & 0x7F
            start = position + 6
            if length == 126:
                start = position + 8
                if position + 4 > end:
                    self._wanted = 4
                    return position
                length = int.from_bytes(data[position + 2 : position + 4], "big")
                if length < 126:
                    raise _Violation(PROTOCOL_ERROR, "the length is not in its shortest form")
            elif length == 127:
                start = position + 14
                if position + 10 > end:
                    self._wanted = 10
                    return position
                length = int.from_bytes(data[position + 2 : position + 10], "big")
                if length < 65536:
                    raise _Violation(PROTOCOL_ERROR, "the length is not in its shortest form")
                if length >> 63:
                    raise _Violation(PROTOCOL_ERROR, "the length has its top bit set")
            # The header is enough to refuse a frame: do not wait for its payload.
            self._check_header(opcode, first >= 0x80, length)
            frame_end = start + length
            if frame_end > end:
                self._wanted = frame_end - position
                return position
            payload = unmask(data[start:frame_end], data[start - 4 : start])
            position = frame_end
            if first == _WHOLE_TEXT:
                events.append(str(payload, "utf-8"))
            elif opcode >= CLOSE:
                events.append(self._control(opcode, payload))
            else:
                message = self._fragment(opcode, first >= 0x80, payload)
                short = self._short if self._fragments is None else 0
                if message is not None:
                    events.append(message)
        self._wanted = 2
        return position

    def _check_header(self, opcode: int, final: bool, length: int) -> None:
        if opcode >= CLOSE:
            if opcode > PONG:
                raise _Violation(PROTOCOL_ERROR, f"unknown opcode {opcode:#x}")
            if not final:
                raise _Violation(PROTOCOL_ERROR, "a control frame is fragmented")
            if length > 125:
                raise _Violation(PROTOCOL_ERROR, "a control frame is over 125 bytes")
            return
        if opcode > BINARY:
            raise _Violation(PROTOCOL_ERROR, f"unknown opcode {opcode:#x}")
        fragments = self._fragments
        if fragments is None:
            if opcode == CONTINUATION:
                raise _Violation(PROTOCOL_ERROR, "a continuation of no message")
        else:
            if opcode != CONTINUATION:
                raise _Violation(PROTOCOL_ERROR, "a new message inside a fragmented one")
            length += len(fragments)
        if length > self._max_size:
            raise _Violation(TOO_BIG, f"the message is over {self._max_size} bytes")

    def _fragment(self, opcode: int, final: bool, payload: bytes) -> Event | None:
        """Take a data frame; return the message if this is its last frame."""
        fragments = self._fragments
        if fragments is None:
            fragments = bytearray(payload)
            self._opcode = opcode
        else:
            fragments += payload
        if not final:
            self._fragments = fragments
            return None
        self._fragments = None
        return fragments if self._opcode == BINARY else str(fragments, "utf-8")

    def _control(self, opcode: int, payload: bytes) -> Event:
        if opcode == PING:
            return Ping(payload)
        if opcode == PONG:
            return Pong(payload)
        self.discard()
        if not payload:
            return Close(NO_STATUS, "")
        if len(payload) == 1:
            raise _Violation(PROTOCOL_ERROR, "half a close code")
        code = int.from_bytes(payload[:2], "big")
        if not may_be_sent(code):
            raise _Violation(PROTOCOL_ERROR, f"the close code {code} may not be sent")
        return Close(code, str(payload[2:], "utf-8"))

    def discard(self) -> None:
        """Drop what is kept: nothing more will be read."""
        self.finished = True
        self._buffer = self._fragments = None
        self.held = 0
