"""The way of messages to one other worker: a connection and the queue before it.

A way is *joining* until the other has said welcome, and messages may already wait behind the
hello. Then it is *up*. When too much waits, because the other does not read, it is *cut off*:
what waits is dropped, a new connection is made, and nothing is queued for that until the other
has said welcome. A way that is *lost* is over: the other has gone.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ..wire.bus_frames import (
    HELLO,
    LARGEST_HELLO,
    WELCOME,
    BadFrame,
    Frames,
    frame,
)
from .unix_sockets import send_with

__all__ = ["CUT_OFF", "JOINING", "LOST", "UP", "Outgoing", "Queued"]

JOINING, UP, CUT_OFF, LOST = "joining", "up", "cut off", "lost"

READABLE, WRITABLE = 1, 2  # events of a watcher
_MOST_AT_ONCE = 64  # pieces in one write
_READ_SIZE = 4096


class Queued:
    """A piece that waits to be sent.

    Args:
        data: its bytes.
        descriptor: a file descriptor to send with it, which is closed then; ``None`` for none.
        dropped: called if it is dropped before any of it was sent.

    Attributes:
        begun: whether some of it was sent.
        data, descriptor: the same as given.
    """

    __slots__ = ("_dropped", "begun", "data", "descriptor")

    def __init__(
        self,
        data: bytes | memoryview,
        descriptor: int | None = None,
        dropped: Callable[[], object] | None = None,
    ) -> None:
        self.data = data
        self.descriptor = descriptor
        self.begun = False
        self._dropped = dropped

    def drop(self) -> None:
        """It is not sent any more."""
        self.close_descriptor()
        if self._dropped is not None and not self.begun:
            self._dropped()

    def close_descriptor(self) -> None:
        """Close this process's copy of the file descriptor."""
        if self.descriptor is not None:
            with suppress(OSError):
                os.close(self.descriptor)
            self.descriptor = None


class Outgoing:
    """The way to one worker. It belongs to the thread of the bus.

    Args:
        loop: the loop of that thread.
        worker: the name of the other worker.
        hello: what this worker says first.
        most: how many bytes may wait.
        changed: called with this when its state has changed, or the other has closed.

    Attributes:
        dropped: how many messages were dropped.
        size: how many bytes wait.
        state: its state.
        was_up: whether the other has ever said welcome.
        worker: the same as given.
    """

    __slots__ = (
        "_changed",
        "_flushing",
        "_frames",
        "_hello",
        "_loop",
        "_most",
        "_queue",
        "_reading",
        "_socket",
        "_writing",
        "dropped",
        "size",
        "state",
        "was_up",
        "worker",
    )

    def __init__(
        self,
        loop: Any,
        worker: str,
        hello: bytes,
        most: int,
        changed: Callable[[Outgoing], None],
    ) -> None:
        self.worker = worker
        self.state = JOINING
        self.was_up = False
        self.size = 0
        self.dropped = 0
        self._loop = loop
        self._hello = frame(HELLO, "", 0, hello)
        self._most = most
        self._changed = changed
        self._queue: deque[Queued] = deque()
        self._frames = Frames(LARGEST_HELLO)
        self._socket: Any = None
        self._reading: Any = None
        self._writing: Any = None
        self._flushing = False

    def __repr__(self) -> str:
        return f"<Outgoing {self.worker} {self.state} {self.size} bytes>"

    def connect(self, socket: Any) -> None:
        """Use a connection, which is new."""
        self._socket = socket
        self._frames = Frames(LARGEST_HELLO)
        # Without references: they alone must not keep a program running.
        self._reading = self._loop.io(socket.fileno(), READABLE, ref=False)
        self._writing = self._loop.io(socket.fileno(), WRITABLE, ref=False)
        self._reading.start(self._read)
        self._queue.appendleft(Queued(self._hello))
        self.size += len(self._hello)
        self._touch()

    @property
    def takes(self) -> bool:
        """Whether messages may be queued."""
        return self.state in (JOINING, UP)

    def put(self, piece: Queued) -> bool:
        """Queue a message; False if it was dropped."""
        if not self.takes:
            self.dropped += 1
            piece.drop()
            return False
        self._queue.append(piece)
        self.size += len(piece.data)
        if self.size > self._most:
            self.cut_off()
            return False
        self._touch()
        return True

    def _touch(self) -> None:
        if not self._flushing:
            self._flushing = True
            self._loop.run_callback(self._flush)

    def _flush(self) -> None:
        """Write what waits; the rest when the socket takes more."""
        socket, queue = self._socket, self._queue
        if socket is None:
            self._flushing = False
            return
        try:
            while queue:
                first = queue[0]
                if first.descriptor is not None:
                    sent = send_with(socket, first.data, first.descriptor)
                    first.close_descriptor()
                else:
                    sent = socket.sendmsg(_pieces(queue))
                self.size -= sent
                self._take_off(sent)
        except (BlockingIOError, InterruptedError):
            if not self._writing.active:
                self._writing.start(self._flush)
            return
        except OSError:
            self.lose()
            return
        self._flushing = False
        self._writing.stop()

    def _take_off(self, sent: int) -> None:
        queue = self._queue
        while sent:
            first = queue[0]
            first.begun = True
            if sent < len(first.data):
                first.data = memoryview(first.data)[sent:]
                return
            sent -= len(first.data)
            queue.popleft()

    def _read(self) -> None:
        try:
            data = self._socket.recv(_READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        try:
            frames = list(self._frames.take(data))
            is_wrong = any(each.form != WELCOME for each in frames)
        except BadFrame:
            is_wrong = True
        if not data or is_wrong:
            self.lose()
        elif frames and self.state != UP:
            self.state = UP
            self.was_up = True
            self._changed(self)

    def cut_off(self) -> None:
        """Too much waits: drop it."""
        self._drop()
        self.state = CUT_OFF
        self._changed(self)

    def abandon(self) -> None:
        """Close it without a word."""
        self.state = LOST
        self._drop()

    def lose(self) -> None:
        """The connection is over, and so is this."""
        if self.state != LOST:
            self._drop()
            self.state = LOST
            self._changed(self)

    def _drop(self) -> None:
        self.close_connection()
        self.dropped += len(self._queue)
        for piece in self._queue:
            piece.drop()
        self._queue.clear()
        self.size = 0

    def close_connection(self) -> None:
        """Close the socket; what waits stays."""
        for watcher in (self._reading, self._writing):
            if watcher is not None:
                watcher.stop()
                watcher.close()
        if self._socket is not None:
            self._socket.close()
        self._socket = self._reading = self._writing = None
        self._flushing = False

    @property
    def is_connected(self) -> bool:
        """Whether it has a connection."""
        return self._socket is not None


def _pieces(queue: deque[Queued]) -> list[bytes | memoryview]:
    """The first pieces that go into one write."""
    found: list[bytes | memoryview] = []
    for piece in queue:
        if piece.descriptor is not None or len(found) == _MOST_AT_ONCE:
            break
        found.append(piece.data)
    return found
