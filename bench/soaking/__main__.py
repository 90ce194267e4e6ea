"""``python -m bench.soaking JOB``: a client process; does a job, given as JSON.

It prints a line of JSON each second and one at the end, each with all that
was counted so far. So the reader can kill the process at any time.
"""

from __future__ import annotations

import json
import random
import secrets
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import gevent

from ..load.violation import Violation
from .chatter import chat
from .connection import Gone
from .hostile import attack
from .ledger import CHANGED, LOST, Times
from .lives import LIVES, live
from .session import Missing
from .talk import converse

_EACH = 1.0  # seconds between two lines


class Load:
    """What one process does.

    Args:
        job: its orders: ``kind``, ``port``, ``seed``, and those of the kind.
    """

    def __init__(self, job: Mapping[str, Any]) -> None:
        self.port: int = job["port"]
        self.ends_at = time.monotonic() + job.get("seconds", float("inf"))
        self._left: int | None = job.get("sessions")
        self.counts: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.times = Times()
        self.ended: list[tuple[int, float, str]] = []
        self.name = secrets.token_hex(4)
        random.seed(job["seed"])

    @property
    def over(self) -> bool:
        """Whether nothing new may be begun."""
        return self._left == 0 or time.monotonic() >= self.ends_at

    def report(self) -> None:
        """Print all that was counted so far."""
        report: dict[str, Any] = {
            "counts": self.counts,
            "faults": self.faults,
            "times": self.times.steps,
        }
        if self.ended:
            report["ended"] = self.ended
        print(json.dumps(report), flush=True)

    def churn(self) -> None:
        """Live one life after the other."""
        while not self.over:
            if self._left is not None:
                self._left -= 1
            (life,) = random.choices(LIVES, [life.share for life in LIVES])
            transport = random.choice(life.transports)
            self.counts["lives"] += 1
            self.counts[f"over {transport}"] += 1
            self.faults[life.title] += 1
            try:
                live(self.port, transport, life)
            except Gone as end:
                self.counts["lives cut short"] += 1
                print(f"{life.title}, {transport}: {end}", file=sys.stderr)
            except Missing as missing:
                self.counts[LOST] += 1
                print(f"{life.title}, {transport}: {missing}", file=sys.stderr)
            except Violation as violation:
                self.counts[CHANGED] += 1
                print(f"{life.title}, {transport}: {violation}", file=sys.stderr)

    def hostile(self) -> None:
        """Attack again and again."""
        while not self.over:
            attack(self)

    def talk(self) -> None:
        """Be a well-behaved client, until the end."""
        converse(self, roams=False)

    def roam(self) -> None:
        """The same, with connections that break."""
        converse(self, roams=True)

    def chatter(self) -> None:
        """Be clients of several workers, which talk to each other."""
        chat(self)


KINDS: dict[str, Callable[[Load], None]] = {
    kind.__name__: kind for kind in (Load.churn, Load.hostile, Load.talk, Load.roam, Load.chatter)
}


def main() -> None:
    """Do the job of the command line."""
    job = json.loads(sys.argv[1])
    load = Load(job)
    greenlets = [gevent.spawn(KINDS[job["kind"]], load) for _ in range(job["at_once"])]
    while len(gevent.joinall(greenlets, timeout=_EACH)) < len(greenlets):
        load.report()
    load.report()
    for greenlet in greenlets:
        greenlet.get()


if __name__ == "__main__":
    main()
