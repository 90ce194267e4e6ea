"""How a connection leaves the server that has accepted it.

The owner of a session goes on with the connection as if it had accepted it: it gets all bytes
that were read, and the address of the client. The server here must then believe that the
connection is over, and must neither answer, nor read, nor write a line to its access log.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from ...hub.gevent_private import forget_descriptor, is_encrypted
from ..stream.sockets import peek_ahead
from .pipe import pipe

__all__ = ["Departure", "HandlerDeparture", "PywsgiDeparture", "place_of"]


def place_of(address: Any) -> str:
    """The address of a listening socket, as text."""
    return f"{address[0]}:{address[1]}" if isinstance(address, tuple) else str(address)


class Departure(ABC):
    """A connection that may be handed over, with the request that has come over it.

    Attributes:
        socket: the gevent socket.
        address: the address of the client.
        place: the address at which it was accepted; see :func:`place_of`.
    """

    socket: Any
    address: Any
    place: str

    @property
    def encrypted(self) -> bool:
        """Whether TLS ends here, so that the bytes must pass through this process."""
        return is_encrypted(self.socket)

    @abstractmethod
    def begun(self) -> bytes:
        """The request, as far as it was read, and what was read behind it. Takes nothing."""

    def leave(self) -> Iterable[bytes]:
        """Another worker has the connection: end the request without an answer.

        Returns:
            The empty body for the server.
        """
        forget_descriptor(self.socket)
        return self._end()

    def pass_through(self, owner: Any) -> Iterable[bytes]:
        """Pass all bytes of the connection on, to its end; then as :meth:`leave`.

        Args:
            owner: the socket whose other end the owner of the session has.
        """
        pipe(self.socket, owner)
        return self._end()

    @abstractmethod
    def end_after_answer(self) -> None:
        """It does not leave after all; but no other request is read from it."""

    @abstractmethod
    def _end(self) -> Iterable[bytes]:
        """Close the socket, and end the request without an answer."""


class _NoInput:
    """Replaces the input of a request whose body is read elsewhere."""

    def _discard(self) -> None:
        pass


class PywsgiDeparture(Departure):
    """A connection of a handler of pywsgi.

    Args:
        handler: the handler.
    """

    def __init__(self, handler: Any) -> None:
        self._handler = handler
        self.socket = handler.socket
        self.address = handler.client_address
        self.place = place_of(handler.server.address)

    @staticmethod
    def is_possible(handler: Any) -> bool:
        """Whether the connection is still here, and nobody has read from the body yet."""
        body = handler.wsgi_input
        read = getattr(body, "position", 0) or getattr(body, "chunk_length", -1) >= 0
        return handler.socket is not None and not read

    def begun(self) -> bytes:
        """The request; see :meth:`Departure.begun`."""
        handler = self._handler
        lines = [handler.requestline, *(line.rstrip("\r\n") for line in handler.headers.headers)]
        head = "\r\n".join(lines).encode("latin-1")
        return b"%b\r\n\r\n%b" % (head, self._behind())

    def _behind(self) -> bytes:
        """What was read behind the head. Takes nothing."""
        return peek_ahead(self.socket, self._handler.rfile)

    def end_after_answer(self) -> None:
        """No other request is read from it."""
        self._handler.close_connection = True

    def _end(self) -> list[bytes]:
        handler = self._handler
        handler.log_request = _log_nothing
        handler.close_connection = True
        handler.wsgi_input = _NoInput()
        # If the handler finds a socket, it reads from it and closes the connection.
        handler.socket = None
        # The reader keeps the socket open, too; and the client must see when the owner closes it.
        handler.rfile.close()
        self.socket.close()
        return []


class HandlerDeparture(PywsgiDeparture):
    """A connection of our own handler."""

    def begun(self) -> bytes:
        """The request; see :meth:`Departure.begun`."""
        # On the fast path all bytes are here as they came.
        return bytes(self._handler.begun) or super().begun()

    def _behind(self) -> bytes:
        return super()._behind() + bytes(self._handler.pushed_back)


def _log_nothing() -> None:
    """Replaces what writes the line to the access log: whoever answers the request does."""
