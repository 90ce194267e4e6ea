"""A server of Node with the released adapter for Redis streams: ``released/redis_server.js``."""

from __future__ import annotations

import re
import subprocess
import threading
from pathlib import Path

from .npm import PINS, node
from .waiting import wait_until

__all__ = ["NodeServer"]


class NodeServer:
    """The server in a process of its own.

    Args:
        packages: the folder of npm's packages.
        url: the address of Redis.

    Attributes:
        port: where it serves.
    """

    def __init__(self, packages: Path, url: str) -> None:
        command = [node(), str(PINS / "redis_server.js"), str(packages), url]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.lines: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()
        wait_until(lambda: self.lines, "it tells its port")
        found = re.fullmatch(r"port (\d+)", self.lines[0])
        assert found is not None, self.lines
        self.port = int(found[1])

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def stop(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()
