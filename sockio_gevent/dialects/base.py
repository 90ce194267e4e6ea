"""What a dialect decides: how one generation of clients is spoken to.

A dialect is pure: it turns what has come into calls of a :class:`Peer`, and
messages into packets. It opens no socket, starts no greenlet and reads no
clock, so all of it can be tested with bytes alone. How bytes travel is for the
transports, and when something is due for the session.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol

from ..monitoring.reasons import End
from ..options.listener_options import TransportOptions
from ..refusal import Refusal
from ..wire.packet import Packet

__all__ = ["CLIENT_FILE", "Dialect", "Peer", "Route"]

#: The name of the route of the browser client.
CLIENT_FILE = "socket.io.js"


class Route(NamedTuple):
    """An address under the resource.

    Attributes:
        name: the name of a known transport, or :data:`CLIENT_FILE`.
        session_id: the session that is meant, or empty for a new one.
        tail: what the address has behind that.
    """

    name: str
    session_id: str
    tail: str


class Peer(Protocol):
    """The session that a payload is for, as far as a dialect knows it."""

    def count_in(self, size: int, messages: int) -> None:
        """A payload of this many bytes has come, with so many messages in it.

        Raises:
            OverLimit: if that is too much; nothing of it is to be taken then.
        """

    def deliver(self, message: Any, cost: int) -> None:
        """Have the application get a message.

        Args:
            message: what handlers get.
            cost: about how many bytes of memory it takes until they do.
        """

    def echoed(self, number: str) -> None:
        """The client has answered the heartbeat of this number."""


class Dialect(ABC):
    """How one generation of clients is spoken to.

    Attributes:
        name: its name in the option ``dialects``.
    """

    name: ClassVar[str]

    # --- addresses ---

    @abstractmethod
    def match(self, path: str) -> Route | None:
        """Read an address; ``None`` if it is not one of this dialect.

        Args:
            path: the path of the request below where the application is mounted.
        """

    @abstractmethod
    def opening(self, route: Route) -> Route | None:
        """What the address of an unknown session means, if it can have been one that opens one."""

    # --- from the application to the client ---

    @abstractmethod
    def greeting(self, session_id: str) -> Packet:
        """The first packet of a session, which tells its id."""

    @abstractmethod
    def encode(self, message: Any) -> Packet:
        """Encode one message of the application.

        Raises:
            TypeError: if it has no form in this dialect.
            ValueError: if it has a value that has no form, or is larger than any session may keep.
        """

    @abstractmethod
    def heartbeat(self, number: int) -> Packet:
        """The heartbeat of this number, for a client to answer."""

    @abstractmethod
    def idle_poll(self) -> Sequence[Packet]:
        """What a poll is answered with that has waited as long as it may."""

    @abstractmethod
    def last(self, end: End) -> Sequence[Packet]:
        """What a client is told at the end of its session, behind its last messages."""

    @abstractmethod
    def payload(self, batch: Sequence[Packet]) -> bytes:
        """A batch in one piece, as an HTTP transport carries it."""

    # --- from the client ---

    @abstractmethod
    def receive(self, peer: Peer, payload: str | bytes | bytearray) -> str:
        """Take a payload: give the session what is in it, in order.

        Args:
            peer: the session.
            payload: what has come; bytes are a binary message of a WebSocket.

        Returns:
            What was wrong with it; empty if nothing was. What came before a mistake
            was given to the session.

        Raises:
            OverLimit: if there is too much in it; what came before that was given.
            BinaryRefused: if it is binary, and the dialect has nothing of the kind.
        """

    @abstractmethod
    def accepts_post(self, tail: str) -> bool:
        """Whether messages may be posted to an address that ends like this."""

    @abstractmethod
    def largest_body(self, expansion: int) -> int:
        """How long the body of a POST may be.

        Args:
            expansion: how many bytes of a body one byte of a payload may take.
        """

    @abstractmethod
    def read_body(self, body: bytes, pause: Callable[[], None]) -> str:
        """The payload in the body of a POST.

        Args:
            body: all of it.
            pause: to be called now and then, so that others can go first.

        Raises:
            ValueError: if there is none.
        """

    # --- both ---

    @abstractmethod
    def times(self, transport: str) -> TransportOptions:
        """What is due when over this transport."""

    @abstractmethod
    def answer(self) -> bytes:
        """What a POST is answered whose messages were taken."""

    @abstractmethod
    def refusal(self, refusal: Refusal) -> tuple[str, bytes]:
        """What a refused request is answered: the type of it, and the body."""


class BinaryRefused(ValueError):
    """A binary message has come, and the dialect has no such."""
