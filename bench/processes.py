"""The processes of a benchmark: a server and the load on it, each on a core of its own."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import IO, Any

from .machine import pinned

__all__ = [
    "ROOT",
    "Server",
    "Trouble",
    "interrupts_held_back",
    "load",
    "running",
    "serving",
]

ROOT = Path(__file__).resolve().parents[1]
_START = 30.0  # seconds that a server may take to listen
_SLACK = 240.0  # seconds that a load may take beside what it measures


class Trouble(Exception):
    """A benchmark cannot go on; says why."""


class Server:
    """A server that runs; see :func:`serving`.

    Attributes:
        pid: the number of its process.
        port: where it listens on loopback.
        software: what it is made of, with versions.
    """

    def __init__(self, process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
        self._process = process
        self._errors = errors
        self.pid = process.pid
        announced = json.loads(self._first_line())
        self.port: int = announced["port"]
        self.software: str = announced["software"]

    def _first_line(self) -> bytes:
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        line = b""
        end = monotonic() + _START
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([pipe], [], [], max(0.0, end - monotonic()))
            if not ready:
                raise Trouble(f"it did not listen within {_START:.0f} s; {self.last_words()}")
            data = os.read(pipe, 4096)
            if not data:
                raise Trouble(f"it did not start; {self.last_words()}")
            line += data
        return line

    @property
    def ended(self) -> bool:
        """Whether it has ended by itself."""
        return self._process.poll() is not None

    def last_words(self) -> str:
        """The end of what it wrote to its standard error."""
        words = self.said()
        return f"its last words:\n{words[-2000:]}" if words else "it has not said why"

    def said(self) -> str:
        """All that it wrote to its standard error."""
        # At a place of its own: the process goes on writing at the end.
        size = os.fstat(self._errors.fileno()).st_size
        return os.pread(self._errors.fileno(), size, 0).decode(errors="replace").strip()


@contextmanager
def serving(
    command: Sequence[str], core: int | None, environment: Mapping[str, str]
) -> Iterator[Server]:
    """Within it, a server runs.

    Args:
        command: what to run. It prints one line of JSON once it listens.
        core: which core to run it on, if any.
        environment: variables, beside those of this process.

    Raises:
        Trouble: if it does not begin to listen.
    """
    variables = {**os.environ, **environment}
    with (
        tempfile.TemporaryFile() as errors,
        running(command, core, stdout=subprocess.PIPE, stderr=errors, env=variables) as process,
    ):
        yield Server(process, errors)


def load(job: Mapping[str, Any], core: int | None, seconds: float) -> list[dict[str, Any]]:
    """Do a job in a load process.

    Args:
        job: see :class:`bench.load.run.Job`.
        core: which core to run it on, if any.
        seconds: how long it measures, all in all.

    Returns:
        Its figures, see :class:`bench.load.run.Figure`.

    Raises:
        Trouble: if the server did something wrong, or the load failed.
    """
    command = [sys.executable, "-m", "bench.load", json.dumps(job)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "cwd": ROOT}
    with running(command, core, **pipes) as process:
        try:
            output, errors = process.communicate(timeout=seconds + _SLACK)
        except subprocess.TimeoutExpired:
            raise Trouble(f"the load did not end within {seconds + _SLACK:.0f} s") from None
    if process.returncode:
        raise Trouble(f"the load failed:\n{errors.decode(errors='replace').strip()}")
    result: dict[str, Any] = json.loads(output)
    if "violation" in result:
        raise Trouble(str(result["violation"]))
    figures: list[dict[str, Any]] = result["figures"]
    return figures


@contextmanager
def running(
    command: Sequence[str], core: int | None, **options: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """Within it, a process runs. It has nothing to keep, so it is not asked to end."""
    process = None
    try:
        with interrupts_held_back(), pinned(core):
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)
        yield process
    finally:
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()


@contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Within it, the user's wish to stop waits: it must not get lost who is to be stopped."""
    held: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [
        signal.signal(number, lambda number, frame: held.append(number)) for number in numbers
    ]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
        if held:
            signal.raise_signal(held[0])
