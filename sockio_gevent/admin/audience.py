"""Whether anybody watches, at this worker or another one.

A worker with pages tells the others so, again and again; one that is killed says nothing more, and
is forgotten. Where nobody watches, nothing is counted, encoded or sent.
"""

from __future__ import annotations

from time import monotonic
from typing import Any

from ..client import Target
from ..namespace import Namespace

__all__ = ["Audience"]

# Longer than two of the longest intervals between two reports.
_FORGOTTEN = 12.0  # seconds

# In a second: events of clients, which are dropped beyond that, and changes, beyond which the pages
# get a new list of all clients instead.
_MOST_EVENTS = 200
_MOST_CHANGES = 1000


class _Allowance:
    """How many of something there may be in a second; several threads may go a little over it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._left = 0
        self._until = 0.0

    def take(self) -> bool:
        """Take one; false if there is none."""
        now = monotonic()
        if now >= self._until:
            self._left, self._until = self._most, now + 1.0
        self._left -= 1
        return self._left >= 0


class Audience:
    """The pages that watch, and what they are told.

    Args:
        admin: the admin namespace.

    Attributes:
        watches: whether anybody watches.
        has_missed: whether the pages have missed changes, and need a new list of all clients.
    """

    def __init__(self, admin: Namespace) -> None:
        self._admin = admin
        self._elsewhere_until = 0.0
        self._events = _Allowance(_MOST_EVENTS)
        self._changes = _Allowance(_MOST_CHANGES)
        self.watches = False
        self.has_missed = False

    @property
    def here(self) -> bool:
        """Whether a page watches that is connected to this worker."""
        return bool(self._admin.clients)

    @property
    def elsewhere(self) -> bool:
        """Whether a page watches that is connected to another worker."""
        return monotonic() < self._elsewhere_until

    def note_elsewhere(self) -> None:
        """Another worker has a page that watches."""
        self._elsewhere_until = monotonic() + _FORGOTTEN

    @property
    def _target(self) -> Target:
        everywhere = self._admin.except_()
        return everywhere if self.elsewhere else everywhere.local

    def report(self, event: str, *arguments: Any) -> None:
        """Tell all pages something that comes at regular times."""
        self._target.emit(event, *arguments)

    def change(self, event: str, *arguments: Any) -> None:
        """Tell all pages of a change. A page that is too slow for them ends, and comes again."""
        if self._changes.take():
            self._target.emit(event, *arguments)
        else:
            self.has_missed = True

    def may_tell_event(self) -> bool:
        """Whether the pages can take one more event of a client now; it counts as told."""
        return self._events.take()

    def event(self, event: str, *arguments: Any) -> None:
        """Tell an event of a client to the pages that can take it at once."""
        self._target.volatile.emit(event, *arguments)
