"""How the connections that other workers hand over come in.

A connection comes in through the server that would have accepted it in this worker, and counts
in its pool.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import gevent

from .departures import place_of
from .handed_socket import HandedSocket

__all__ = ["Door", "Doors", "ServerDoor"]


class Door(ABC):
    """A server that takes connections.

    Attributes:
        hub: the hub of the thread that serves.
        place: the address at which it listens; see :func:`~.departures.place_of`.
    """

    def __init__(self, hub: Any, place: str, pool: Any) -> None:
        self.hub = hub
        self.place = place
        self._pool = pool

    @property
    def full(self) -> bool:
        """Whether it takes no more connections now."""
        return self._pool is not None and bool(self._pool.full())

    def open(self, socket: HandedSocket, address: Any) -> None:
        """Serve a connection in a greenlet of its own. Call this in the thread that serves."""
        if self._pool is None:
            gevent.spawn(self._serve, socket, address)
        elif self._pool.full():
            gevent.spawn(self._pool.spawn, self._serve, socket, address)  # it waits there
        else:
            self._pool.spawn(self._serve, socket, address)

    @abstractmethod
    def _serve(self, socket: HandedSocket, address: Any) -> None:
        """Serve a connection to its end."""


class ServerDoor(Door):
    """A gevent server with our own handler.

    Args:
        server: the server.
    """

    def __init__(self, server: Any) -> None:
        super().__init__(gevent.get_hub(), place_of(server.address), server.pool)
        self._server = server

    def _serve(self, socket: HandedSocket, address: Any) -> None:
        try:
            self._server.handle(socket, address)
        finally:
            socket.close()


class Doors:
    """The servers of one listener that take connections.

    They are known by the requests that have come through them: the owner of a session has had one.
    """

    __slots__ = ("_doors",)

    def __init__(self) -> None:
        self._doors: dict[Any, Door] = {}

    def note(self, server: Any, make: Callable[[Any], Door | None]) -> None:
        """Note the gevent server through which a request has come.

        Args:
            server: the server.
            make: makes its door; ``None`` if it takes no connections after all.
        """
        if server in self._doors or server.closed:
            return
        door = make(server)
        if door is not None:
            self._doors = {each: kept for each, kept in self._doors.items() if not each.closed}
            self._doors[server] = door

    def find(self, place: str, hub: Any) -> Door | None:
        """The door in a thread for a connection that was accepted at a place."""
        found = None
        for door in self._doors.values():
            if door.hub is hub:
                found = door
                if door.place == place:
                    break
        return found
