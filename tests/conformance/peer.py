"""The client of the cases: it sends bytes, and is strict about the frames that it gets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from socket import SHUT_WR

import gevent
from cases.case import BINARY, CLOSE, NO_STATUS, PING, PONG, TEXT, Frame
from support import client_frames
from support.http import Ended
from support.raw import Raw

HANDSHAKE = (
    b"GET %b HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


class Peer(Raw):
    """One connection, after its handshake.

    Attributes:
        frames: what the server has sent so far, its close frame excepted.
    """

    def __init__(self, port: int, path: str) -> None:
        super().__init__(port, HANDSHAKE % path.encode())
        self.frames: list[Frame] = []
        status, headers = self.head()
        assert status.startswith("HTTP/1.1 101 "), status
        assert headers["Sec-WebSocket-Accept"] == "ICX+Yqv66kxgM0FcWaLWlFLwTAI="

    def play(self, steps: Iterable[bytes | Frame | None]) -> None:
        """Send segments, wait for frames and hang up, in this order."""
        for step in steps:
            if isinstance(step, Frame):
                while step not in self.frames:
                    self.frames.append(self.frame())
                continue
            try:
                if step is None:
                    self.socket.shutdown(SHUT_WR)
                else:
                    self.send(step)
            except OSError:
                return  # the server has failed the connection, as it may do early
            # So that the server reads this before it can read the next.
            gevent.idle()

    def wait_for(self, expected: Sequence[Frame]) -> None:
        """Wait for these frames, and take no more than there are of them."""
        while len(self.frames) < len(expected) and not as_expected(self.frames, expected):
            self.frames.append(self.frame())

    def frame(self) -> Frame:
        """Wait for the next frame; raises Ended at the end."""
        first, second = self.take(2)
        assert first & 0xF0 == 0x80, f"a fragment, or a reserved bit: {first:#04x}"
        assert second < 0x80, "masked"
        size = second
        if second == 126:
            size = int.from_bytes(self.take(2), "big")
            assert size >= 126
        elif second == 127:
            size = int.from_bytes(self.take(8), "big")
            assert 65536 <= size < 1 << 63
        opcode = first & 0x0F
        assert opcode in (TEXT, BINARY, CLOSE, PING, PONG), opcode
        assert opcode < CLOSE or size < 126
        return Frame(opcode, self.take(size))

    def until_closed(self) -> int | None:
        """Wait for the end; return the code of the close frame, if there was one."""
        while True:
            try:
                last = self.frame()
            except Ended:
                assert not self.buffer, f"half a frame: {self}"
                return None
            if last.opcode == CLOSE:
                break
            self.frames.append(last)
        # The answer that section 5.5.1 wants; a server that has failed the
        # connection needs none, and may be gone.
        self.play([client_frames.frame(CLOSE, last.payload[:2])])
        assert self.end() == b"", "more behind the close frame"
        if not last.payload:
            return NO_STATUS
        last.payload[2:].decode()
        return int.from_bytes(last.payload[:2], "big")


def as_expected(got: Sequence[Frame], expected: Sequence[Frame]) -> bool:
    """Whether these are the frames expected, where some need not be there.

    Pongs may overtake messages that are sent back, and the other way round:
    section 5.5.3 wants a pong soon, and nothing more.
    """
    return all(
        _in_order(
            [frame for frame in got if (frame.opcode == PONG) == pongs],
            [frame for frame in expected if (frame.opcode == PONG) == pongs],
        )
        for pongs in (True, False)
    )


def _in_order(got: list[Frame], expected: list[Frame]) -> bool:
    for frame in expected:
        if got and got[0][:2] == frame[:2]:
            del got[0]
        elif frame.required:
            return False
    return not got
