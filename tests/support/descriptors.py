"""Processes that have no file descriptors left."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent

from .http import DEADLINE
from .missing import missing
from .raw import Raw
from .waiting import wait_until

_GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"

_LISTENING = "0A"
_SPARE = 8  # files that it may still open before connections take them


class Scarcity:
    """A process that may have only few more files than it has, and connections that take those.

    Args:
        pid: the process.
        port: where it serves.
        said: tells whether it has said that it can accept no more.
        wrap: what is put round sockets.

    Attributes:
        taken: connections that were accepted.
        waiting: a greenlet that will have one more connection, and its answer.
    """

    def __init__(self, pid: int, port: int, said: Callable[[], Any], wrap: Any = None) -> None:
        if not sys.platform.startswith("linux"):
            missing("the limits of another process can be changed on Linux only")
        used = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}
        free = [number for number in range(max(used) + _SPARE + 2) if number not in used]
        self._pid = pid
        self._before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (free[_SPARE], self._before[1]))
        self.taken: list[Raw] = []
        with gevent.Timeout(DEADLINE, AssertionError("it does not say that it is out of files")):
            while True:
                asked = gevent.spawn(_ask, port, wrap)
                # It says so after the last that it has accepted, which may not be answered yet.
                wait_until(lambda asked=asked: asked.ready() or (said() and _waiting(port)))
                if not asked.ready():
                    break
                self.taken.append(asked.get())
        self.waiting = asked

    def free_one(self) -> None:
        """Close a connection that was accepted."""
        self.taken.pop().close()

    def end(self) -> None:
        """Let the process have as many files as before."""
        resource.prlimit(self._pid, resource.RLIMIT_NOFILE, self._before)


def _waiting(port: int) -> int:
    """How many connections to a port of 127.0.0.1 the server has not accepted."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, _, state, queues, *_ = line.split()
        if (local, state) == (f"0100007F:{port:04X}", _LISTENING):
            return int(queues.partition(":")[2], 16)
    raise AssertionError(f"nobody listens on port {port}")


def _ask(port: int, wrap: Any) -> Raw:
    raw = Raw(port, _GET, wrap)
    assert raw.head()[0] == "HTTP/1.1 200 OK"
    return raw
