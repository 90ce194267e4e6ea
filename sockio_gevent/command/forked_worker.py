"""A worker of ``--workers``, as its parent sees it."""

from __future__ import annotations

import os
from time import monotonic

__all__ = ["ForkedWorker", "NoRoom", "fork_with_pipe"]


class ForkedWorker:
    """One worker, as its parent sees it.

    Args:
        pid: the number of its process.
        pipe: where it tells things.

    Attributes:
        pid: the number of its process.
        pipe: where it tells things.
        rest: what it has told so far, and is not complete.
        since: when it was started, on the monotonic clock.
        serves: whether it serves.
    """

    def __init__(self, pid: int, pipe: int) -> None:
        self.pid = pid
        self.pipe = pipe
        self.rest = b""
        self.since = monotonic()
        self.serves = False


class NoRoom(Exception):
    """The system has no room for one more process now; the text says why."""


def fork_with_pipe() -> tuple[int, int, int]:
    """Fork, with a pipe between the two: what ``fork()`` returns, and the ends of the pipe.

    Raises:
        NoRoom: if that cannot be.
    """
    descriptors: tuple[int, ...] = ()
    try:
        reading, writing = descriptors = os.pipe()
        return os.fork(), reading, writing
    except OSError as error:
        for descriptor in descriptors:
            os.close(descriptor)
        raise NoRoom(error.strerror) from None
