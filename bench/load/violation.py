"""What a server is charged with: a figure counts only if nothing of this happened."""

from __future__ import annotations

__all__ = ["Violation"]


class Violation(Exception):
    """A message was lost, doubled, changed or out of order, or the connection did not hold."""
