"""The first inputs: a harness's own, and those that have found something before."""

from __future__ import annotations

import hashlib
from pathlib import Path

from .harnesses import Harness

__all__ = ["LONGEST", "REGRESSIONS", "first_inputs", "keep", "regressions"]

REGRESSIONS = Path(__file__).parent / "regressions"

# The longest input, in bytes: more than this no harness needs.
LONGEST = 4096


def regressions(name: str, folder: Path = REGRESSIONS) -> dict[str, bytes]:
    """The inputs that have once found something, by the names of their files."""
    files = sorted((folder / name).glob("[!.]*"))
    return {file.name: file.read_bytes() for file in files}


def keep(name: str, data: bytes, folder: Path = REGRESSIONS) -> Path:
    """Save an input that has found something; give the file a better name when it is mended."""
    file = folder / name / f"crash-{hashlib.sha1(data).hexdigest()}"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return file


def first_inputs(name: str, harness: Harness, folder: Path = REGRESSIONS) -> list[bytes]:
    """All first inputs."""
    return [b"", *harness.SEEDS, *regressions(name, folder).values()]
