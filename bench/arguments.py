"""The parts that the command lines of both programs share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

__all__ = ["check_folders", "positive"]


def positive(kind: Callable[[str], Any]) -> Callable[[str], Any]:
    """Read a number above zero from the command line."""

    def read(text: str) -> Any:
        value = kind(text)
        if value <= 0:
            raise argparse.ArgumentTypeError(f"{text} is not above 0")
        return value

    read.__name__ = kind.__name__
    return read


def check_folders(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """End the program if the folder for a file that it will write does not exist."""
    for file in filter(None, (options.json, options.plot)):
        if not file.absolute().parent.is_dir():
            parser.error(f"there is no folder for {file}")
