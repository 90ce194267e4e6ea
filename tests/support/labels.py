"""Names of parametrized cases that are the same in each process that collects the tests."""

from __future__ import annotations

import re


def label(value: object) -> str:
    """What ``repr`` says, without addresses in memory and with sets in order."""
    if isinstance(value, (set, frozenset)):
        return f"{{{', '.join(sorted(map(label, value)))}}}"
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))
