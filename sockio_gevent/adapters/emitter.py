"""Sending to clients from a process that serves none: a task queue, a scheduled job, a shell.

It writes what workers read, into the stream of their Redis. It starts no greenlet, and needs no
monkey-patching.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from ..cluster.redis_client import make_client, shown
from ..events import EventName, check_sendable
from ..namespaces import full_name
from ..options.cluster import is_redis
from ..options.serializer import OWN, Serializer, serializer_of
from ..options.serializer import check as check_serializer
from ..rooms import room_names
from ..wire import node_messages as node
from ..wire.node_messages import NodeMessage
from .streams_messages import EVENT, LONGEST, new_messages

__all__ = ["Emitter"]

T = TypeVar("T", bound="Emitter")


class Emitter:
    """Clients of all workers that share a Redis, and what can be sent to them from outside.

    It never changes: ``to()`` and the others return a new one. Any thread may use it. Each call
    waits until Redis has taken it, and raises an exception of the library ``redis`` otherwise.

    Args:
        address: the address of the Redis, as in the option ``cluster`` of the workers.
        resource: the option ``resource`` of the workers.
        serializer: what encodes JSON, as the option ``serializer``; ``None`` for that of this
            package.

    Raises:
        ValueError: if the address is none of a Redis.
        ImportError: if the libraries for Redis are not installed.
    """

    def __init__(self, address: str, resource: str = "socket.io", serializer: Any = None) -> None:
        if not isinstance(address, str) or not is_redis(address):
            raise ValueError("an Emitter needs the address of a Redis, 'redis://…'")
        check_serializer("serializer", serializer)
        chosen: Serializer = OWN if serializer is None else serializer_of(serializer)
        self._address = shown(address)
        self._resource = resource
        self._messages = new_messages(chosen)
        self._client = make_client(address)
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
        packet = {"type": EVENT, "data": [event, *arguments], "nsp": self._namespace}
        self._write(node.BROADCAST, packet=packet)

    def send(self, message: Any) -> None:
        """Send the event ``message`` with one argument."""
        self.emit("message", message)

    def join(self, *rooms: str) -> None:
        """Put the clients into rooms."""
        self._write(node.SOCKETS_JOIN, rooms=list(room_names(rooms)))

    def leave(self, *rooms: str) -> None:
        """Take the clients out of rooms."""
        self._write(node.SOCKETS_LEAVE, rooms=list(room_names(rooms)))

    def disconnect(self, close: bool = False) -> None:
        """Disconnect the clients; see :meth:`Client.disconnect`."""
        self._write(node.DISCONNECT_SOCKETS, close=close)

    def server_side_emit(self, event: EventName, *arguments: Any) -> None:
        """Let an event happen in the namespace at all workers, whatever the rooms are.

        See :meth:`Namespace.on_server_side`.
        """
        check_sendable(event)
        data = {"packet": [event, *arguments]}
        message = NodeMessage(node.EMITTER, self._namespace, node.SERVER_SIDE_EMIT, data)
        self._messages.fields(message)  # raises if a value has no form
        channel = f"{self._resource}#{self._namespace}#"
        self._client.publish(channel, self._messages.packed(message))

    def _write(self, kind: int, **data: Any) -> None:
        rooms: Sequence[str] | None = self._rooms
        if rooms is not None and not rooms:
            return  # to no room: nobody is meant
        flags = {"volatile": True} if self._volatile else {}
        options = {"rooms": list(rooms or ()), "except": list(self._without), "flags": flags}
        message = NodeMessage(node.EMITTER, self._namespace, kind, {"opts": options, **data})
        fields = self._messages.fields(message)
        self._client.execute_command("XADD", self._resource, "MAXLEN", "~", LONGEST, "*", *fields)

    def close(self) -> None:
        """Close the connections; they are made again when they are needed."""
        self._client.close()
