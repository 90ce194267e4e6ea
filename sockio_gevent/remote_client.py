"""A client of another worker, as ``clients()`` of a target lists it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .errors import Disconnected
from .events import EventName
from .space import Space
from .target import BaseTarget

__all__ = ["RemoteClient"]


class RemoteClient:
    """A client that is connected to another worker. It tells what was so when it was listed.

    It has no session here, so it has no ``environ``, no events and no ``data`` to change: see
    :meth:`Target.clients`.

    What is sent to it, or done to it, is done by its worker: to the room of its id. Other
    clients that the application lets join this room are meant, too.

    Args:
        space: its namespace.
        worker: the name of its worker.
        facts: what the worker says of it: id, rooms, ``auth``, ``data``, dialect, transport.

    Attributes:
        id: its public id.
        rooms: the rooms that it was in, with the one of its own id.
        auth: what it sent when it connected.
        data: a copy of the application's ``data``, as far as that is JSON and bytes. Changes of
            the copy stay here.
        dialect: the dialect that it speaks.
        transport: the name of its transport.
        worker: the name of its worker.
    """

    def __init__(self, space: Space, worker: str, facts: Sequence[Any]) -> None:
        client_id, rooms, auth, data, dialect, transport = facts
        if not isinstance(client_id, str) or not isinstance(rooms, list):
            raise ValueError("a worker has sent malformed facts about a client")
        self._space = space
        self.id = client_id
        self.rooms = frozenset(str(room) for room in rooms)
        self.auth: Any = auth
        self.data: Any = data
        self.dialect = str(dialect)
        self.transport = str(transport)
        self.worker = worker

    def __repr__(self) -> str:
        return f"<RemoteClient {self.id[:8]} of worker {self.worker}>"

    @property
    def namespace(self) -> Any:
        """The :class:`~sockio_gevent.Namespace` that it is in."""
        return self._space.namespace

    @property
    def listener(self) -> Any:
        """The :class:`~sockio_gevent.Listener` of this worker."""
        return self._space.main.namespace

    @property
    def _alone(self) -> BaseTarget[Any]:
        return BaseTarget(self._space, rooms=(self.id,))

    def emit(self, event: EventName, *arguments: Any) -> None:
        """Send an event to it; see :meth:`Target.emit`."""
        self._alone.emit(event, *arguments)

    def send(self, message: Any) -> None:
        """Send the event ``message`` to it."""
        self._alone.send(message)

    def call(self, event: EventName, *arguments: Any, timeout: float | None = 60.0) -> Any:
        """Send an event, and wait for its answer; see :meth:`Client.call`.

        Raises:
            AckTimeout: if the answer does not come in this time.
            Disconnected: if it has left.
        """
        answers = self._alone.call(event, *arguments, timeout=timeout)
        if self.id not in answers:
            raise Disconnected(f"{self!r} has left without an answer to {event!r}")
        return answers[self.id]

    def join(self, *rooms: str) -> None:
        """Put it into rooms."""
        self._alone.join(*rooms)

    def leave(self, *rooms: str) -> None:
        """Take it out of rooms."""
        self._alone.leave(*rooms)

    def disconnect(self, close: bool = False) -> None:
        """Disconnect it; see :meth:`Client.disconnect`."""
        self._alone.disconnect(close)
