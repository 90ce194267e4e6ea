"""Sending to the workers of one machine from a process that is none of them.

It connects to the sockets of all workers in their directory, as workers do among themselves, and
says hello under a name of its own. It has no socket that they could connect to, so they only read.
It waits itself for each worker to take a message; it starts no greenlet.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic_ns

from ..wire.bus_frames import HELLO, LARGEST_HELLO, TELL, WELCOME, BadFrame, Frames, frame
from .links import HELLO_TEXT
from .local import LEAST_LARGEST
from .names import NAME, WIDTH
from .unix_sockets import peer_of

__all__ = ["LocalSender"]

_PATIENCE = 5.0  # seconds that a worker has to take a message
_MOST = LEAST_LARGEST - 128


class LocalSender:
    """The connections to the workers. Any thread may use it, and a forked child.

    Args:
        find_place: returns the directory in which the workers meet.
    """

    def __init__(self, find_place: Callable[[], Path]) -> None:
        self._find_place = find_place
        self._reset()

    def _reset(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._name = secrets.token_hex(WIDTH // 2)
        self._sockets: dict[str, socket.socket] = {}

    def send(self, kind: str, body: bytes) -> None:
        """Send a message to all workers.

        Args:
            kind: the kind of the message.
            body: its body.

        Raises:
            ValueError: if it is too large.
            TimeoutError: if a worker has not taken it in time; the others have got it.
            ConnectionError: if there is no worker, or one refuses it; the others have got it.
            PermissionError: if the workers belong to another user.
        """
        if len(body) > _MOST:
            raise ValueError(f"{len(body)} bytes are too many for one message: {_MOST} at most")
        if self._process != os.getpid():
            self.close()  # only this process's copies of the sockets
            self._reset()
        with self._lock:
            self._send(frame(TELL, kind, monotonic_ns(), body))

    def _send(self, data: bytes) -> None:
        place = self._find_place()
        try:
            workers = sorted(filter(NAME.fullmatch, os.listdir(place)))
        except FileNotFoundError:
            workers = []
        for gone in self._sockets.keys() - set(workers):
            self._sockets.pop(gone).close()
        taken, silent = 0, 0
        refused: OSError | None = None
        for worker in workers:
            try:
                taken += self._give(place / worker, data)
            except (TimeoutError, BlockingIOError):
                self._drop(worker)
                silent += 1
            except OSError as error:
                refused = error
        if refused is not None:
            raise refused
        if silent:
            raise TimeoutError(
                f"{silent} of {len(workers)} workers have not taken a message within "
                f"{_PATIENCE:g} s: they are stopped, or too busy"
            )
        if not taken:
            raise ConnectionError(f"there is no worker in the directory {str(place)!r}")

    def _give(self, path: Path, data: bytes) -> bool:
        """Send to one worker; False if it has gone."""
        known = self._sockets.get(path.name)
        if known is not None:
            try:
                known.sendall(data)
                return True
            except ConnectionError:
                self._drop(path.name)
        new = self._connect(path)
        if new is None:
            return False
        try:
            new.sendall(data)
        except ConnectionError:
            self._drop(path.name)
            return False
        return True

    def _connect(self, path: Path) -> socket.socket | None:
        """Connect to a worker, and wait until it says welcome; ``None`` if it has gone."""
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            made.settimeout(_PATIENCE)
            made.connect(str(path))
            if peer_of(made) is None:
                raise PermissionError(f"the workers in {str(path.parent)!r} run as another user")
            made.sendall(frame(HELLO, "", 0, (HELLO_TEXT % self._name).encode()))
            _wait_welcome(made, path)
        except (FileNotFoundError, ConnectionRefusedError, ConnectionResetError, BrokenPipeError):
            made.close()
            return None
        except BaseException:
            made.close()
            raise
        self._sockets[path.name] = made
        return made

    def _drop(self, worker: str) -> None:
        dropped = self._sockets.pop(worker, None)
        if dropped is not None:
            dropped.close()

    def close(self) -> None:
        """Close the connections; they are made again when they are needed."""
        for worker in list(self._sockets):
            with suppress(OSError):
                self._drop(worker)


def _wait_welcome(made: socket.socket, path: Path) -> None:
    frames = Frames(LARGEST_HELLO)
    while data := made.recv(LARGEST_HELLO):
        try:
            for each in frames.take(data):
                if each.form == WELCOME:
                    return
        except BadFrame:
            break
    if path.exists():
        raise ConnectionAbortedError(
            f"the worker at {str(path)!r} refuses the connection: its log says why. It may run "
            "another version of this package, or as another user"
        )
    raise ConnectionResetError
