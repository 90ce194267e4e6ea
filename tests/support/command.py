"""The command line in a process of its own, with the modules that it is to serve."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import IO

from .http import DEADLINE
from .processes import ROOT
from .python_path import python_path
from .times import patient
from .waiting import wait_until

# No heartbeat is due while a test runs: its clients do not answer any.
ECHO = f"""
    import sockio_gevent as io

    def hello(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"hello"]

    application = io.listen(hello, transport_options={patient({})})
    application.on("clientMessage", lambda message, client: client.send(message))
"""


def write(folder: Path, name: str, *sources: str) -> Path:
    """Write a module that consists of these parts."""
    path = folder / f"{name}.py"
    path.write_text("".join(map(textwrap.dedent, sources)))
    return path


class Command:
    """``python -m sockio_gevent``, in a folder and a process group of its own.

    Args:
        folder: where it runs.
        *arguments: the command line.
        program: the module to run.
        full: whether nothing that it prints can be written.

    Attributes:
        out: the lines that it has written to stdout.
        err: the lines that it has written to stderr.
    """

    def __init__(
        self, folder: Path, *arguments: str, program: str = "sockio_gevent", full: bool = False
    ) -> None:
        if "--port" not in arguments:
            arguments = (*arguments, "--port", "0")
        self.out: list[str] = []
        self.err: list[str] = []
        output = os.open("/dev/full", os.O_WRONLY) if full else subprocess.PIPE
        self.process = subprocess.Popen(
            [sys.executable, "-m", program, *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": python_path(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            text=True,
            start_new_session=True,
        )
        if full:
            os.close(output)
        self._readers = [
            threading.Thread(target=self._read, args=(stream, lines), daemon=True)
            for stream, lines in ((self.process.stdout, self.out), (self.process.stderr, self.err))
            if stream is not None
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: IO[str], lines: list[str]) -> None:
        with stream:
            for line in stream:
                lines.append(line.rstrip("\n"))

    def __str__(self) -> str:
        return "\n".join(["stdout:", *self.out, "stderr:", *self.err])

    def count(self, part: str) -> int:
        """In how many lines this is."""
        return len(self._with(part))

    def _with(self, part: str) -> list[str]:
        return [line for line in [*self.out, *self.err] if part in line]

    def wait_line(self, part: str, count: int = 1) -> str:
        """Wait until this is in so many lines; return the last of them."""
        wait_until(lambda: self.count(part) >= count or self._over)
        assert self.count(part) >= count, f"no {part!r} number {count}\n{self}"
        return self._with(part)[count - 1]

    @property
    def url(self) -> str:
        """The address that it has printed."""
        return self.wait_line("Open ").removeprefix("Open ")

    @property
    def port(self) -> int:
        found = re.search(r":(\d+)/$", self.url)
        assert found is not None, self
        return int(found[1])

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process that was started."""
        self.process.send_signal(number)

    def press_ctrl_c(self) -> None:
        """Send the signal to all, as a terminal does."""
        os.killpg(self.process.pid, signal.SIGINT)

    @property
    def _over(self) -> bool:
        return not any(reader.is_alive() for reader in self._readers)

    def finish(self) -> int:
        """Wait until it and all processes that it has started have ended; its exit status."""
        status = self.process.wait(DEADLINE)
        for reader in self._readers:
            # The output ends with the last process that could write to it.
            reader.join(DEADLINE)
        assert self._over, f"a process was left behind\n{self}"
        return status

    def stop(self) -> int:
        """Ask it to stop, and wait for that; its exit status."""
        self.send(signal.SIGTERM)
        return self.finish()

    def kill(self) -> None:
        """End all that is still there."""
        if self.process.poll() is None or not self._over:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
