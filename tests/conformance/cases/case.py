"""The parts of a case, and short names for the most common ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from support.client_frames import frame

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
CONTROL = {"close": CLOSE, "ping": PING, "pong": PONG}
RESERVED = (*range(0x3, 0x8), *range(0xB, 0x10))

# Close codes of RFC 6455 section 7.4.1. The third never travels: it stands
# for a close frame without a code.
NORMAL, PROTOCOL_ERROR, NO_STATUS = 1000, 1002, 1005
UNSUPPORTED_DATA, INVALID_DATA, TOO_BIG = 1003, 1007, 1009

# The largest message that the server of these tests accepts, in bytes.
LIMIT = 100_000

# A message whose handler goes on for a while after it has sent it back.
SLOW = "slow"

# In place of a segment: the client ends its direction of the TCP connection.
HANG_UP = None


class Frame(NamedTuple):
    """A frame that the server sends.

    Attributes:
        opcode: its opcode; servers here fragment nothing and mask nothing.
        payload: its payload.
        required: whether it must come. False where the RFC leaves it to the server.
    """

    opcode: int
    payload: bytes
    required: bool = True


@dataclass(frozen=True)
class Case:
    """One conversation, on a connection of its own.

    Attributes:
        sent: what the client sends, each in a TCP segment of its own; a
            :class:`Frame` among them is waited for before anything more is sent.
        answer: the frames that the server must send, up to its close frame.
        codes: with which codes the server may close, where the RFC leaves a
            choice several; none if it ends without a close frame. ``None`` if
            the connection goes on: then the client closes it with 1000.
        path: where the client connects to.
    """

    sent: Sequence[bytes | Frame | None]
    answer: Sequence[Frame] = ()
    codes: Sequence[int] | None = None
    path: str = "/echo"

    @property
    def messages(self) -> list[str | bytes]:
        """The messages that the application gets: it sends them back, if it still can."""
        return [
            each.payload.decode() if each.opcode == TEXT else each.payload
            for each in (*self.sent, *self.answer)
            if isinstance(each, Frame) and each.opcode in (TEXT, BINARY)
        ]


def echo(*messages: str | bytes, required: bool = True) -> list[Frame]:
    """The messages as the application sends them back."""
    return [
        Frame(TEXT, message.encode(), required)
        if isinstance(message, str)
        else Frame(BINARY, message, required)
        for message in messages
    ]


def fragmented(opcode: int, parts: Sequence[bytes]) -> list[bytes]:
    """The frames of one message, one for each part."""
    last = len(parts) - 1
    return [
        frame(CONTINUATION if i else opcode, part, final=i == last) for i, part in enumerate(parts)
    ]


def bytewise(data: bytes) -> list[bytes]:
    """The same in segments of one byte."""
    return [data[i : i + 1] for i in range(len(data))]


def refused(*sent: bytes, code: int = PROTOCOL_ERROR) -> Case:
    """A conversation that the server must fail, without a message for the application."""
    return Case(sent, codes=[code])
