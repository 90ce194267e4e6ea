"""Prepares the platforms of other peers: packages of npm and PyPI, in their own folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from .peers import NODE, PYTHON

__all__ = ["Missing", "Workshop"]

NPM_PACKAGES = ("socket.io@~4.8", "ws@8")
# The same gevent for all peers that run on it.
PYPI_PACKAGES = (
    "python-socketio",
    f"gevent=={version('gevent')}",
    "gevent-websocket",
    "uvicorn[standard]",
    "uvloop",
)
_PATIENCE = 600  # seconds that an installation may take


class Missing(Exception):
    """The platform of a peer cannot be installed; the text says why."""


class Workshop:
    """A folder with the platforms of peers, filled as they are needed.

    Args:
        folder: the folder; complete platforms in it are used as they are.

    Attributes:
        tools: for each need that was prepared, the program that meets it.
        environment: the variables that the programs need.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tools: dict[str, str] = {}
        self.environment = {"NODE_PATH": str(folder / NODE / "node_modules")}

    def prepare(self, need: str) -> None:
        """Install what a peer needs, unless it is there.

        Raises:
            Missing: if that cannot be done.
        """
        if need == NODE:
            self.tools[NODE] = self._program("node")
            self._once(NODE, NPM_PACKAGES, self._npm)
        elif need == PYTHON:
            self._once(PYTHON, PYPI_PACKAGES, self._pip)
            self.tools[PYTHON] = str(self.folder / PYTHON / "bin" / "python")

    def _once(self, name: str, packages: tuple[str, ...], install: Callable[[Path], None]) -> None:
        folder = self.folder / name
        complete = folder / "complete.txt"
        wanted = "\n".join((sys.version, *packages))
        if complete.exists() and complete.read_text() == wanted:
            return
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        install(folder)
        complete.write_text(wanted)

    def _npm(self, folder: Path) -> None:
        quiet = ("--no-audit", "--no-fund", "--loglevel=error", "--ignore-scripts")
        self._run(self._program("npm"), "install", *quiet, "--prefix", str(folder), *NPM_PACKAGES)

    def _pip(self, folder: Path) -> None:
        venv.create(folder, with_pip=True)
        python = str(folder / "bin" / "python")
        self._run(python, "-m", "pip", "install", "--quiet", *PYPI_PACKAGES)

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
        if done.returncode:
            last = done.stdout.strip().splitlines()[-1:] or ["no word"]
            raise Missing(f"{' '.join(command[:3])} failed: {last[0]}")
