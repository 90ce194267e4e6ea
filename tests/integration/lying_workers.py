"""An application of several workers that the soak must catch: it lies about messages to rooms."""

from __future__ import annotations

from collections import Counter

from soaked_workers import application, message, socket

import sockio_gevent as io

__all__ = ["application"]

EACH = 20  # messages from one lie to the next

said: Counter[str] = Counter()
held: dict[str, str] = {}
socket.remove_listener("clientMessage", message)


@socket.on("clientMessage")
def lie(text: str, client: io.Client) -> None:
    """Lose, double and swap what clients say, and change echoes."""
    if text.startswith("echo "):
        said["echo"] += 1
        message(text + "!" if said["echo"] % EACH == 0 else text, client)
        return
    if not text.startswith("room "):
        message(text, client)
        return
    said[client.id] += 1
    turn = said[client.id] % EACH
    if turn == 4:
        return
    if turn == 8:
        held[client.id] = text
        return
    message(text, client)
    if turn == 9:
        message(held.pop(client.id), client)
    if turn == 14:
        message(text, client)
