"""Socket.IO packets, protocols 4 and 5: the messages of Engine.IO, read and written.

A packet is a text, ``<type>[<attachments>-][<namespace>,][<ack id>][JSON]``. The namespace
is left out for ``/``. In the JSON of an event or an acknowledgement, binary data is
``{"_placeholder":true,"num":<i>}``; the data follows in binary messages, the attachments.

The dialect decides what a packet means, and which limits its JSON has.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from .attachments import PLAIN, BadPacket, put_in_place, without_binary
from .json_text import json_cost

__all__ = [
    "ACK",
    "BINARY_ACK",
    "BINARY_EVENT",
    "CONNECT",
    "CONNECT_ERROR",
    "DISCONNECT",
    "EVENT",
    "LONGEST_NAMESPACE",
    "RESERVED",
    "BadPacket",
    "Decoder",
    "ReceivedName",
    "SocketPacket",
    "begin",
    "encode",
    "size_of_head",
]

CONNECT: Final = 0
DISCONNECT: Final = 1
EVENT: Final = 2
ACK: Final = 3
CONNECT_ERROR: Final = 4
BINARY_EVENT: Final = 5
BINARY_ACK: Final = 6

#: The name of an event that a client has sent. JSON has one kind of number: 1.5 may be a name, too.
ReceivedName = str | int | float

# Characters. Servers and clients keep the names of namespaces, so none may be long.
LONGEST_NAMESPACE = 256

# Names of events that have a meaning of their own on either side, so none can be emitted.
RESERVED: Final = frozenset(
    ("connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener")
)

# A namespace ends with a comma or with the packet. No client counts so far that its
# numbers need more digits.
_PLAIN_EVENT: Final = "2["
_MARKS: Final = tuple(str(kind) for kind in range(7))  # a number takes long to write
_HEAD: Final = re.compile(r"([0-6])(?:([0-9]{1,9})-)?(?:(/[^,]*),?)?([0-9]{0,15})")
_NAMED: Final = re.compile(rb"[0-6](?:[0-9]{1,9}-)?/[^,]*,")
_BINARY_FORMS: Final = {EVENT: BINARY_EVENT, ACK: BINARY_ACK}
_BARE_FORMS: Final = {BINARY_EVENT: EVENT, BINARY_ACK: ACK}
_TOO_EARLY = "a text packet before the attachments of the last one"
_PACKET: Final = 192  # bytes of memory that a packet takes until it is handled, besides its data


class SocketPacket(NamedTuple):
    """One packet.

    Attributes:
        kind: its type; never ``BINARY_EVENT`` or ``BINARY_ACK``, whose packets are
            ``EVENT`` and ``ACK``.
        namespace: as the client has written it; in protocol 4 it may have a query.
        ack_id: the number of the acknowledgement, if there is one.
        data: of ``EVENT`` a list that begins with the name, of ``ACK`` a list, of ``CONNECT``
            a ``dict`` or ``None``, of ``CONNECT_ERROR`` anything, of ``DISCONNECT`` ``None``.
            Attachments are ``bytes`` in their places.
        cost: about how many bytes of memory the packet takes until it is handled.
    """

    kind: int
    namespace: str
    ack_id: int | None
    data: Any
    cost: int


class Decoder:
    """Reads the packets of one session.

    After :exc:`BadPacket` the session has to end; a decoder makes no sense of what follows.

    Args:
        loads: decodes JSON. Its ``ValueError`` means a bad packet, and its other exceptions
            are passed on.
        max_attachments: how many attachments a packet may have.
        max_size: how many bytes a packet with attachments may have, in all.

    Attributes:
        held: how many bytes of an unfinished packet there are.
    """

    __slots__ = (
        "_attachments",
        "_due",
        "_loads",
        "_max_attachments",
        "_max_size",
        "_text",
        "held",
    )

    def __init__(self, loads: Callable[[str], Any], max_attachments: int, max_size: int) -> None:
        self._loads = loads
        self._max_attachments = max_attachments
        self._max_size = max_size
        self._due = 0  # attachments that are to come
        self._attachments: list[bytes] = []
        # The text of an unfinished packet. It is decoded at the end, because JSON takes less
        # memory than its values.
        self._text = b""
        self.held = 0

    def take(self, message: str | bytes | bytearray) -> SocketPacket | None:
        """Take a message.

        Returns:
            The packet; ``None`` if attachments of it are still to come.

        Raises:
            BadPacket: if it is none, or not one that may come now.
        """
        if not isinstance(message, str):
            return self._take_attachment(message)
        if self._due:
            raise BadPacket(_TOO_EARLY)
        if message.startswith(_PLAIN_EVENT):
            return SocketPacket(EVENT, "/", None, *self.plain_event(message[1:]))
        head = _HEAD.match(message)
        if head is None:
            raise BadPacket("no packet type")
        kind = int(head[1])
        if kind in _BARE_FORMS:
            return self._begin(message, head)
        if head[2] is not None:
            raise BadPacket("attachments of a packet that can have none")
        return self._packet(message, head, kind, [])

    def _begin(self, message: str, head: re.Match[str]) -> SocketPacket | None:
        """Take the text of a packet with attachments."""
        if head[2] is None:
            raise BadPacket("a binary packet without the number of its attachments")
        due = int(head[2])
        if due > self._max_attachments:
            raise BadPacket(f"a packet with over {self._max_attachments} attachments")
        if due:
            text = message.encode("utf-8", "surrogatepass")
            self._hold(len(text))
            self._due, self._text = due, text
            return None
        return self._packet(message, head, _BARE_FORMS[int(head[1])], [])

    def _take_attachment(self, data: bytes | bytearray) -> SocketPacket | None:
        if not self._due:
            raise BadPacket("an attachment, but none is expected")
        self._hold(len(data))
        self._attachments.append(bytes(data))
        self._due -= 1
        if self._due:
            return None
        text, attachments = self._text.decode("utf-8", "surrogatepass"), self._attachments
        self._text, self._attachments, self.held = b"", [], 0
        head = _HEAD.match(text)
        assert head is not None
        return self._packet(text, head, _BARE_FORMS[int(head[1])], attachments)

    def _hold(self, size: int) -> None:
        if self.held + size > self._max_size:
            raise BadPacket(f"a packet and its attachments are over {self._max_size} bytes")
        self.held += size

    def _packet(
        self, message: str, head: re.Match[str], kind: int, attachments: list[bytes]
    ) -> SocketPacket:
        """Make the packet of a text and all its attachments."""
        text = message[head.end() :]
        data = None
        namespace = head[3] or "/"
        cost = _PACKET + (1 if namespace.isascii() else 4) * len(namespace)
        if text:
            data = self._decode(text)
            cost += json_cost(text, 1 if text.isascii() else 4)
        _check(kind, data, bool(text))
        if head[2] is not None:
            cost += put_in_place(data, text, attachments, self._max_size)
        ack_id = int(head[4]) if head[4] else None
        return SocketPacket(kind, namespace, ack_id, data, cost)

    def plain_event(self, text: str) -> tuple[list[Any], int]:
        """Take an event of the main namespace that wants no acknowledgement: most packets are so.

        Args:
            text: the JSON.

        Returns:
            The data and the cost, see :class:`SocketPacket`.

        Raises:
            BadPacket: as :meth:`take` does.
        """
        if self._due:
            raise BadPacket(_TOO_EARLY)
        data = self._decode(text)
        _check(EVENT, data, True)
        return data, _PACKET + 1 + json_cost(text, 1 if text.isascii() else 4)

    def _decode(self, text: str) -> Any:
        try:
            return self._loads(text)
        except ValueError as error:
            raise BadPacket(f"bad JSON: {error}") from None


def _check(kind: int, data: Any, has_data: bool) -> None:
    """Refuse data that a packet of this type cannot have."""
    if kind == EVENT:
        if not isinstance(data, list) or not data:
            raise BadPacket("an event that is no array, or an empty one")
        name = data[0]
        if isinstance(name, str):
            if name in RESERVED:
                raise BadPacket(f"an event with the reserved name {name!r}")
        elif isinstance(name, bool) or not isinstance(name, (int, float)):
            raise BadPacket("the name of an event is neither a string nor a number")
    elif kind == ACK:
        if not isinstance(data, list):
            raise BadPacket("an acknowledgement that is no array")
    elif kind == CONNECT:
        if has_data and not isinstance(data, dict):
            raise BadPacket("the data of a CONNECT packet is no object")
    elif kind == DISCONNECT and has_data:
        raise BadPacket("a DISCONNECT packet with data")


def encode(
    kind: int, namespace: str, data: Any, ack_id: int | None, dumps: Callable[[Any], str]
) -> tuple[str, list[bytes]]:
    """Write a packet.

    Args:
        kind: see :func:`begin`.
        namespace: see there.
        data: see there.
        ack_id: see there.
        dumps: encodes JSON.

    Returns:
        The text, and the attachments in their order.
    """
    head, data, attachments = begin(kind, namespace, data, ack_id)
    return f"{head}{'' if data is None else dumps(data)}", attachments


def begin(kind: int, namespace: str, data: Any, ack_id: int | None) -> tuple[str, Any, list[bytes]]:
    """Write what stands before the JSON of a packet.

    Args:
        kind: its type. ``EVENT`` and ``ACK`` become the binary one if there is binary
            data inside, at any depth of ``list``, ``tuple`` and ``dict``.
        namespace: the namespace.
        data: the data, which is not changed; ``None`` for no JSON.
        ack_id: the number of the acknowledgement.

    Returns:
        The text; the data to write as JSON behind it; and the attachments in their order.

    Raises:
        ValueError: if the data holds itself, or is nested too deep.
    """
    attachments: list[bytes] = []
    mark = _MARKS[kind]
    if kind in _BINARY_FORMS:
        try:
            for value in data:
                if type(value) not in PLAIN:
                    data = without_binary(data, attachments)
                    break
        except RecursionError:
            raise ValueError("cannot send a message that is nested so deep") from None
        if attachments:
            mark = f"{_BINARY_FORMS[kind]}{len(attachments)}-"
    if namespace != "/":
        mark = f"{mark}{namespace},"
    if ack_id is not None:
        mark = f"{mark}{ack_id}"
    return mark, data, attachments


def size_of_head(packet: bytes) -> int:
    """How many bytes come before all that is ASCII or JSON: those up to the end of the namespace.

    Args:
        packet: a packet that :func:`encode` has written, in UTF-8.
    """
    named = _NAMED.match(packet)
    return 0 if named is None else named.end()
