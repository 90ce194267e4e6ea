"""What Node servers with ``@socket.io/redis-streams-adapter`` write, and read.

A message has the id of its sender, the name of a namespace, a type and data. An entry of the stream
has them as fields; its data is JSON, or MessagePack in base64 if there are bytes inside. Over
channels the whole message is MessagePack.

Facts of the public packages ``@socket.io/redis-streams-adapter`` 0.3 and ``socket.io-adapter`` 2.5.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = [
    "BROADCAST",
    "BROADCAST_ACK",
    "CLIENT_COUNT",
    "DISCONNECT_SOCKETS",
    "EMITTER",
    "FETCH_SOCKETS",
    "FETCH_SOCKETS_RESPONSE",
    "SERVER_SIDE_EMIT",
    "SERVER_SIDE_EMIT_RESPONSE",
    "SOCKETS_JOIN",
    "SOCKETS_LEAVE",
    "NodeMessage",
    "NodeMessages",
]

BROADCAST, SOCKETS_JOIN, SOCKETS_LEAVE, DISCONNECT_SOCKETS = 3, 4, 5, 6
FETCH_SOCKETS, FETCH_SOCKETS_RESPONSE, SERVER_SIDE_EMIT, SERVER_SIDE_EMIT_RESPONSE = 7, 8, 9, 10
CLIENT_COUNT, BROADCAST_ACK = 11, 12

#: The sender of messages from outside of all servers.
EMITTER = "emitter"


class NodeMessage(NamedTuple):
    """A message.

    Attributes:
        sender: the id of its sender.
        namespace: the name of the namespace.
        type: what it is.
        data: its data.
        number: how many its sender has written before; 0 if it does not count.
    """

    sender: str
    namespace: str
    type: int
    data: dict[str, Any]
    number: int = 0


class NodeMessages:
    """Writes and reads messages.

    Args:
        dumps, loads: encode and decode JSON.
        packb, unpackb: encode and decode MessagePack.
    """

    def __init__(
        self,
        dumps: Callable[[Any], str],
        loads: Callable[[str], Any],
        packb: Callable[[Any], bytes],
        unpackb: Callable[[bytes], Any],
    ) -> None:
        self._dumps = dumps
        self._loads = loads
        self._packb = packb
        self._unpackb = unpackb

    def fields(self, message: NodeMessage) -> list[str | bytes]:
        """The fields of an entry of the stream, names and values in turn, without its number.

        Raises:
            TypeError, ValueError: if a value has no form.
        """
        found: list[str | bytes] = ["uid", message.sender, "nsp", message.namespace]
        found += ["type", str(message.type), "data"]
        if _has_bytes(message.data):
            found.append(base64.b64encode(self._packb(message.data)))
        else:
            found.append(self._dumps(message.data).encode("utf-8", "surrogatepass"))
        return found

    def entry(self, fields: dict[bytes, bytes]) -> NodeMessage:
        """Read an entry of the stream.

        Raises:
            ValueError: if it is none of these messages.
        """
        try:
            data = fields.get(b"data", b"{}")
            if data.startswith(b"{"):
                read = self._loads(data.decode("utf-8", "surrogatepass"))
            else:
                read = self._unpackb(base64.b64decode(data, validate=True))
            number = int(fields.get(b"n", b"0"))
            namespace = fields[b"nsp"].decode()
            return _checked(fields[b"uid"].decode(), namespace, int(fields[b"type"]), read, number)
        except (KeyError, binascii.Error) as error:
            raise ValueError(f"an entry without what it needs: {error!r}") from None

    def packed(self, message: NodeMessage) -> bytes:
        """A message for a channel."""
        told = {"uid": message.sender, "nsp": message.namespace, "type": message.type}
        return self._packb({**told, "data": message.data})

    def message(self, data: bytes) -> NodeMessage:
        """Read a message of a channel.

        Raises:
            ValueError: if it is none.
        """
        try:
            read = self._unpackb(data)
            return _checked(read["uid"], read["nsp"], read["type"], read.get("data") or {}, 0)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"a message without what it needs: {error!r}") from None


def _checked(sender: Any, namespace: Any, kind: Any, data: Any, number: int) -> NodeMessage:
    good = isinstance(sender, str) and isinstance(namespace, str) and isinstance(data, dict)
    if not good or not isinstance(kind, int):
        raise ValueError("a message whose parts are of the wrong kind")
    return NodeMessage(sender, namespace, kind, data, number)


def _has_bytes(value: Any) -> bool:
    # Without recursion: values may be nested as deep as the stack allows.
    rest = [value]
    while rest:
        value = rest.pop()
        if isinstance(value, (bytes, bytearray, memoryview)):
            return True
        if isinstance(value, dict):
            rest += value.values()
        elif isinstance(value, (list, tuple)):
            rest += value
    return False
