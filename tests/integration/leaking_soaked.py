"""A server that the soak must catch: like its own, but it keeps what sessions leave."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench" / "servers"))

import gevent
from gevent.event import Event
from soaked import Soaked, main

import sockio_gevent as io

EACH = 20  # sessions from one leak to the next


class Leaking(Soaked):
    """Keeps a client, a greenlet and a descriptor of one session in so many."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.count = 0
        self.kept: list[Any] = []
        self.listener.on("clientDisconnect", self.keep)

    def keep(self, client: io.Client) -> None:
        self.count += 1
        if self.count % EACH == 0:
            self.kept += [client, gevent.spawn(Event().wait), os.dup(0)]


if __name__ == "__main__":
    main(Leaking)
