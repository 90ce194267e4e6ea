"""A server that the soak must catch: like its own, but it lies about messages, and it leaks."""

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

EACH = 20  # messages from one lie to the next


class Lying(Soaked):
    """Loses, doubles, swaps and changes echoes, loses ticks, and keeps what sessions leave."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.count = 0
        self.kept: list[Any] = []
        self.listener.on("clientDisconnect", self.keep)

    def tick(self, text: str) -> None:
        if self.ticks % EACH:
            super().tick(text)

    def echo(self, text: str, client: io.Client) -> None:
        state = vars(client)
        count = state["count"] = state.get("count", 0) + 1
        behind = state.pop("behind", None)
        if count % EACH == 3:
            return
        if count % EACH == 5:
            client.send(text)
        if count % EACH == 10:
            state["behind"] = text
            return
        client.send(text + "!" if count % EACH == 15 else text)
        if behind is not None:
            client.send(behind)

    def keep(self, client: io.Client) -> None:
        self.count += 1
        if self.count % EACH == 0:
            self.kept += [client, gevent.spawn(Event().wait), os.dup(0)]


if __name__ == "__main__":
    main(Lying)
