"""Released clients in Python that the environment of the tests cannot have, from PyPI."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .missing import missing

_PATIENCE = 240  # seconds


def installed(factory: pytest.TempPathFactory, requirements: Path) -> Path:
    """The folder with the packages that a file names, installed once for all processes.

    It is a temporary folder, or below ``SOCKIO_TEST_CACHE`` and there the next time.
    """
    temporary = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        temporary = temporary.parent
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:16]
    cache = Path(os.environ.get("SOCKIO_TEST_CACHE", temporary))
    folder = cache / f"{requirements.stem}-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    # One process installs, and the others wait and then know how it went.
    failed = temporary / f"{requirements.stem}-failed.txt"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists() and not failed.exists():
            problem = _install(requirements, folder / "packages")
            if problem is None:
                (folder / "complete").touch()
            else:
                failed.write_text(problem)
    if failed.exists():
        missing(f"pip could not install {requirements.name}: {failed.read_text()}")
    return folder / "packages"


def _install(requirements: Path, folder: Path) -> str | None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade"]
    command += ["--disable-pip-version-check", "--target", str(folder), "-r", str(requirements)]
    try:
        subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=True)
    except subprocess.TimeoutExpired:
        return f"not within {_PATIENCE} s"
    except subprocess.CalledProcessError as error:
        return " ".join(error.stderr.split())[-300:]
    return None
