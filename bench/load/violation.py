"""The errors of a server that are found by the load: a figure counts only if there are none."""

from __future__ import annotations

__all__ = ["Violation"]


class Violation(Exception):
    """A message was lost, doubled, changed or out of order, or the connection did not hold."""
