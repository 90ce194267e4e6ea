"""The clients of the other workers, for whatever sends to all clients."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

__all__ = ["Elsewhere", "Scope"]


class Scope(NamedTuple):
    """Which clients are meant.

    Attributes:
        namespace: the name of their namespace.
        rooms: the rooms whose clients are meant; ``None`` for all clients.
        without: the rooms whose clients are left out.
        excluded: the ids of the sessions whose clients are left out.
        volatile: whether clients are left out that could not get a message now.
    """

    namespace: str
    rooms: Sequence[str] | None = None
    without: Sequence[str] = ()
    excluded: Sequence[str] = ()
    volatile: bool = False


class Elsewhere(ABC):
    """The clients of the other workers. Any thread may call its methods.

    Those that return nothing never block. Values are checked by whoever sends them to the
    clients of this worker, before they come here.
    """

    @abstractmethod
    def emit(self, scope: Scope, event: str | int, arguments: Sequence[Any]) -> None:
        """Send an event to clients."""

    @abstractmethod
    def emit_matching(self, pattern: str, event: str | int, arguments: Sequence[Any]) -> None:
        """Send an event to all clients of the namespaces of a pattern."""

    @abstractmethod
    def join(self, scope: Scope, rooms: Sequence[str]) -> None:
        """Put clients into rooms."""

    @abstractmethod
    def leave(self, scope: Scope, rooms: Sequence[str]) -> None:
        """Take clients out of rooms."""

    @abstractmethod
    def disconnect(self, scope: Scope, close: bool) -> None:
        """Disconnect clients."""

    @abstractmethod
    def clients(self, scope: Scope) -> list[Any]:
        """The clients, each a :class:`RemoteClient`. Waits for the answers of the workers."""

    @abstractmethod
    def call(
        self,
        scope: Scope,
        event: str | int,
        arguments: Sequence[Any],
        timeout: float | None,
        here: Callable[[], dict[str, Any]],
    ) -> dict[str, Any]:
        """Send an event to clients, and wait for the answers of all.

        Args:
            scope: which clients.
            event: the name of the event.
            arguments: its arguments.
            timeout: how many seconds to wait; ``None`` waits for ever.
            here: asks the clients of this worker, at the same time.

        Raises:
            AckTimeout: if answers are missing.
        """

    @abstractmethod
    def server_side_emit(self, namespace: str, event: str | int, arguments: Sequence[Any]) -> None:
        """Let an event happen in a namespace of the other workers."""

    @abstractmethod
    def server_side_call(
        self, namespace: str, event: str | int, arguments: Sequence[Any], timeout: float
    ) -> dict[str, Any]:
        """The same, and wait for the answers; returns them by the names of the workers.

        Raises:
            AckTimeout: if answers are missing.
        """
