"""The admin page in the same process: a client of the admin namespace, and what it is told."""

from __future__ import annotations

from typing import Any

import sockio_gevent as io
from sockio_gevent.testing import Client

from .waiting import wait_until

__all__ = ["ADMIN", "AUTH", "Page", "modern"]

AUTH = {"username": "admin", "password": "secret"}
ADMIN: dict[str, Any] = {"auth": AUTH, "mode": "development", "server_stats_interval": 0.05}


def modern(listener: io.Listener, **more: Any) -> Client:
    """A client of Socket.IO."""
    return Client(listener, dialect="socket.io", **more)


class Page:
    """The page, connected.

    Args:
        listener: the listener.
        auth: what it shows.
        namespace: the admin namespace.
        address: its address.

    Attributes:
        client: the client.
        told: the events that were waited for or passed over, in their order.
    """

    def __init__(
        self,
        listener: io.Listener,
        auth: Any = AUTH,
        namespace: str = "/admin",
        address: str = "127.0.0.1",
    ) -> None:
        environ = {"REMOTE_ADDR": address}
        self.client = Client(
            listener, dialect="socket.io", namespace=namespace, auth=auth, environ=environ
        )
        self.told: list[tuple[Any, ...]] = []

    def named(self, name: str) -> list[tuple[Any, ...]]:
        """The arguments of the events of one name that have come so far."""
        while True:
            try:
                self.told.append(tuple(self.client.receive(timeout=0)))
            except TimeoutError:
                return [event[1:] for event in self.told if event[0] == name]

    def wait(self, name: str, *arguments: Any) -> tuple[Any, ...]:
        """Wait for an event that begins with these arguments; return all of them."""
        found: list[tuple[Any, ...]] = []

        def came() -> bool:
            found[:] = [each for each in self.named(name) if each[: len(arguments)] == arguments]
            return bool(found)

        wait_until(came, f"told of {name!r} {arguments}")
        return found[-1]

    def wait_socket(self, client_id: str) -> dict[str, Any]:
        """Wait until it knows a client; return what it was told of it."""
        found: list[dict[str, Any]] = []

        def known() -> bool:
            listed = [each for (sockets,) in self.named("all_sockets") for each in sockets]
            came = [each for each, _ in self.named("socket_connected")]
            found[:] = [each for each in (*listed, *came) if each["id"] == client_id]
            return bool(found)

        wait_until(known, "told of the client")
        return found[-1]

    def order(self, command: str, *arguments: Any) -> None:
        """Send a command."""
        self.client.emit(command, *arguments)
