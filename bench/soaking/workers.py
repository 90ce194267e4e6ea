"""Client processes, from the side of the process that starts them."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from ..processes import ROOT, Trouble, running
from .ledger import Times

__all__ = ["Total", "Worker"]

_KEPT = 2000  # characters of what a process has said


class Total:
    """The sums of what the processes have counted.

    Attributes:
        counts: what was checked, and what was wrong.
        faults: what was done to the server.
        times: how long echoes took.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.times = Times()

    def add(self, report: Mapping[str, Any]) -> None:
        """Add what a process has reported last."""
        self.counts.update(report.get("counts", {}))
        self.faults.update(report.get("faults", {}))
        self.times.steps.update(report.get("times", {}))


class Worker:
    """A client process.

    Args:
        job: see :class:`bench.soaking.__main__.Load`.
        core: which core to run it on, if any.

    Attributes:
        report: what it has counted, as of its last line.
        words: the end of what it has written to its standard error, once it has ended.
    """

    def __init__(self, job: Mapping[str, Any], core: int | None) -> None:
        self.kind: str = job["kind"]
        self.report: dict[str, Any] = {}
        self.words = ""
        self._stack = ExitStack()
        errors = tempfile.TemporaryFile()  # noqa: SIM115
        self._errors = self._stack.enter_context(errors)
        command = [sys.executable, "-m", "bench.soaking", json.dumps(job)]
        pipes = {"stdout": subprocess.PIPE, "stderr": self._errors, "cwd": ROOT}
        self._process = self._stack.enter_context(running(command, core, **pipes))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            # A process that is killed may leave half a line.
            if line.endswith(b"\n"):
                self.report = json.loads(line)

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End it at once, if it has not ended by itself."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        if not self._errors.closed:
            self._errors.seek(0)
            self.words = self._errors.read().decode(errors="replace")[-_KEPT:].strip()
        self._stack.close()

    def finish(self, seconds: float) -> dict[str, Any]:
        """Wait for its end.

        Args:
            seconds: how long.

        Returns:
            What it has counted.

        Raises:
            Trouble: if it does not end in time, or fails.
        """
        try:
            status: int | None = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            self.kill()
        if status is None:
            raise Trouble(f"the load {self.kind!r} did not end in time; {self.words}")
        if status:
            raise Trouble(f"the load {self.kind!r} failed; {self.words}")
        return self.report
