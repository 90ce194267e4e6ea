"""A Redis of its own for a test."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

import redis

from .http import DEADLINE
from .missing import missing
from .ports import reserve
from .waiting import wait_until

__all__ = ["RedisServer"]


class RedisServer:
    """Debian's ``redis-server`` on a free port.

    Args:
        folder: where it runs.
        program: another one that speaks the same.

    Attributes:
        arguments: its arguments, besides those that every one has.
        is_sentinel: whether it is a sentinel; then ``sentinel.conf`` is in its folder.
        port: its port, the same after it was started again.
        url: its address.
    """

    def __init__(self, folder: Path, program: str = "redis-server") -> None:
        found = shutil.which(program)
        if found is None:
            missing(f"no {program}")
        self.arguments: list[str] = []
        self.is_sentinel = False
        self._program = found
        self._folder = folder
        self._reserved = reserve()
        self.port = self._reserved.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> RedisServer:
        """Start it, and wait until it answers."""
        command = [self._program]
        if self.is_sentinel:
            command += ["sentinel.conf", "--sentinel"]
        else:
            command += ["--save", "", "--appendonly", "yes", "--appendfsync", "always"]
        command += ["--port", str(self.port), "--bind", "127.0.0.1", *self.arguments]
        self.process = subprocess.Popen(command, cwd=self._folder, stdout=subprocess.DEVNULL)
        wait_until(self._answers, "Redis answers")
        return self

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False

    def client(self) -> redis.Redis:
        """A client of it."""
        return redis.Redis.from_url(self.url, socket_timeout=DEADLINE, protocol=2)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(DEADLINE)
