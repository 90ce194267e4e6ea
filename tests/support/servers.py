"""Real servers, each in its own process, and their output."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sockio_gevent.options.transport_options import KNOWN_TRANSPORTS

from .http import DEADLINE, HTTP, LONG
from .python_path import python_path
from .times import POLLING, patient
from .waiting import wait_until

DEPLOYMENT = Path(__file__).parents[1] / "deployment"

# All transports; and nothing is due while a test runs: a hang-up is noticed as such, or not at all.
PATIENT = {
    "transports": KNOWN_TRANSPORTS,
    "transport_options": patient({name: {"duration": LONG} for name in POLLING}),
}

# Variables that would change how gunicorn starts.
_OF_THE_USER = ("GUNICORN_CMD_ARGS", "SCRIPT_NAME", "WEB_CONCURRENCY", "XDG_RUNTIME_DIR")


def order(**what: Any) -> str:
    """A message that ``deployed.application`` obeys."""
    return f"~j~{json.dumps(what)}"


class Server:
    """A command that prints where it serves ``deployed.application``.

    Args:
        command: the program and its arguments.
        folder: where it runs, and may leave files.
        options: the options of the listener, over long times.
        environ: what its environment has besides.
        certificate: what clients trust, if they are to speak TLS.
        full: whether nothing that it prints can be written.

    Attributes:
        lines: what it has printed so far.
        port: where it serves.
        wrap: what clients put round their sockets.
        prefix: where the application is mounted.
        proxied: whether it is nginx.
        headers: what its clients send with every request.
    """

    headers: Mapping[str, str] = MappingProxyType({})
    prefix = ""
    proxied = False

    def __init__(
        self,
        command: list[str],
        folder: Path,
        options: dict[str, Any] | None = None,
        environ: dict[str, str] | None = None,
        certificate: Any = None,
        full: bool = False,
    ) -> None:
        self.wrap: Any = None if certificate is None else certificate.wrap
        self.lines: list[str] = []
        self.port = 0
        self._over = False
        kept = {name: os.environ[name] for name in os.environ if name not in _OF_THE_USER}
        told = {
            "HOME": str(folder),
            "SOCKIO_TEST_OPTIONS": json.dumps({**PATIENT, **(options or {})}),
            **({"SOCKIO_TEST_FULL": "yes"} if full else {}),
        }
        self._folder = folder
        self._full = full
        output = os.open("/dev/full", os.O_WRONLY) if full else subprocess.PIPE
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env={**kept, "PYTHONUNBUFFERED": "1", **told, **(environ or {})},
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if full:
            os.close(output)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self.lines.append(line.rstrip())
        self._over = True

    def listening(self) -> Server:
        """Wait until it prints where it listens."""
        if self._full:
            address = self._folder / "address"
            wait_until(address.exists, "there is an address", self)
            self.port = int(address.read_text())
            return self
        self.port = int(self.wait_line(r"https?://127\.0\.0\.1:([1-9]\d*)")[1])
        return self

    def found(self, pattern: str) -> list[re.Match[str]]:
        """The lines of its output that match."""
        return [match for line in list(self.lines) if (match := re.search(pattern, line))]

    def wait_line(self, pattern: str, count: int = 1, deadline: float = DEADLINE) -> re.Match[str]:
        """Wait until so many lines match; return the last of them."""

        def came() -> bool:
            over = self._over
            return len(self.found(pattern)) >= count or over

        wait_until(came, f"a line {pattern!r}", self, deadline)
        found = self.found(pattern)
        assert len(found) >= count, f"ended without a line {pattern!r}: {self}"
        return found[count - 1]

    def wait_end(self, deadline: float = DEADLINE) -> int:
        """Wait until it has ended, and all it printed was read; return its exit status."""
        over = "it has ended"
        wait_until(lambda: self._over and self.process.poll() is not None, over, self, deadline)
        return int(self.process.returncode)

    def stop(self) -> int:
        """Stop it as an operator does; return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.wait_end()
        finally:
            if self.process.poll() is None:
                self.process.kill()

    def client(self, kind: Any, *arguments: Any, **more: Any) -> Any:
        """A client of this server that is not connected yet."""
        of_this = {"prefix": self.prefix, "proxied": self.proxied, "headers": self.headers}
        kind = type(kind.__name__, (kind,), of_this)
        return kind(self.port, *arguments, wrap=self.wrap, **more)

    def ask(self, path: str, **headers: str) -> Any:
        """Ask the application behind the listener."""
        client = HTTP(self.port, self.wrap)
        answer = client.request("GET", self.prefix + path, Connection="close", **headers)
        client.close()
        assert answer.status == 200, answer.text
        return json.loads(answer.text)

    def wait_state(self, session_id: str, state: str | None, deadline: float = DEADLINE) -> None:
        """Wait until a session is 'open' or 'away', or has ended (None)."""

        def reached() -> bool:
            return bool(self.ask("/sessions").get(session_id) == state)

        wait_until(reached, f"{session_id} is {state}", self, deadline)

    def problems(self) -> list[str]:
        """The lines that no operator wants to see."""
        return [line for line in self.lines if _PROBLEM.search(line)]

    def __str__(self) -> str:
        command = " ".join(self.process.args)
        return "\n".join([command, *self.lines[:10], "…", *self.lines[10:][-30:]])


_PROBLEM = re.compile(r"Traceback|Error|\bERROR\b|\bCRITICAL\b|\[(error|crit|alert|emerg)\]")


class Gunicorn(Server):
    """gunicorn with one worker; its access log is lines that begin with 'access'."""

    def __init__(
        self,
        folder: Path,
        worker: str,
        *arguments: str,
        application: str = "deployed:application",
        prefix: str = "",
        certificate: Any = None,
        environ: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        self.prefix = prefix
        command = [sys.executable, "-m", "gunicorn", "--bind=127.0.0.1:0"]
        command += [f"--worker-class={worker}", f"--pythonpath={DEPLOYMENT}"]
        command += [f"--config={DEPLOYMENT / 'gunicorn_conf.py'}"]
        command += ["--access-logfile=-", "--access-logformat=access %(h)s %(r)s %(s)s %(p)s"]
        command += [] if certificate is None else certificate.arguments
        # Idle connections are kept for two seconds only, unless one says so.
        command += ["--keep-alive=60", "--graceful-timeout=60", *arguments, application]
        environ = {**({"SCRIPT_NAME": prefix} if prefix else {}), **(environ or {})}
        super().__init__(command, folder, certificate=certificate, environ=environ, **more)

    def listening(self) -> Gunicorn:
        """Wait until it prints where it listens, and until a worker is there."""
        self.wait_line("Worker is ready")
        super().listening()
        return self


class CommandLine(Server):
    """``python -m sockio_gevent``.

    Args:
        folder: where it runs.
        *arguments: the command line.
        application: the module and the name of the application.
        places: more folders where modules are.
        **more: see :class:`Server`.
    """

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        application: str = "deployed:application",
        places: Sequence[Path] = (),
        **more: Any,
    ) -> None:
        command = [sys.executable, "-m", "sockio_gevent", application, "--port=0", *arguments]
        found = python_path(*places, DEPLOYMENT, DEPLOYMENT.parents[1])
        super().__init__(command, folder, environ={"PYTHONPATH": found}, **more)


class Clustered(CommandLine):
    """``python -m sockio_gevent`` with the application ``clustered``."""

    def __init__(self, folder: Path, *arguments: str, **more: Any) -> None:
        super().__init__(folder, *arguments, application="clustered:socket", **more)


class Program(Server):
    """A server of ``tests/deployment/serve.py``."""

    def __init__(
        self, folder: Path, name: str, *arguments: str, certificate: Any = None, **more: Any
    ) -> None:
        command = [sys.executable, str(DEPLOYMENT / "serve.py"), name, *arguments]
        command += [] if certificate is None else certificate.arguments
        super().__init__(command, folder, certificate=certificate, **more)
