"""Options that are the path of a folder from npm, with files that are served."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["folder_with"]


def folder_with(
    name: str, value: Any, file: str, package: str, installed: str, below: Sequence[str]
) -> str:
    """Check that a folder has a file; return its path.

    Args:
        name: the name of the option.
        value: the folder.
        file: the name of the file.
        package: the package of npm that has the folder.
        installed: where the folder is when the package is installed.
        below: where it may be if a folder around it is given.

    Raises:
        TypeError: if the value is no path.
        ValueError: if the file is not there.
    """
    if not isinstance(value, (str, os.PathLike)) or isinstance(os.fspath(value), bytes):
        raise TypeError(f"option {name!r} must be the path of a folder or None, not {value!r}")
    folder = Path(value)
    if not (folder / file).is_file():
        right = [folder / each for each in (*below, installed) if (folder / each / file).is_file()]
        hint = (
            f"did you mean {str(right[0])!r}?"
            if right
            else f"'npm install {package}' makes the folder {installed!r}, which has it"
        )
        raise ValueError(f"option {name!r}: there is no {file!r} in {str(value)!r}: {hint}")
    return str(folder)
