"""How workers and emitters tell each other which clients are meant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..client import Target
from ..elsewhere import Scope

__all__ = ["target_of", "values_of"]


def values_of(scope: Scope, excluded: Sequence[str]) -> list[Any]:
    """A scope as others are told it.

    Args:
        scope: the scope.
        excluded: the ids of the sessions that are left out, as far as others may have them.
    """
    return [scope.namespace, scope.rooms, scope.without, excluded, scope.volatile]


def target_of(space: Any, rooms: Any, without: Any, excluded: Any, volatile: Any) -> Target:
    """The clients of this worker that another one means.

    Args:
        space: the namespace.
        rooms: the rooms whose clients are meant; ``None`` for all clients.
        without: the rooms whose clients are left out.
        excluded: the ids of the sessions whose clients are left out.
        volatile: whether clients are left out that could not get a message now.

    Raises:
        ValueError: if one of them makes no sense.
    """
    for names in (rooms or (), without, excluded):
        if not isinstance(names, list | tuple) or not all(isinstance(each, str) for each in names):
            raise ValueError("a list of names is malformed")
    chosen = None if rooms is None else tuple(rooms)
    return Target(space, chosen, tuple(without), frozenset(excluded), bool(volatile), local=True)
