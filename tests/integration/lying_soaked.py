"""A server that the soak must catch: like its own, but it lies about messages."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench" / "servers"))

from soaked import Soaked, main

import sockio_gevent as io

EACH = 20  # messages from one lie to the next


class Lying(Soaked):
    """Loses, doubles, swaps and changes echoes, and loses ticks."""

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


if __name__ == "__main__":
    main(Lying)
