"""What a worker tells another one with a connection that it hands over.

One line of JSON, and then the bytes that were read from the connection already.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

__all__ = ["CONNECTION", "REQUEST", "RUNS", "TAKEN", "TUNNEL", "HandedOver", "read_handed_over"]

# The kinds of messages that say it. With them goes
CONNECTION = "connection"  # the connection of a client;
REQUEST = "request"  # a socket for one request after the other;
TUNNEL = "tunnel"  # nothing: the bytes of such a socket follow over the bus.

#: The kind of a message that asks whether the other worker runs.
RUNS = "runs"

#: The answer to the last two.
TAKEN = b"taken"

#: The address of a client, as a server gets it with a connection.
Address = tuple[Any, ...] | str


class HandedOver(NamedTuple):
    """What the taker of a connection has to know.

    Attributes:
        session_id: the session that its first request names.
        address: the address of the client.
        place: the address at which the connection was accepted, as text; or the name of the
            stream over the bus.
        begun: the bytes that were read already: they come before those of the socket.
    """

    session_id: str
    address: Address
    place: str
    begun: bytes

    def encode(self) -> bytes:
        """The bytes for :func:`read_handed_over`."""
        line = json.dumps([self.session_id, self.address, self.place])
        return b"%b\n%b" % (line.encode(), self.begun)


def read_handed_over(data: bytes) -> HandedOver:
    """Read what another worker has told.

    Raises:
        ValueError: if it is malformed.
    """
    line, found, begun = data.partition(b"\n")
    if not found:
        raise ValueError("no line of JSON")
    try:
        match json.loads(line):
            case [str(session_id), address, str(place)]:
                pass
            case _:
                raise ValueError("not the three values of a handed-over connection")
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None
    if isinstance(address, list):
        if not all(isinstance(part, (str, int)) for part in address) or len(address) < 2:
            raise ValueError("no address of a client")
        address = tuple(address)
    elif not isinstance(address, str):
        raise ValueError("no address of a client")
    return HandedOver(session_id, address, place, begun)
