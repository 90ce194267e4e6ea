"""Several workers and their parent, from the side of whoever starts and kills them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..peers import SERVERS
from ..processes import ROOT, Trouble, interrupts_held_back

__all__ = ["KINDS", "Fleet", "free_port"]

_START = 40.0  # seconds until all workers must know each other
_END = 20.0  # seconds until the workers of a parent that was killed must have ended
_ANSWER = 5.0  # seconds that a worker may take to tell what it holds
#: The kinds of parents that can be started here; a reload is for gunicorn.
KINDS = ("gunicorn", "command line") if find_spec("gunicorn") else ("command line",)


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


class Fleet:
    """A parent and its workers.

    Args:
        kind: one of :data:`KINDS`.
        program: the file of the application.
        workers: how many.
        port: where they listen on loopback.
        cluster: the option of their listeners.

    Attributes:
        kind: the same as given.
        reloads: whether the parent can replace its workers.
        seen: all processes that were workers.
    """

    def __init__(self, kind: str, program: Path, workers: int, port: int, cluster: str) -> None:
        self.kind = kind
        self.reloads = kind == "gunicorn"
        self.seen: set[int] = set()
        self._application = f"{program.stem}:application"
        self._workers = workers
        self._port = port
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, (ROOT, SERVERS, program.parent))),
            "SOCKIO_SOAK_CLUSTER": cluster,
        }
        with interrupts_held_back():
            self._process = subprocess.Popen(
                self._command(),
                cwd=program.parent,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
            )

    def _command(self) -> list[str]:
        if self.kind == "gunicorn":
            options = f"--worker-class gevent --workers {self._workers} --graceful-timeout 5"
            options += f" --log-level warning --bind 127.0.0.1:{self._port}"
            return [sys.executable, "-m", "gunicorn", *options.split(), self._application]
        options = f"--workers {self._workers} --port {self._port} --log-level warning"
        return [sys.executable, "-m", "sockio_gevent", self._application, *options.split()]

    def wait_until_together(self) -> None:
        """Wait until all workers know each other.

        Raises:
            Trouble: if that takes too long.
        """
        self._wait(_START, "know each other", lambda told: told["members"] == self._workers)

    def wait_until_empty(self, seconds: float) -> list[str]:
        """Wait until no worker has a session any more; return what is wrong after that time."""
        try:
            self._wait(seconds, "end all sessions", lambda told: not told["sessions"])
        except Trouble as trouble:
            return [str(trouble)]
        return []

    def _wait(self, seconds: float, what: str, good: Callable[[dict[str, Any]], bool]) -> None:
        end = time.monotonic() + seconds
        latest: dict[int, dict[str, Any]] = {}
        while True:
            if self._process.poll() is not None:
                raise Trouble(f"the workers do not start: {self.said()[-6000:]}")
            told = self.sample()
            if told:
                latest[told["pid"]] = told
            pids = self.pids()
            known = [latest[pid] for pid in pids if pid in latest]
            if len(known) == len(pids) == self._workers and all(map(good, known)):
                return
            if time.monotonic() > end:
                raise Trouble(f"the workers do not {what}: {known}; {self.said()[-6000:]}")
            time.sleep(0.02)

    def sample(self) -> dict[str, Any]:
        """What one of the workers holds, whichever answers; empty if none does."""
        connection = HTTPConnection("127.0.0.1", self._port, timeout=_ANSWER)
        try:
            connection.request("GET", "/sample", headers={"Connection": "close"})
            told: dict[str, Any] = json.loads(connection.getresponse().read())
            return told
        except (OSError, HTTPException, ValueError):
            return {}
        finally:
            connection.close()

    def pids(self) -> list[int]:
        """The processes of the workers that run now."""
        parent = self._process.pid
        try:
            text = Path(f"/proc/{parent}/task/{parent}/children").read_text()
        except OSError:
            return []
        found = [pid for pid in map(int, text.split()) if state_of(pid) not in ("", "Z")]
        self.seen.update(found)
        return found

    def memory(self) -> int:
        """The resident memory of all workers, in KiB."""
        total = 0
        for pid in self.pids():
            with suppress(OSError):
                for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                    if line.startswith("VmRSS:"):
                        total += int(line.split()[1])
        return total

    def reload(self) -> None:
        """Have all workers replaced."""
        self._process.send_signal(signal.SIGHUP)

    def kill(self) -> list[int]:
        """Kill the parent, and wait until its workers have ended by themselves.

        Returns:
            The workers that have not.
        """
        self.pids()
        self._process.kill()
        self._process.wait()
        end = time.monotonic() + _END
        while left := [pid for pid in self.seen if state_of(pid) not in ("", "Z")]:
            if time.monotonic() > end:
                break
            time.sleep(0.02)
        return left

    def close(self) -> None:
        """End what is left of it."""
        for pid in self.kill():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._errors.close()

    def said(self) -> str:
        """All that it wrote to its standard error."""
        size = os.fstat(self._errors.fileno()).st_size
        return os.pread(self._errors.fileno(), size, 0).decode(errors="replace").strip()


def state_of(pid: int) -> str:
    """The letter for the state of a process; empty if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][:1]
    except OSError:
        return ""


@contextmanager
def standing_still(pid: int) -> Iterator[None]:
    """A process stands still within this context."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
