"""What the emitter writes into the stream of Redis, where workers and servers of Node read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..cluster.redis_client import FAILURES, is_not_ready, make_client
from ..elsewhere import Scope
from ..options.serializer import Serializer
from ..wire import node_messages as node
from ..wire.node_messages import NodeMessage
from .streams_messages import EVENT, LONGEST, new_messages

__all__ = ["StreamsEmitter"]


class StreamsEmitter:
    """Writes entries of the stream.

    Args:
        address: the address of the Redis.
        resource: the option ``resource`` of the workers.
        serializer: encodes JSON.

    Raises:
        ValueError: if the address is wrong.
        ImportError: if the libraries for Redis are not installed.
    """

    def __init__(self, address: str, resource: str, serializer: Serializer) -> None:
        self._resource = resource
        self._messages = new_messages(serializer)
        self._client = make_client(address, resource)

    def emit(self, scope: Scope, event: str | int, arguments: Sequence[Any]) -> None:
        """Send an event to clients."""
        packet = {"type": EVENT, "data": [event, *arguments], "nsp": scope.namespace}
        self._write(scope, node.BROADCAST, packet=packet)

    def join(self, scope: Scope, rooms: Sequence[str]) -> None:
        """Put clients into rooms."""
        self._write(scope, node.SOCKETS_JOIN, rooms=list(rooms))

    def leave(self, scope: Scope, rooms: Sequence[str]) -> None:
        """Take clients out of rooms."""
        self._write(scope, node.SOCKETS_LEAVE, rooms=list(rooms))

    def disconnect(self, scope: Scope, close: bool) -> None:
        """Disconnect clients."""
        self._write(scope, node.DISCONNECT_SOCKETS, close=close)

    def server_side_emit(self, namespace: str, event: str | int, arguments: Sequence[Any]) -> None:
        """Let an event happen in a namespace of all workers."""
        data = {"packet": [event, *arguments]}
        message = NodeMessage(node.EMITTER, namespace, node.SERVER_SIDE_EMIT, data)
        self._messages.fields(message)  # raises if a value has no form
        self._do("PUBLISH", f"{self._resource}#{namespace}#", self._messages.packed(message))

    def _write(self, scope: Scope, kind: int, **data: Any) -> None:
        flags = {"volatile": True} if scope.volatile else {}
        options = {"rooms": list(scope.rooms or ()), "except": list(scope.without), "flags": flags}
        message = NodeMessage(node.EMITTER, scope.namespace, kind, {"opts": options, **data})
        fields = self._messages.fields(message)
        self._do("XADD", self._resource, "MAXLEN", "~", LONGEST, "*", *fields)

    def _do(self, *command: Any) -> None:
        try:
            self._client.execute_command(*command)
        except tuple(FAILURES) as error:
            if is_not_ready(error):
                # Another server may have to do it now: a new connection finds out which.
                self._client.connection_pool.disconnect()
            raise

    def close(self) -> None:
        """Close the connections; they are made again when they are needed."""
        self._client.close()
