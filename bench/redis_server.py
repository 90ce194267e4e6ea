"""A Redis of its own for one run, on a free loopback port."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec

from .machine import pinned
from .processes import Trouble, interrupts_held_back

__all__ = ["MISSING", "RedisServer", "redis_server"]

_START = 20.0  # seconds that it may take to answer

#: Why there can be none; empty if there can.
MISSING = (
    "there is no redis-server"
    if shutil.which("redis-server") is None
    else ""
    if find_spec("redis")
    else "the library redis is not installed"
)


class RedisServer:
    """The server. All that it has acknowledged is on the disk, and so outlives it.

    Args:
        folder: where it keeps its data.
        core: which core to run it on, if any.

    Attributes:
        url: its address, the same after it was started again.
    """

    def __init__(self, folder: str, core: int | None) -> None:
        self._folder = folder
        self._core = core
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port: int = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Start it, and wait until it answers.

        Raises:
            Trouble: if it does not.
        """
        command = ["redis-server", "--port", str(self._port), "--bind", "127.0.0.1"]
        command += ["--save", "", "--appendonly", "yes", "--appendfsync", "always"]
        with interrupts_held_back(), pinned(self._core):
            self._process = subprocess.Popen(
                command,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        end = time.monotonic() + _START
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                raise Trouble("redis-server does not answer")
            time.sleep(0.05)

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self._port), 1) as asking:
            asking.sendall(b"PING\r\n")
            return asking.recv(100).startswith(b"+PONG")
        return False

    @property
    def pid(self) -> int:
        """The number of its process."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """End it at once, as ``kill -9`` does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()


@contextmanager
def redis_server(core: int | None = None) -> Iterator[RedisServer]:
    """Run one within this context.

    Raises:
        Trouble: if it does not start.
    """
    if MISSING:
        raise Trouble(MISSING)
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        server = RedisServer(folder, core)
        try:
            server.start()
            yield server
        finally:
            server.kill()
