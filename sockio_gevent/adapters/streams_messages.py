"""What the adapter and the emitter share: how they write the stream, and how long that may be."""

from __future__ import annotations

from typing import Any

from ..cluster.redis_client import check_libraries
from ..options.serializer import Serializer
from ..wire.node_messages import NodeMessages

__all__ = ["EVENT", "LONGEST", "new_messages"]

#: The type of a packet of Socket.IO that is an event.
EVENT = 2

#: How many entries the stream keeps, about.
LONGEST = 10_000


def new_messages(serializer: Serializer) -> NodeMessages:
    """What writes and reads messages with a serializer.

    Raises:
        ImportError: if the libraries for Redis are not installed.
    """
    check_libraries()
    import msgpack

    def plain(value: Any) -> Any:
        """A value that only the serializer knows, as JSON has it."""
        return serializer.loads(serializer.dumps(value))

    return NodeMessages(
        serializer.dumps,
        serializer.loads,
        lambda value: bytes(msgpack.packb(value, default=plain)),
        lambda data: msgpack.unpackb(data, strict_map_key=False),
    )
