"""What a dialect decides: how the server speaks with one generation of clients.

A dialect is pure: it turns payloads from the client into calls of a
:class:`Peer`, and messages into packets. It opens no socket, starts no greenlet
and reads no clock, so all of it can be tested with bytes alone. The transports
decide how bytes travel, and the session decides when something is due.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from ..compiled import mypyc_attr, trait
from ..monitoring.reasons import End
from ..refusal import Refusal
from ..wire.packet import Packet
from ..wire.redact import Shortener

__all__ = ["Dialect", "Peer", "Route"]


class Route:
    """An address under the resource. No named tuple: every request makes one.

    Args:
        name: the name of a transport, or of the file of a browser client.
        session_id: the id of the session; empty for a new one.
        tail: the rest of the address.
        error: what is wrong with it, as a number of the dialect; ``None`` for nothing.

    Attributes:
        error, name, session_id, tail: the same as given.
    """

    __slots__ = ("error", "name", "session_id", "tail")

    def __init__(self, name: str, session_id: str, tail: str, error: int | None = None) -> None:
        self.name = name
        self.session_id = session_id
        self.tail = tail
        self.error = error

    def __repr__(self) -> str:
        return f"Route{self._parts}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Route) and self._parts == other._parts

    def __hash__(self) -> int:
        return hash(self._parts)

    @property
    def _parts(self) -> tuple[str, str, str, int | None]:
        return self.name, self.session_id, self.tail, self.error


@trait
class Peer:
    """The session that gets a payload, as far as a dialect uses it."""

    __slots__ = ()

    @abstractmethod
    def count_in(self, size: int, messages: int) -> None:
        """Count a payload that has come.

        Args:
            size: its size in bytes.
            messages: how many messages are in it.

        Raises:
            OverLimit: if messages come too fast; then none of these is delivered.
        """

    @abstractmethod
    def deliver(self, message: Any, cost: int) -> None:
        """Deliver a message to the application.

        Args:
            message: the argument of the handlers.
            cost: about how many bytes of memory it takes until they get it.
        """


@mypyc_attr(allow_interpreted_subclasses=True)
class Dialect:
    """The language of one generation of clients.

    Attributes:
        name: its name in the option ``dialects``.
        acknowledges: whether its clients can acknowledge events.
        connects_itself: whether each session is a client of the main namespace from its
            beginning, without asking for that.
        has_binary: whether arguments of events may be, or hold, bytes.
        recovers: whether its clients can go on where they were cut off; see the option
            ``recovery``.
    """

    name: ClassVar[str]
    acknowledges: ClassVar[bool] = False
    connects_itself: bool = True
    has_binary: ClassVar[bool] = False
    recovers: bool = False

    def described(self, transport: str) -> str:
        """What a log line says of a session: its dialect, and the transport in use."""
        return f"{self.name}, {transport}"

    # --- addresses ---

    @abstractmethod
    def match(self, path: str, query: str) -> Route | None:
        """Read an address; ``None`` if it is not one of this dialect.

        Args:
            path: the path of the request, without the prefix at which the application is mounted.
            query: its query.
        """

    @property
    @abstractmethod
    def shortener(self) -> Shortener:
        """Cuts session ids in addresses of this dialect, for logs."""

    # --- from the application to the client ---

    @abstractmethod
    def greeting(self, session_id: str, transport: str) -> Packet:
        """The first packet of a session, which tells its id.

        Args:
            session_id: the id.
            transport: the name of the transport of its first request.
        """

    @abstractmethod
    def event(
        self, namespace: str, name: str | int, arguments: Sequence[Any], ack_id: int | None = None
    ) -> Sequence[Packet]:
        """Encode an event of the application.

        Args:
            namespace: the name of its namespace, ``/`` for the main one.
            name: its name. ``message`` with one argument is what ``send`` sends.
            arguments: its arguments: JSON values, and bytes if :attr:`has_binary`.
            ack_id: the number by which the client acknowledges it; ``None`` if it need not.

        Returns:
            One packet, and one more for each of its attachments. They must stay together.

        Raises:
            TypeError: if the type of an argument has no form in this dialect.
            ValueError: if a value in it has no form, or if it is larger than a session may keep.
        """

    def acknowledgement(
        self, namespace: str, ack_id: int, arguments: Sequence[Any]
    ) -> Sequence[Packet]:
        """Encode the answer to an event of the client; see :meth:`event`."""
        return ()

    def connected(
        self, namespace: str, client_id: str, secret: str | None = None
    ) -> Sequence[Packet]:
        """The packets that tell a client that it has been let into a namespace.

        Args:
            namespace: the name of the namespace.
            client_id: the public id of the client.
            secret: what the client shows when it comes back after a cut; ``None`` for nothing.
        """
        return ()

    def refused(self, namespace: str, text: str, data: Any) -> Sequence[Packet]:
        """The packets that tell a client that it has not been let into a namespace.

        Args:
            namespace: the name of the namespace.
            text: why.
            data: more about it, from the application; ``None`` for nothing.
        """
        return ()

    def left(self, namespace: str) -> Sequence[Packet]:
        """The packets that tell a client that it has to leave a namespace.

        Empty if the client cannot be told: then its session must end.
        """
        return ()

    def client_id(self, session: Any, namespace: str) -> str | None:
        """The id of a client of its own in a namespace; ``None`` if the server makes one."""
        return None

    @abstractmethod
    def last(self, end: End, transport: str) -> Sequence[Packet]:
        """The packets that tell a client the end of its session, after its last messages.

        Args:
            end: why the session has ended.
            transport: the name of the transport in use.
        """

    @abstractmethod
    def payload(self, batch: Sequence[Packet]) -> bytes:
        """A batch in one piece, as an HTTP transport carries it."""

    @abstractmethod
    def script(self, batch: Sequence[Packet]) -> bytes:
        """The same as a JSON string that is safe inside a script element."""

    # --- from the client ---

    @abstractmethod
    def receive(self, peer: Any, payload: str | bytes) -> str:
        """Take a payload: give what is in it to the session, in order.

        Args:
            peer: the session, a :class:`Peer` with what this dialect asks of it besides.
            payload: the payload; a binary message of a WebSocket is bytes.

        Returns:
            The mistake in it; empty if there is none. The messages before a mistake
            were given to the session.

        Raises:
            OverLimit: if it is over a limit; the messages before that were given.
            BinaryRefused: if it is binary, and the dialect has no binary messages.
        """

    @abstractmethod
    def largest_body(self, expansion: int) -> int:
        """How many bytes the body of a POST may have.

        Args:
            expansion: how many bytes of a body one byte of a payload may take.
        """

    # --- refusals ---

    @abstractmethod
    def refusal(self, refusal: Refusal) -> tuple[str, bytes]:
        """The answer to a refused request: its content type and its body."""


class BinaryRefused(ValueError):
    """A binary message has come, and the dialect has no binary messages."""
