"""The connection of a request to a server that is not prepared for a listener."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..handover.departures import Departure, PywsgiDeparture
from ..handover.doors import Doors, ServerDoor
from .upgrade import Upgrade

__all__ = ["ForeignConnection", "GunicornConnection", "PywsgiConnection"]


def nothing() -> None:
    pass


class ForeignConnection:
    """The connection of a request to a server that is not prepared for a listener.

    Args:
        socket: the gevent socket of the connection.
        reader: returns a buffered reader of what follows the head of the request.
        close: stops the server from reading another request from the connection.
        abandon: stops the server from reading the rest of the request's body.
        keep_quiet: stops the server from answering the request a second time.

    Attributes:
        limits_heads: no.
        upgrade: what switches protocols, if the request asks for that.
    """

    limits_heads = False

    def __init__(
        self,
        socket: Any,
        reader: Callable[[], Any] = nothing,
        close: Callable[[], None] = nothing,
        abandon: Callable[[], None] = nothing,
        keep_quiet: Callable[[], None] = nothing,
    ) -> None:
        self.socket = socket
        self.reader = reader
        self.close = close
        self.abandon_input = abandon
        self.keep_quiet = keep_quiet
        self.upgrade: Upgrade | None = None

    def answer_given(self) -> None:
        """Nothing: the time to take an answer is for the server to bound."""

    def note_door(self, doors: Doors) -> None:
        """Nothing: it takes no connections of other workers."""

    def departure(self) -> Departure | None:
        """Nothing: nobody knows how a connection can leave it."""
        return None


class PywsgiConnection(ForeignConnection):
    """The connection of a request to pywsgi."""

    handler: Any = None

    def note_door(self, doors: Doors) -> None:
        """Note the server; see :class:`~.environ.ServerConnection`."""
        doors.note(self.handler.server, ServerDoor)

    def departure(self) -> Departure | None:
        """How the connection can leave; see :class:`~.environ.ServerConnection`."""
        possible = PywsgiDeparture.is_possible(self.handler)
        return PywsgiDeparture(self.handler) if possible else None


class GunicornConnection(ForeignConnection):
    """The connection of a request to the worker ``gevent`` of gunicorn."""

    response: Any = None

    def note_door(self, doors: Doors) -> None:
        """Note the server; see :class:`~.environ.ServerConnection`."""
        from ..handover import of_gunicorn

        of_gunicorn.note_door(doors)

    def departure(self) -> Departure | None:
        """How the connection can leave; see :class:`~.environ.ServerConnection`."""
        from ..handover import of_gunicorn

        return of_gunicorn.departure(self.response, self.socket)
