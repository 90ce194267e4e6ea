"""Servers in processes of their own."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Process:
    """A Python program that prints its address when it is ready.

    Args:
        program: its path below the project, or ``-m`` and then a module.
        *arguments: what it is given, beside a port.
    """

    def __init__(self, program: str, *arguments: str) -> None:
        start = program if program == "-m" else str(ROOT / program)
        self.command = [sys.executable, "-u", start, *arguments]
        self.process: subprocess.Popen[str] | None = None
        self.lines: list[str] = []
        self.port = 0

    def start(self) -> Process:
        """Start it, again on the same port if it has run before."""
        command = [*self.command, "--port", str(self.port)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        found = threading.Event()
        threading.Thread(target=self._read, args=(self.process, found), daemon=True).start()
        assert found.wait(20), f"{command} printed no address: {self.lines}"
        assert self.port, f"{command} did not start: {self.lines}"
        return self

    def _read(self, process: subprocess.Popen[str], found: threading.Event) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.lines.append(line.rstrip())
            address = re.search(r"http://[^/:]+:(\d+)", line)
            if address and not found.is_set():
                self.port = int(address[1])
                found.set()
        found.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait_line(self, part: str, count: int = 1, deadline: float = 15.0) -> None:
        """Wait until so many lines of its output have this in them."""
        end = time.monotonic() + deadline
        while sum(part in line for line in self.lines) < count:
            assert time.monotonic() < end, f"no line with {part!r}: {self.lines}"
            threading.Event().wait(0.02)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it; return its exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
