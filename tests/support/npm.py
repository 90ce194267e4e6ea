"""The released clients of ``tests/released/package.json``, from npm's registry."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from .missing import missing

PINS = Path(__file__).parents[1] / "released"
_PINNED = (PINS / "package.json", PINS / "package-lock.json")
RELEASED = sorted(re.findall(r'"([a-z.]+-client-[\d.]+)": "npm:', _PINNED[0].read_text()))
_PATIENCE = 240  # seconds

# Where each version keeps what a page loads.
_BUNDLES = ("dist/socket.io.js", "socket.io.js", "dist/engine.io.js", "engine.io.js")


def node() -> str:
    """Where it is installed."""
    path = shutil.which("node")
    if path is None:
        missing("no node to run the released clients in")
    return path


def bundle(packages: Path, client: str) -> str:
    """The path of what a page loads to have this client, below the packages."""
    return next(f"{client}/{file}" for file in _BUNDLES if (packages / client / file).exists())


def installed(factory: pytest.TempPathFactory) -> Path:
    """The folder with the packages, installed once for all processes that run tests.

    It is a temporary folder, or below ``SOCKIO_TEST_CACHE`` and there the next time.
    """
    npm = shutil.which("npm")
    if npm is None:
        missing("no npm to fetch the released clients with")
    temporary = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        temporary = temporary.parent
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in _PINNED)).hexdigest()[:16]
    folder = Path(os.environ.get("SOCKIO_TEST_CACHE", temporary)) / f"released-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    # One process installs, and the others wait and then know how it went.
    failed = temporary / "npm-failed.txt"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists() and not failed.exists():
            problem = _install(npm, folder)
            if problem is None:
                (folder / "complete").touch()
            else:
                failed.write_text(problem)
    if failed.exists():
        missing(f"npm could not install the released clients: {failed.read_text()}")
    return folder / "node_modules"


def _install(npm: str, folder: Path) -> str | None:
    for file in _PINNED:
        shutil.copy(file, folder)
    command = [npm, "ci", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"]
    command += ["--loglevel=error", "--fetch-retries=4"]
    command += ["--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=20000"]
    try:
        subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=_PATIENCE, check=True
        )
    except subprocess.TimeoutExpired:
        return f"not within {_PATIENCE} s"
    except subprocess.CalledProcessError as error:
        return " ".join(error.stderr.split())[:300]
    return None
