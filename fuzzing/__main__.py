"""Run harnesses: ``python -m fuzzing``; see README.rst beside this file."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from . import guided
from .harnesses import NAMES, load
from .inputs import REGRESSIONS, keep

__all__ = ["main"]


def read_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m fuzzing", description=__doc__)
    parser.add_argument(
        "harness", nargs="*", help=f"one or several of {', '.join(NAMES)}; default: all"
    )
    parser.add_argument("--seconds", type=float, default=60, help="how long each runs; default: 60")
    parser.add_argument(
        "--engine",
        choices=("atheris", "hypothesis"),
        help="default: atheris if it is installed, or else hypothesis",
    )
    parser.add_argument(
        "--keep",
        type=Path,
        default=REGRESSIONS,
        metavar="FOLDER",
        help="where inputs are saved that find something; default: fuzzing/regressions",
    )
    options = parser.parse_args(arguments)
    for name in options.harness:
        if name not in NAMES:
            parser.error(f"there is no harness {name!r}, only {', '.join(NAMES)}")
    if options.engine is None:
        options.engine = "atheris" if guided.is_installed() else "hypothesis"
    elif options.engine == "atheris" and not guided.is_installed():
        parser.error("atheris is not installed: pip install -r fuzzing/requirements.txt")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run harnesses; return how many have found something."""
    options = read_arguments(arguments)
    failed = 0
    for name in options.harness or NAMES:
        run = guided.run if options.engine == "atheris" else _run_blind
        tried, found = run(name, options.seconds, options.keep)
        print(f"{name:12} {tried:>10,} inputs", *(f"found {file}" for file in found), flush=True)
        failed += bool(found)
    return failed


def _run_blind(name: str, seconds: float, folder: Path) -> tuple[int, list[Path]]:
    from . import blind

    try:
        return blind.run(name, load(name), seconds), []
    except blind.Found as found:
        traceback.print_exc()
        return found.tried, [keep(name, found.data, folder)]


if __name__ == "__main__":
    sys.exit(main())
