"""Units of systemd in the documentation and the examples."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

from .http import DEADLINE

__all__ = ["verify"]


def verify(text: str, folder: Path) -> ConfigParser:
    """Check a unit, also with ``systemd-analyze`` where that is installed.

    Args:
        text: the unit.
        folder: where it may be written.

    Returns:
        The unit, read.
    """
    unit = ConfigParser(interpolation=None)
    # Names keep their capital letters.
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(text)
    assert unit.sections() == ["Unit", "Service", "Install"]
    if shutil.which("systemd-analyze") is None:
        return unit  # a container has none
    # Programs have to exist, the rest is as it stands there.
    text = re.sub(r"(ExecStart=)\S+", rf"\1{sys.executable}", text)
    path = folder / ("chat@8081.service" if "%i" in text else "chat.service")
    path.write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(path)],
        capture_output=True,
        text=True,
        timeout=4 * DEADLINE,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert [line for line in said.splitlines() if "chat" in line] == []
    return unit
