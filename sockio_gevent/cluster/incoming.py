"""The messages of one other worker, as they come over its connection."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ..wire.bus_frames import (
    HANDOVER,
    HELLO,
    LARGEST_HELLO,
    WELCOME,
    BadFrame,
    Frame,
    Frames,
    frame,
)
from .names import NAME
from .unix_sockets import receive

__all__ = ["Incoming"]

_READABLE = 1  # the event of a watcher
_READ_SIZE = 256 * 1024
_HELLO_TIME = 10.0  # seconds


class Incoming:
    """A connection of another worker. It belongs to the thread of the bus.

    Args:
        loop: the loop of that thread.
        socket: the socket.
        hello: what the other has to say first, with its name in place of ``%s``.
        largest: how many bytes a frame may have.
        take: called with this, a frame, and the file descriptor that came with a ``HANDOVER``.
        over: called with this and the reason when the connection is over.

    Attributes:
        worker: the name of the other worker; empty before it has said it.
    """

    __slots__ = (
        "_descriptors",
        "_frames",
        "_hello",
        "_largest",
        "_over",
        "_socket",
        "_take",
        "_timer",
        "_watcher",
        "worker",
    )

    def __init__(
        self,
        loop: Any,
        socket: Any,
        hello: str,
        largest: int,
        take: Callable[[Incoming, Frame, int | None], None],
        over: Callable[[Incoming, str], None],
    ) -> None:
        self.worker = ""
        self._socket = socket
        self._hello = hello
        self._largest = largest
        self._take = take
        self._over = over
        self._frames = Frames(LARGEST_HELLO)
        self._descriptors: deque[int | None] = deque()
        self._watcher = loop.io(socket.fileno(), _READABLE, ref=False)
        self._watcher.start(self._read)
        self._timer = loop.timer(_HELLO_TIME, ref=False)
        self._timer.start(self._end, "it has not said hello")

    def _read(self) -> None:
        try:
            # Until the hello has come, whatever follows it stays in the socket.
            size = _READ_SIZE if self.worker else LARGEST_HELLO
            data, descriptors = receive(self._socket, size)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._end(f"its connection is lost: {error.strerror}")
            return
        self._descriptors.extend(descriptors)
        if not data:
            self._end("")
            return
        try:
            for each in self._frames.take(data):
                self._handle(each)
                if self._socket is None:
                    return
        except BadFrame as error:
            self._end(f"it does not speak as a worker does: {error}")

    def _handle(self, found: Frame) -> None:
        if not self.worker:
            self._greet(found)
        elif found.form in (HELLO, WELCOME):
            raise BadFrame("a second hello")
        elif found.form == HANDOVER:
            # The system may have had no room for the file descriptor.
            descriptor = self._descriptors.popleft() if self._descriptors else None
            self._take(self, found, descriptor)
        else:
            self._take(self, found, None)

    def _greet(self, found: Frame) -> None:
        text = found.body.decode("ascii", "replace")
        name = text.rpartition(" ")[2]
        if found.form != HELLO or NAME.fullmatch(name) is None:
            raise BadFrame("no hello")
        if text != self._hello % name:
            self._end(f"it speaks another version: {text[: -len(name) - 1]!r}")
            return
        self._frames.largest = self._largest
        self._timer.stop()
        with suppress(OSError):  # the other has gone; the next read tells it
            self._socket.send(frame(WELCOME, "", 0, b""))
        self.worker = name
        self._take(self, found, None)

    def _end(self, why: str) -> None:
        self.close()
        self._over(self, why)

    def close(self) -> None:
        """Close the connection."""
        if self._socket is None:
            return
        self._watcher.stop()
        self._watcher.close()
        self._timer.stop()
        self._timer.close()
        self._socket.close()
        self._socket = None
        while self._descriptors:
            descriptor = self._descriptors.popleft()
            if descriptor is not None:
                with suppress(OSError):
                    os.close(descriptor)
