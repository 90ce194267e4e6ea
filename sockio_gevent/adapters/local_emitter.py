"""What the emitter writes for the workers of one machine, which read it as from another worker."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..cluster.local_sender import LocalSender
from ..cluster.place import in_use, is_of_parent, of_resource
from ..elsewhere import Scope
from ..options.cluster import AUTO
from ..options.serializer import Serializer
from ..wire.bus_values import pack
from .bus_bodies import values_of

__all__ = ["LocalEmitter"]


class LocalEmitter:
    """Sends over the sockets of the workers.

    Args:
        address: ``'auto'``, or the path of a directory.
        resource: the option ``resource`` of the workers.
        serializer: encodes JSON.
    """

    def __init__(self, address: str, resource: str, serializer: Serializer) -> None:
        self._address = address
        self._resource = resource
        self._dumps = serializer.dumps
        self._sender = LocalSender(self._find_place)

    def _find_place(self) -> Path:
        """Where the workers meet now: another process has another directory.

        Raises:
            ConnectionError: if there is none, or more than one.
        """
        if self._address != AUTO:
            given = Path(self._address)
            return given if is_of_parent(given) else of_resource(given, self._resource)
        found = in_use(self._resource)
        if len(found) == 1:
            return found[0]
        if not found:
            raise ConnectionError(
                f"no server of this user has workers at the resource {self._resource!r}. One "
                "process alone is not found: start it with --workers 2, or with the option "
                "'cluster', and name the same directory or Redis here"
            )
        raise ConnectionError(
            f"{len(found)} servers of this user have workers at the resource "
            f"{self._resource!r}: name the directory of one, {' or '.join(map(str, found))}"
        )

    def emit(self, scope: Scope, event: str | int, arguments: Sequence[Any]) -> None:
        """Send an event to clients."""
        self._send("emit", scope, event, *arguments)

    def join(self, scope: Scope, rooms: Sequence[str]) -> None:
        """Put clients into rooms."""
        self._send("join", scope, *rooms)

    def leave(self, scope: Scope, rooms: Sequence[str]) -> None:
        """Take clients out of rooms."""
        self._send("leave", scope, *rooms)

    def disconnect(self, scope: Scope, close: bool) -> None:
        """Disconnect clients."""
        self._send("disconnect", scope, close)

    def server_side_emit(self, namespace: str, event: str | int, arguments: Sequence[Any]) -> None:
        """Let an event happen in a namespace of all workers."""
        self._sender.send("server_side", pack([namespace, event, *arguments], self._dumps))

    def _send(self, kind: str, scope: Scope, *values: Any) -> None:
        self._sender.send(kind, pack([*values_of(scope, scope.excluded), *values], self._dumps))

    def close(self) -> None:
        """Close the connections; they are made again when they are needed."""
        self._sender.close()
