"""Where the Python processes that tests start look for modules."""

from __future__ import annotations

import os
from pathlib import Path

# The sitecustomize.py in it lets them start faster.
STARTUP = Path(__file__).with_name("startup")


def python_path(*places: Path) -> str:
    """``PYTHONPATH`` for a process: these folders, before those of this process."""
    inherited = os.environ.get("PYTHONPATH")
    return os.pathsep.join([*map(str, places), *([inherited] if inherited else [])])
