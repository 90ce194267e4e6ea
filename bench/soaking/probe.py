"""The state of the server, from the server itself and from the kernel."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from ..processes import Server, Trouble

__all__ = ["EXACT", "Probe", "Sample"]

_PATIENCE = 60.0  # seconds that the server may take to answer
_PAUSE = 0.1  # seconds between two looks

# The numbers that must return exactly to their old values, and their names.
EXACT = {
    "sessions": "sessions",
    "greenlets": "greenlets",
    "descriptors": "descriptors",
    "deadlines": "deadlines",
    "closing_sessions": "closing sessions",
}


@dataclass(frozen=True)
class Sample:
    """What the server holds at one moment.

    Attributes:
        sessions: rows of the session table.
        greenlets: how many are alive, but for those that are parked.
        parked: greenlets that are kept for the next read, up to 16.
        descriptors: open file descriptors.
        deadlines: sessions that wait for a deadline.
        closing_sessions: sessions whose disconnect handlers are running.
        objects: how many instances there are of each class of the package, but for those
            whose instances are kept in caches, up to a bound.
        errors: lines of level error in its log.
        first_errors: the first of them.
        opened: how many sessions there were so far.
        closes: how many of them have ended, by cause.
        refused: how many requests were refused, by reason.
        memory: its resident memory (``VmRSS``), in KiB.
    """

    sessions: int
    greenlets: int
    parked: int
    descriptors: int
    deadlines: int
    closing_sessions: int
    objects: dict[str, int]
    errors: int
    first_errors: list[str]
    opened: int
    closes: dict[str, int]
    refused: dict[str, int]
    memory: int

    def differences(self, other: Sample) -> list[str]:
        """The differences from another sample that should be the same."""
        pairs = [(name, getattr(self, each), getattr(other, each)) for each, name in EXACT.items()]
        pairs += [
            (f"objects of the class {name}", self.objects.get(name, 0), other.objects.get(name, 0))
            for name in {**self.objects, **other.objects}
        ]
        return [
            f"{name}: {here}, and it was {there}" for name, here, there in pairs if here != there
        ]


class Probe:
    """Asks the server.

    Args:
        server: the server.
    """

    def __init__(self, server: Server) -> None:
        self._server = server

    def sample(self) -> Sample:
        """What it holds.

        Raises:
            Trouble: if it does not say.
        """
        # A new connection for each question, so that the count of connections is always the same.
        connection = HTTPConnection("127.0.0.1", self._server.port, timeout=_PATIENCE)
        try:
            connection.request("GET", "/sample", headers={"Connection": "close"})
            told: dict[str, Any] = json.loads(connection.getresponse().read())
            return Sample(**told, memory=self._memory())
        except (OSError, HTTPException, ValueError) as error:
            words = self._server.last_words()
            raise Trouble(f"the server does not answer: {error!r}; {words}") from None
        finally:
            connection.close()

    def _memory(self) -> int:
        for line in Path(f"/proc/{self._server.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise OSError("the server has ended")

    def until(self, condition: Callable[[Sample], bool], seconds: float) -> Sample:
        """Ask again and again until a condition holds, for so long at most.

        Returns:
            The last sample, for which it holds unless the time was up.
        """
        end = time.monotonic() + seconds
        while not condition(sample := self.sample()) and time.monotonic() < end:
            time.sleep(_PAUSE)
        return sample

    def steady(self, still: float, seconds: float) -> Sample:
        """Wait until there are no sessions, and nothing changes any more.

        Args:
            still: for how many seconds nothing is to have changed.
            seconds: how long to wait for that, at most.
        """
        end = time.monotonic() + seconds
        sample, since = self.sample(), time.monotonic()
        while time.monotonic() < min(end, since + still):
            time.sleep(_PAUSE)
            latest = self.sample()
            if latest.sessions or latest.differences(sample):
                sample, since = latest, time.monotonic()
        return sample
