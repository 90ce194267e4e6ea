"""Servers in processes of their own."""

from __future__ import annotations

import re
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path

from .http import DEADLINE
from .ports import reserve

ROOT = Path(__file__).parents[2]


class Process:
    """A Python program that has a listener, and prints its address when it is ready.

    What it prints is read by a thread, so it is there some time after it was
    printed: count lines in the log(), not in ``lines``.

    Args:
        program: its path below the project, or ``-m`` and then a module.
        *arguments: what it is given, beside a port that is free.
    """

    def __init__(self, program: str, *arguments: str) -> None:
        # Kept while the program is down, too: it must come back at the same port.
        self._reserved = reserve()
        start = program if program == "-m" else str(ROOT / program)
        self.command = [sys.executable, "-u", start, *arguments]
        if "--port" not in arguments:
            self.command += ["--port", str(self._reserved.getsockname()[1])]
        self.process: subprocess.Popen[str] | None = None
        self.lines: list[str] = []
        self.port = 0
        self._changed = threading.Condition()
        self._marks: set[str] = set()
        self._reader: threading.Thread | None = None

    def start(self) -> Process:
        """Start it, again on the same port if it has run before."""
        self.port = 0
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._reader = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self._reader.start()
        self._wait(lambda: bool(self.port), f"{self.command} printed no address")
        return self

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            with self._changed:
                self.lines.append(line.rstrip())
                address = re.search(r"http://[^/:]+:(\d+)", line)
                if address and not self.port:
                    self.port = int(address[1])
                self._changed.notify_all()
        process.stdout.close()

    def _wait(self, condition: Callable[[], bool], problem: str) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, DEADLINE), f"{problem}: {self.lines}"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait_line(self, part: str, count: int = 1) -> None:
        """Wait until so many lines of its output have this in them."""
        self._wait(
            lambda: sum(part in line for line in self.lines) >= count, f"no line with {part!r}"
        )

    def log(self) -> list[str]:
        """All that it has printed up to now, complete."""
        assert self.process is not None
        if self.process.poll() is None:
            self._mark()
        with self._changed:
            return [line for line in self.lines if not any(mark in line for mark in self._marks)]

    def _mark(self) -> None:
        """Let it log a line that differs from all others, and wait for that line."""
        # Never only digits: such an address would open a session.
        mark = f"x{secrets.token_hex(4)[:7]}"
        self._marks.add(mark)
        connection = HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        connection.request("GET", f"/socket.io/xhr-polling/{mark}/1")
        assert connection.getresponse().status in (404, 503)
        connection.close()
        self.wait_line(mark)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it and read all that it has printed; return its exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            status = self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        assert self._reader is not None
        self._reader.join(DEADLINE)
        return status
