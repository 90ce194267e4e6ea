"""RFC 6455 frames: a parser for what clients send, and the server's frames.

The parser takes bytes as they come and returns the messages that they complete.
It cuts all frames of one read, unmasks without a loop over bytes, and decodes
each text message once, which also validates it. The connection, not the
parser, answers pings and closes.
"""

from __future__ import annotations

from typing import NamedTuple

from .websocket_masking import fastest_apply_mask

__all__ = [
    "BINARY",
    "CLOSE",
    "CONTINUATION",
    "GOING_AWAY",
    "INTERNAL_ERROR",
    "INVALID_DATA",
    "NORMAL",
    "NO_STATUS",
    "PING",
    "POLICY_VIOLATION",
    "PONG",
    "PROTOCOL_ERROR",
    "TEXT",
    "TOO_BIG",
    "UNSUPPORTED_DATA",
    "Close",
    "Event",
    "Failure",
    "FrameParser",
    "Ping",
    "Pong",
    "encode_close",
    "encode_frame",
]

# Opcodes, RFC 6455 section 5.2.
CONTINUATION, TEXT, BINARY = 0x0, 0x1, 0x2
CLOSE, PING, PONG = 0x8, 0x9, 0xA

_WHOLE_TEXT = 0x80 | TEXT  # the first byte of an unfragmented text message

# Close codes, RFC 6455 section 7.4.1.
NORMAL = 1000
GOING_AWAY = 1001
PROTOCOL_ERROR = 1002
UNSUPPORTED_DATA = 1003
NO_STATUS = 1005
INVALID_DATA = 1007
POLICY_VIOLATION = 1008
TOO_BIG = 1009
INTERNAL_ERROR = 1011

# 1004 to 1006 and 1015 are reserved; 1012 to 1014 are in IANA's registry.
_SENDABLE = frozenset((1000, 1001, 1002, 1003, *range(1007, 1015)))


class Ping(NamedTuple):
    """A ping; it wants a pong with the same payload."""

    payload: bytes


class Pong(NamedTuple):
    """A pong, solicited or not."""

    payload: bytes


class Close(NamedTuple):
    """The peer's close frame. Nothing that follows it is read.

    Attributes:
        code: the status code, :data:`NO_STATUS` if the frame had none.
        reason: the text behind the code.
    """

    code: int
    reason: str


class Failure(NamedTuple):
    """A violation of the protocol. Nothing that follows it is read.

    Attributes:
        code: the status code to close the connection with.
        reason: what was wrong.
    """

    code: int
    reason: str


# A text message is a str, a binary message is a bytearray.
Event = str | bytearray | Ping | Pong | Close | Failure


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
        if code not in _SENDABLE and not 3000 <= code <= 4999:
            raise _Violation(PROTOCOL_ERROR, f"the close code {code} may not be sent")
        return Close(code, str(payload[2:], "utf-8"))

    def discard(self) -> None:
        """Drop what is kept: nothing more will be read."""
        self.finished = True
        self._buffer = self._fragments = None
        self.held = 0


# The heads of short text frames: to look one up takes a third of the time to make it.
_SHORT_TEXT = [bytes((_WHOLE_TEXT, size)) for size in range(126)]


def encode_frame(opcode: int, payload: bytes) -> bytes:
    """Make an unfragmented, unmasked frame, as servers send them.

    Args:
        opcode: for example :data:`TEXT`.
        payload: at most 125 bytes in control frames.
    """
    size = len(payload)
    if size < 126:
        if opcode == TEXT:
            return _SHORT_TEXT[size] + payload
        return b"%c%c%b" % (0x80 | opcode, size, payload)
    if size < 65536:
        return b"%c\x7e%b%b" % (0x80 | opcode, size.to_bytes(2, "big"), payload)
    return b"%c\x7f%b%b" % (0x80 | opcode, size.to_bytes(8, "big"), payload)


def encode_close(code: int, reason: str = "") -> bytes:
    """Make a close frame.

    Args:
        code: the status code; with :data:`NO_STATUS` the frame stays empty.
        reason: a text for the peer; what does not fit into the frame is cut off.

    Raises:
        ValueError: if the code may not appear in a close frame.
    """
    if code == NO_STATUS:
        return encode_frame(CLOSE, b"")
    if code not in _SENDABLE and not 3000 <= code <= 4999:
        raise ValueError(f"{code} is not a close code that may be sent (RFC 6455 section 7.4)")
    text = reason.encode("utf-8", "replace")[:123].decode("utf-8", "ignore")
    return encode_frame(CLOSE, code.to_bytes(2, "big") + text.encode())
