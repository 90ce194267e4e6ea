"""How the adapter and the emitter tell other workers which clients are meant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..elsewhere import Scope

__all__ = ["values_of"]


def values_of(scope: Scope, excluded: Sequence[str]) -> list[Any]:
    """A scope as others are told it.

    Args:
        scope: the scope.
        excluded: the ids of the sessions that are left out, as far as others may have them.
    """
    return [scope.namespace, scope.rooms, scope.without, excluded, scope.volatile]
