"""Processes that accept connections from the same socket, reached one by one."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .clients import ALL
from .http import HTTP
from .missing import missing
from .waiting import wait_until

_GONE = ("", "Z")  # the second has not been asked how it ended


class Together:
    """The processes of a server.

    Args:
        server: the server.
        pids: its processes.
    """

    def __init__(self, server: Any, pids: list[int]) -> None:
        if not Path("/proc/self/stat").exists():
            missing("whether a process stands still is to be seen in /proc only")
        self.pids = pids
        self._server = server
        self._open: dict[int, list[Any]] = {pid: [] for pid in pids}

    @contextmanager
    def only(self, pid: int) -> Iterator[None]:
        """Let only one of them accept connections: the others are stopped."""
        others = [other for other in self.pids if other != pid]
        try:
            for other in others:
                os.kill(other, signal.SIGSTOP)
            still = f"{others} stand still"
            wait_until(lambda: all(_state(other) == "T" for other in others), still)
            yield
        finally:
            for other in others:
                os.kill(other, signal.SIGCONT)

    def open_all(self, pid: int) -> list[Any]:
        """A session over each transport in one of the processes, with all its connections."""
        with self.only(pid):
            sessions = [self._server.client(kind).open() for kind in ALL]
            self._open[pid] += sessions
            exchange(sessions, "first")
        return sessions

    def asking(self, pid: int) -> HTTP:
        """A connection to one of them."""
        with self.only(pid):
            http = HTTP(self._server.port)
            self._open[pid].append(http)
            assert http.request("GET", "/page").status == 200
        return http

    def hang_up(self, pid: int) -> None:
        """Close all connections to one of them."""
        while self._open[pid]:
            client = self._open[pid].pop()
            client.close() if isinstance(client, HTTP) else client.vanish()

    def stop(self, pid: int) -> None:
        """Stop one of them as an operator does, and wait for its end."""
        # The stop would wait for open connections.
        self.hang_up(pid)
        if _state(pid) in _GONE:
            return
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: _state(pid) in _GONE, f"{pid} has ended")


def _state(pid: int) -> str:
    """The letter for the state of a process; empty if there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    # After the name of the program, which may hold any character.
    return stat.rpartition(") ")[2][:1]


def exchange(sessions: list[Any], *messages: str) -> None:
    """Exchange messages over connections that are already open."""
    for session in sessions:
        session.send(*messages)
        assert [session.receive() for _ in messages] == list(messages)
