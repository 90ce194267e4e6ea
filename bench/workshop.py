"""Prepares the platforms of other peers: packages of npm and PyPI, in their own folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from .peers import BUN, COMPILED, NODE, PYTHON

__all__ = ["Missing", "Workshop"]

NODE_PACKAGES = ("socket.io@~4.8", "ws@8")
# The engine is young: another version can behave otherwise.
BUN_PACKAGES = ("bun@~1.4", "@socket.io/bun-engine@0.1.2", "socket.io@~4.8")
# The same gevent for all peers that run on it.
PYPI_PACKAGES = (
    "python-socketio",
    f"gevent=={version('gevent')}",
    "gevent-websocket",
    "uvicorn[standard]",
    "uvloop",
)
ROOT = Path(__file__).resolve().parents[1]
_PATIENCE = 600  # seconds that an installation may take


class Missing(Exception):
    """The platform of a peer cannot be installed; the text says why."""


class Workshop:
    """A folder with the platforms of peers, filled as they are needed.

    Args:
        folder: the folder; complete platforms in it are used as they are.

    Attributes:
        tools: for each need that was prepared, the program that meets it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tools: dict[str, str] = {}

    def environment(self, need: str) -> dict[str, str]:
        """The variables that the program for a need must have."""
        if need in (BUN, NODE):
            return {"NODE_PATH": str(self.folder / need / "node_modules")}
        if need == COMPILED:
            return {"SOCKIO_BENCH_PACKAGE": str(self.folder / need)}
        return {}

    def prepare(self, need: str) -> None:
        """Install what a peer needs, unless it is there.

        Raises:
            Missing: if that cannot be done.
        """
        if need == NODE:
            self.tools[NODE] = self._program("node")
            self._once(NODE, NODE_PACKAGES, self._npm)
        elif need == BUN:
            self._once(BUN, BUN_PACKAGES, self._npm)
            self.tools[BUN] = self._bun()
        elif need == COMPILED:
            self._once(COMPILED, (_digest(),), self._compile)
            self.tools[COMPILED] = sys.executable
        elif need == PYTHON:
            self._once(PYTHON, PYPI_PACKAGES, self._pip)
            self.tools[PYTHON] = str(self.folder / PYTHON / "bin" / "python")

    def _once(
        self, name: str, packages: tuple[str, ...], install: Callable[[Path, tuple[str, ...]], None]
    ) -> None:
        folder = self.folder / name
        complete = folder / "complete.txt"
        wanted = "\n".join((sys.version, *packages))
        if complete.exists() and complete.read_text() == wanted:
            return
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        install(folder, packages)
        complete.write_text(wanted)

    def _npm(self, folder: Path, packages: tuple[str, ...]) -> None:
        # The engine names TypeScript as a peer package, and runs without it.
        plain = ("--ignore-scripts", "--omit=peer")
        quiet = ("--no-audit", "--no-fund", "--loglevel=error")
        command = (self._program("npm"), "install", *plain, *quiet, "--prefix", str(folder))
        self._run(*command, *packages)

    def _bun(self) -> str:
        """The program that npm has chosen for this machine, once it is seen to run."""
        modules = self.folder / BUN / "node_modules"
        # The package "bun" itself only has a script that would move the program there.
        programs = sorted(modules.glob("@oven/bun-*/bin/bun"))
        if not programs:
            raise Missing("the package bun has no program for this machine")
        try:
            self._run(str(programs[0]), "--version")
        except Missing as reason:
            raise Missing(f"bun does not run on this machine: {reason}") from None
        return str(programs[0])

    def _pip(self, folder: Path, packages: tuple[str, ...]) -> None:
        venv.create(folder, with_pip=True)
        python = str(folder / "bin" / "python")
        self._run(python, "-m", "pip", "install", "--quiet", *packages)

    def _compile(self, folder: Path, _: tuple[str, ...]) -> None:
        pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target")
        self._run(*pip, str(folder), str(ROOT))
        if not list(folder.rglob("*.so")):
            raise Missing("this checkout could not be compiled: pip install . says why")

    def _program(self, name: str) -> str:
        program = shutil.which(name)
        if program is None:
            raise Missing(f"{name} is not on the path")
        return program

    def _run(self, *command: str) -> None:
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=_PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Missing(f"{Path(command[0]).name} took over {_PATIENCE} s") from None
        except OSError as error:
            raise Missing(str(error)) from None
        if done.returncode:
            last = done.stdout.strip().splitlines()[-1:] or [f"status {done.returncode}"]
            raise Missing(f"{' '.join(command[:3])} failed: {last[0]}")


def _digest() -> str:
    """A text that changes with the package and with how it is built."""
    digest = sha256()
    for path in (*sorted((ROOT / "sockio_gevent").rglob("*.py")), ROOT / "setup.py"):
        digest.update(path.read_bytes())
    return digest.hexdigest()
