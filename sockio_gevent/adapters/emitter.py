"""Sending to clients from a process that serves none: a task queue, a scheduled job, a shell.

It writes what workers read: into the stream of their Redis, or over the sockets of those of this
machine. It starts no greenlet, and needs no monkey-patching.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from ..cluster.redis_client import shown
from ..elsewhere import Scope
from ..events import EventName, check_sendable
from ..namespaces import full_name
from ..options.cluster import check as check_cluster
from ..options.cluster import is_redis
from ..options.serializer import OWN, Serializer, serializer_of
from ..options.serializer import check as check_serializer
from ..rooms import room_names
from .local_emitter import LocalEmitter

__all__ = ["Emitter"]

T = TypeVar("T", bound="Emitter")


class _Way(Protocol):
    """The way to the workers; see :class:`..elsewhere.Elsewhere`."""

    def emit(self, scope: Scope, event: str | int, arguments: Sequence[Any]) -> None: ...

    def join(self, scope: Scope, rooms: Sequence[str]) -> None: ...

    def leave(self, scope: Scope, rooms: Sequence[str]) -> None: ...

    def disconnect(self, scope: Scope, close: bool) -> None: ...

    def server_side_emit(
        self, namespace: str, event: str | int, arguments: Sequence[Any]
    ) -> None: ...

    def close(self) -> None: ...


def _way(address: str, resource: str, serializer: Serializer) -> _Way:
    if not is_redis(address):
        return LocalEmitter(address, resource, serializer)
    # Not on top: it needs libraries that are optional.
    from .streams_emitter import StreamsEmitter

    return StreamsEmitter(address, resource, serializer)


class Emitter:
    """The clients of all workers of an application, and what can be sent to them from outside.

    It never changes: ``to()`` and the others return a new one. Any thread may use it. Each call
    waits until Redis has taken it, and raises an exception of the library ``redis`` otherwise; or
    until each worker of this machine has taken it, and raises ``ConnectionError`` if there is no
    worker, ``TimeoutError`` if one does not take it within 5 seconds, after the others have got it.

    Args:
        address: the address of the Redis or the path of the directory that the option ``cluster``
            of the workers names. ``'auto'`` stands for the workers of the only gunicorn, or of
            the only ``python -m sockio_gevent --workers``, that this user runs on this machine;
            if there are several, give the path of the directory of one.
        resource: the option ``resource`` of the workers.
        serializer: what encodes JSON, as the option ``serializer``; ``None`` for that of this
            package.

    Raises:
        TypeError, ValueError: if the address is none.
        ImportError: if the libraries for Redis are needed and not installed.
    """

    def __init__(
        self,
        address: str | os.PathLike[str],
        resource: str = "socket.io",
        serializer: Any = None,
    ) -> None:
        checked = check_cluster("address", address)
        if checked is None:
            raise TypeError("an Emitter needs the address of workers, not None")
        check_serializer("serializer", serializer)
        chosen: Serializer = OWN if serializer is None else serializer_of(serializer)
        self._address = shown(checked) if is_redis(checked) else checked
        self._way = _way(checked, resource, chosen)
        self._namespace = "/"
        self._rooms: tuple[str, ...] | None = None
        self._without: tuple[str, ...] = ()
        self._volatile = False

    def __repr__(self) -> str:
        rooms = "" if self._rooms is None else f" to {', '.join(map(repr, self._rooms))}"
        return f"<Emitter {self._address} {self._namespace}{rooms}>"

    def _with(self: T, **changes: Any) -> T:
        copy = type(self).__new__(type(self))
        vars(copy).update(vars(self), **changes)
        return copy

    # --- which clients ---

    def of(self: T, namespace: str) -> T:
        """The clients of a namespace; without this, those of the main one."""
        return self._with(_namespace=full_name(namespace))

    def to(self: T, *rooms: str) -> T:
        """Add the clients of these rooms; see :meth:`Target.to`."""
        return self._with(_rooms=(*(self._rooms or ()), *room_names(rooms)))

    def except_(self: T, *rooms: str) -> T:
        """Leave out the clients of these rooms."""
        return self._with(_without=(*self._without, *room_names(rooms)))

    @property
    def volatile(self: T) -> T:
        """The same clients, without those that could not get a message at once."""
        return self._with(_volatile=True)

    # --- what they get ---

    def emit(self, event: EventName, *arguments: Any) -> None:
        """Send an event.

        Args:
            event: its name.
            *arguments: JSON values and ``bytes``.

        Raises:
            TypeError: if an argument is neither.
            ValueError: if the name is reserved, or a value has no form.
        """
        check_sendable(event)
        if self._means_some:
            self._way.emit(self._scope, event, arguments)

    def send(self, message: Any) -> None:
        """Send the event ``message`` with one argument."""
        self.emit("message", message)

    def join(self, *rooms: str) -> None:
        """Put the clients into rooms."""
        names = room_names(rooms)
        if self._means_some:
            self._way.join(self._scope, names)

    def leave(self, *rooms: str) -> None:
        """Take the clients out of rooms."""
        names = room_names(rooms)
        if self._means_some:
            self._way.leave(self._scope, names)

    def disconnect(self, close: bool = False) -> None:
        """Disconnect the clients; see :meth:`Client.disconnect`."""
        if self._means_some:
            self._way.disconnect(self._scope, close)

    def server_side_emit(self, event: EventName, *arguments: Any) -> None:
        """Let an event happen in the namespace at all workers, whatever the rooms are.

        See :meth:`Namespace.on_server_side`.
        """
        check_sendable(event)
        self._way.server_side_emit(self._namespace, event, arguments)

    @property
    def _means_some(self) -> bool:
        """False for ``to()`` without rooms: nobody is meant."""
        return self._rooms is None or bool(self._rooms)

    @property
    def _scope(self) -> Scope:
        return Scope(self._namespace, self._rooms, self._without, (), self._volatile)

    def close(self) -> None:
        """Close the connections; they are made again when they are needed."""
        self._way.close()
