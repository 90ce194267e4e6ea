"""One module for each harness.

A harness is a function ``check(data)``, which makes whatever it needs of the
bytes that it is given and raises if the code breaks a promise. Beside it
stand ``SEEDS``, inputs to begin with, and ``TOKENS``, pieces that inputs are
likely to need.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Protocol, cast

__all__ = ["NAMES", "Harness", "load"]

NAMES = (
    "websocket",
    "hixie",
    "payload",
    "json_text",
    "engineio",
    "socketio",
    "packet",
    "form",
    "handshake",
    "head",
    "policy",
    "routes",
    "origins",
    "sessions",
    "upgrades",
)


class Harness(Protocol):
    """The interface of each module."""

    SEEDS: Sequence[bytes]
    TOKENS: Sequence[bytes]

    def check(self, data: bytes) -> None:
        """Raise if a promise is broken."""


def load(name: str) -> Harness:
    """Import a harness, only when it is needed: an engine may have to watch the import."""
    return cast(Harness, import_module(f"{__name__}.{name}"))
