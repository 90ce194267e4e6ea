"""The released clients of ``tests/released/package.json``, from npm's registry."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from .missing import missing

PINS = Path(__file__).parents[1] / "released"
_PINNED = (PINS / "package.json", PINS / "package-lock.json")
RELEASED = sorted(re.findall(r'"([a-z.]+-client-[\d.]+)": "npm:', _PINNED[0].read_text()))
_PATIENCE = 240  # seconds
_AGAIN = ("--fetch-retries=4", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=20000")

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


def unpacked(package: str, folder: Path) -> Path:
    """Fetch one package without what it needs; return the folder with its files.

    Args:
        package: its name and version, as ``name@version``.
        folder: an empty folder.
    """
    npm = shutil.which("npm")
    if npm is None:
        missing(f"no npm to fetch {package} with")
    command = [npm, "pack", "--loglevel=error", *_AGAIN, package]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=_PATIENCE, check=True
        )
    except subprocess.TimeoutExpired:
        missing(f"npm did not fetch {package} within {_PATIENCE} s")
    except subprocess.CalledProcessError as error:
        missing(f"npm could not fetch {package}: {_reason(error)}")
    with tarfile.open(folder / done.stdout.split()[-1]) as archive:
        # Python 3.11.3 and earlier have no filters.
        archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, path: member)
        archive.extractall(folder)
    return folder / "package"


def _reason(error: subprocess.CalledProcessError) -> str:
    return " ".join(error.stderr.split())[:300]


def _install(npm: str, folder: Path) -> str | None:
    for file in _PINNED:
        shutil.copy(file, folder)
    command = [npm, "ci", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"]
    command += ["--loglevel=error", *_AGAIN]
    try:
        subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=_PATIENCE, check=True
        )
    except subprocess.TimeoutExpired:
        return f"not within {_PATIENCE} s"
    except subprocess.CalledProcessError as error:
        return _reason(error)
    return None
