"""How workers and emitters tell each other which clients are meant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..client import Target
from ..elsewhere import Scope

__all__ = ["answers_of", "clients_of", "target_of", "values_of"]


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


def clients_of(values: list[Any]) -> list[list[Any]]:
    """What another worker tells of its clients; see :class:`~sockio_gevent.RemoteClient`.

    Raises:
        ValueError: if it makes no sense.
    """
    for facts in values:
        good = isinstance(facts, list) and len(facts) == 6 and isinstance(facts[0], str)
        if not good or not isinstance(facts[1], list):
            raise ValueError("facts about a client are malformed")
    return values


def answers_of(values: list[Any]) -> tuple[dict[str, list[Any]], list[str]]:
    """The answers of another worker's clients, and the ids of those that have not answered.

    Raises:
        ValueError: if they make no sense.
    """
    match values:
        case [dict(came), list(missing)]:
            good = all(isinstance(each, list) for each in came.values())
            if good and all(isinstance(each, str) for each in missing):
                return came, missing
    raise ValueError("answers of clients are malformed")
