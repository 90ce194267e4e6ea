"""Lays out a copy of the checkout whose package is the installed one, which is compiled.

The tests run the package in three ways: they import it, they start programs with the checkout
in ``PYTHONPATH``, and they read its sources. In the copy all three find the compiled form.

Usage: ``python tests/support/compiled_checkout.py <folder>``
"""

from __future__ import annotations

import shutil
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAME = "sockio_gevent"


def main(folder: Path) -> None:
    """Make the copy."""
    installed = Path(sysconfig.get_path("purelib"), NAME)
    if not list(installed.rglob("*.so")):
        raise SystemExit(f"the package in {installed} is not compiled")
    shutil.rmtree(folder, ignore_errors=True)
    # Not __pycache__: the tests need not be compiled again.
    hidden = shutil.ignore_patterns(".git", ".tox", "*_cache", "*.egg-info", "build")
    shutil.copytree(ROOT, folder, ignore=hidden)
    shutil.rmtree(folder / NAME)
    (folder / NAME).symlink_to(installed)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
