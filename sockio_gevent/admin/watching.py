"""Watching clients in the mode ``'development'``: who comes and goes, rooms, and events."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from ..client import Client
from ..events import EventName
from ..monitoring.throttled_log import ThrottledLog
from ..namespaces import Namespaces
from ..session.session import Session
from ..space import Space
from ..wire.json_text import encode_json
from .audience import Audience
from .facts import data_of, iso, room_of, shortened, socket_of, time_of_day, transport_of

__all__ = ["Watching"]

# A page is told of so many clients of one worker at most.
_MOST_LISTED = 1000


class Watching:
    """Watches the clients of this worker, and tells the pages.

    Args:
        admin: the name of the admin namespace, whose events are not told.
        audience: the pages that watch.
        namespaces: the namespaces of the listener.
        log: the throttled log of the listener.
    """

    def __init__(
        self, admin: str, audience: Audience, namespaces: Namespaces, log: ThrottledLog
    ) -> None:
        self._admin = admin
        self._audience = audience
        self._namespaces = namespaces
        self._log = log
        # When clients have connected, in seconds since the epoch.
        self._since: WeakKeyDictionary[Client, float] = WeakKeyDictionary()
        # What the pages know of clients that can change without a sign; while somebody watches.
        self._told: dict[Client, tuple[str, Any]] = {}
        namespaces.watch(self._begins, lambda name: None)

    def _begins(self, name: str) -> None:
        """There is a namespace from now on."""
        space = self._namespaces.get(name)
        assert space is not None
        watcher = _OfNamespace(self, space)
        space.rooms.watcher = watcher
        if name != self._admin:
            space.watch(watcher)
            space.namespace.on_any(watcher.received)

    # --- called by the watchers of namespaces ---

    @property
    def watches(self) -> bool:
        """Whether anybody watches."""
        return self._audience.watches

    def safely(self, function: Callable[..., None], *arguments: Any) -> None:
        """Tell the pages something. A mistake here must not reach who has sent or joined."""
        try:
            function(*arguments)
        except Exception:
            self._log.exception(("admin", "watching"), "the admin page cannot be told of a change")

    def note(self, client: Client) -> None:
        """A client has connected."""
        self._since[client] = time_of_day()

    def connected(self, client: Client) -> None:
        """Tell that a client has connected."""
        self._audience.change("socket_connected", self._socket_of(client), iso())

    def left(self, client: Client, namespace: str, rooms: Collection[str]) -> None:
        """Tell that a client has left."""
        self._told.pop(client, None)
        reason = client.disconnect_reason
        self._audience.change("socket_disconnected", namespace, client.id, reason, iso())
        self.in_rooms("room_left", client, namespace, [*rooms, client.id])

    def in_rooms(self, event: str, client: Client, namespace: str, rooms: Collection[str]) -> None:
        """Tell that a client has joined or left rooms."""
        for room in rooms:
            self._audience.change(event, namespace, room_of(room), client.id, iso())

    def event(
        self,
        name: str,
        namespace: str,
        clients: Iterator[Client],
        event: EventName,
        arguments: Sequence[Any],
    ) -> None:
        """Tell an event that clients have sent or got."""
        told: Any = None
        for client in clients:
            if not self._audience.may_tell_event():
                return
            if told is None:
                told = shortened([event, *arguments])
            self._audience.event(name, namespace, client.id, told, iso())

    def _socket_of(self, client: Client) -> dict[str, Any]:
        """A client as the pages are told of it; they are told of its changes from now on."""
        socket = socket_of(client, self._since.setdefault(client, time_of_day()))
        if len(self._told) < _MOST_LISTED:
            self._told[client] = socket["transport"], socket["data"]
        return socket

    # --- called at regular times ---

    def tell_changes(self) -> None:
        """Tell which clients have another transport now, or other data."""
        # A copy: in other threads, clients come and go.
        for client, before in self._told.copy().items():
            if not client.connected:
                self._told.pop(client, None)
                continue
            transport, data = now = transport_of(client.transport), data_of(client)
            if now != before:
                self._told[client] = now
                changed = {"id": client.id, "nsp": client.namespace.name}
                changed |= {"transport": transport, "data": data}
                self._audience.change("socket_updated", changed)

    def forget_told(self) -> None:
        """Nobody watches any more."""
        self._told.clear()

    def sockets(self, most: int) -> list[dict[str, Any]]:
        """The clients of this worker, as far as they fit.

        Args:
            most: how many characters all together may have.
        """
        found: list[dict[str, Any]] = []
        for space in self._namespaces.all():
            for client in space.namespace.clients.values():
                socket = self._socket_of(client)
                most -= len(encode_json(socket))
                if most < 0 or len(found) >= _MOST_LISTED:
                    line = "the admin page is told of %d clients of this worker, and there are more"
                    self._log.warning(("admin", "listing"), line, len(found))
                    return found
                found.append(socket)
        return found


class _OfNamespace:
    """Watches one namespace.

    Args:
        watching: what all have in common.
        space: the namespace.
    """

    def __init__(self, watching: Watching, space: Space) -> None:
        self._watching = watching
        self._space = space

    def entered(self, session: Session) -> None:
        """A client has connected."""
        client = self._space.client_of(session)
        if client is not None:
            self._watching.note(client)
            if self._watching.watches:
                self._watching.safely(self._watching.connected, client)

    def left(self, session: Session) -> None:
        """A client has left."""
        client = self._space.client_of(session)
        if client is not None and self._watching.watches:
            rooms = self._space.rooms.joined(session)
            self._watching.safely(self._watching.left, client, self._space.name, rooms)

    def rooms_joined(self, session: Session, names: Collection[str]) -> None:
        """A client has joined rooms."""
        self._in_rooms("room_joined", session, names)

    def rooms_left(self, session: Session, names: Collection[str]) -> None:
        """A client has left rooms."""
        self._in_rooms("room_left", session, names)

    def _in_rooms(self, event: str, session: Session, names: Collection[str]) -> None:
        client = self._space.client_of(session)
        if client is not None and self._watching.watches:
            watching = self._watching
            watching.safely(watching.in_rooms, event, client, self._space.name, names)

    def sent(
        self, event: str | int, arguments: Sequence[Any], receivers: Sequence[Session]
    ) -> None:
        """An event was sent to clients."""
        if self._watching.watches:
            found = map(self._space.client_of, receivers)
            clients = (client for client in found if client is not None)
            self._tell("event_sent", clients, event, arguments)

    def received(self, client: Client, event: EventName, *arguments: Any) -> None:
        """A client has sent an event."""
        if self._watching.watches:
            self._tell("event_received", iter((client,)), event, arguments)

    def _tell(
        self, name: str, clients: Iterator[Client], event: EventName, arguments: Sequence[Any]
    ) -> None:
        watching = self._watching
        watching.safely(watching.event, name, self._space.name, clients, event, arguments)
