"""A Redis of its own for a test."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from pathlib import Path

import gevent
import redis

from .http import DEADLINE
from .missing import missing
from .ports import reserve

__all__ = ["RedisServer"]


class RedisServer:
    """Debian's ``redis-server`` on a free port.

    Args:
        folder: where it runs.

    Attributes:
        port: its port, the same after it was started again.
        url: its address.
    """

    def __init__(self, folder: Path) -> None:
        found = shutil.which("redis-server")
        if found is None:
            missing("no redis-server")
        self._program = found
        self._folder = folder
        self._reserved = reserve()
        self.port = self._reserved.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str) -> RedisServer:
        """Start it, and wait until it answers."""
        command = [self._program, "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--save", "", "--appendonly", "yes", "--appendfsync", "always", *arguments]
        self.process = subprocess.Popen(command, cwd=self._folder, stdout=subprocess.DEVNULL)
        end = time.monotonic() + DEADLINE
        while True:
            try:
                with self.client() as client:
                    client.ping()
                return self
            except redis.ConnectionError:
                assert time.monotonic() < end
                assert self.process.poll() is None
                gevent.sleep(0.02)

    def client(self) -> redis.Redis:
        """A client of it."""
        return redis.Redis(port=self.port, socket_timeout=DEADLINE, protocol=2)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(DEADLINE)
