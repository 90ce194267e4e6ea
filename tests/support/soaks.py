"""A soak that runs in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

__all__ = ["DEADLINE", "Soak"]

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 280.0  # just below the limit of a test: it also waits for what ends by itself


class Soak:
    """A soak that runs.

    Args:
        folder: where its files go.
        *arguments: of its command line.
    """

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._figures, self._plot = folder / "figures.json", folder / "plot.svg"
        files = ["--json", str(self._figures), "--plot", str(self._plot)]
        self._output = tempfile.TemporaryFile()  # noqa: SIM115
        self.process = subprocess.Popen(
            [sys.executable, "bench/soak.py", "--seed", "7", *files, *arguments],
            cwd=ROOT,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def finish(self) -> tuple[int, str]:
        """Wait for its end; its status and what it has printed."""
        status = self.process.wait(DEADLINE)
        self._output.seek(0)
        return status, self._output.read().decode()

    def figures(self) -> dict:
        return json.loads(self._figures.read_text())

    def curves(self) -> int:
        """How many lines are drawn."""
        root = ElementTree.parse(self._plot).getroot()
        return len(root.findall("{http://www.w3.org/2000/svg}polyline"))

    def end(self) -> None:
        """End it with all its processes, if it has not ended by itself."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self._output.close()
