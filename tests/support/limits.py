"""The limits that clients have exceeded, in the statistics and the log of a listener."""

from __future__ import annotations

from typing import Any

from .waiting import wait_until


def exceeded(served: Any) -> dict[str, int]:
    """The limits that were exceeded, and how often."""
    counts = served.listener.stats()["limits"]
    return {option: count for option, count in counts.items() if count}


def wait_exceeded(served: Any, option: str, count: int = 1) -> None:
    """Wait until this limit alone was exceeded so often; check that each time has a log line."""
    wait_until(lambda: exceeded(served))
    wait_until(lambda: exceeded(served)[option] >= count)
    assert exceeded(served) == {option: count}
    lines = [line for line in served.lines if f"(option {option!r})" in line]
    assert len(lines) == count, served.lines
