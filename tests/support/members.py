"""Workers of the bus in processes of their own."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from .processes import ROOT
from .waiting import wait_until


class Member:
    """A worker in a process of its own.

    Attributes:
        name: its name.
        knows: the others that it knew when it had joined.
        lines: what it has printed.
    """

    def __init__(self, place: Path) -> None:
        program = str(ROOT / "tests/cluster/member.py")
        self.process = subprocess.Popen(
            [sys.executable, program, str(place)], stdout=subprocess.PIPE, text=True
        )
        self.lines: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()
        self.name, *self.knows = self.wait_line("joined ").split()[1:]

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def wait_line(self, start: str) -> str:
        """Wait for a line that begins with this."""

        def found() -> str:
            return next((line for line in self.lines if line.startswith(start)), "")

        # The loop of this process runs meanwhile: workers here must hear of the new one.
        wait_until(found, f"printed {start!r}: {self.lines}")
        return found()

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
