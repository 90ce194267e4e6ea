"""Whom a message goes to: all clients of a namespace, or those of some rooms, without others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from .asking import ask, ask_each
from .elsewhere import Scope
from .events import EventName, check_sendable
from .options.arguments import check_timeout
from .rooms import room_names
from .session.session import Session
from .space import Space

__all__ = ["BaseTarget", "shown_room"]


class _Client(Protocol):
    @property
    def id(self) -> str: ...
    def disconnect(self, close: bool = False) -> None: ...


# Names of so many characters may be ids.
_LIKE_AN_ID = 20

C = TypeVar("C", bound=_Client)
T = TypeVar("T", bound="BaseTarget[Any]")


class BaseTarget(Generic[C]):
    """Clients of one namespace, chosen anew for each message.

    A target never changes: ``to()`` and the others return a new one. It can be kept.

    Args:
        space: the namespace.
        rooms: the rooms whose clients are meant; ``None`` for all clients.
        without: the rooms whose clients are left out.
        excluded: the ids of the sessions whose clients are left out.
        included: the ids of the sessions whose clients are meant besides those of the rooms.
        volatile: whether clients are left out that could not get a message now.
        local: whether the clients of other workers are left out.
    """

    __slots__ = ("_excluded", "_included", "_local", "_rooms", "_space", "_volatile", "_without")

    def __init__(
        self,
        space: Space,
        rooms: tuple[str, ...] | None = None,
        without: tuple[str, ...] = (),
        excluded: frozenset[str] = frozenset(),
        volatile: bool = False,
        local: bool = False,
        included: frozenset[str] = frozenset(),
    ) -> None:
        self._space = space
        self._local = local
        self._rooms = rooms
        self._without = without
        self._excluded = excluded
        self._included = included
        self._volatile = volatile

    def __repr__(self) -> str:
        parts = [self._space.name]
        if self._rooms is not None:
            meant = map(shown_room, (*self._rooms, *self._included))
            parts.append(f"to {', '.join(meant) or 'no room'}")
        if self._without or self._excluded:
            some = f"{len(self._excluded)} clients" if self._excluded else ""
            left_out = ", ".join(filter(None, [*map(shown_room, self._without), some]))
            parts.append(f"except {left_out}")
        if self._volatile:
            parts.append("volatile")
        if self._local:
            parts.append("local")
        return f"<Target {' '.join(parts)}>"

    # --- which clients ---

    def to(self: T, *rooms: str) -> T:
        """Add the clients of these rooms.

        The id of a client is the name of a room, too. That client is always in it, and others
        are if the application lets them join it.

        Without ``to()`` all clients are meant. After ``to()`` without a room, nobody is.

        Raises:
            TypeError: if the name of a room is no string.
        """
        chosen = (*(self._rooms or ()), *room_names(rooms))
        return self._with(rooms=chosen)

    def except_(self: T, *rooms_or_clients: str | C) -> T:
        """Leave out the clients of these rooms, and these clients.

        Raises:
            TypeError: if something else is given.
        """
        rooms: list[Any] = []
        sessions = set(self._excluded)
        for each in rooms_or_clients:
            if isinstance(each, str):
                rooms.append(each)
            elif (session_id := getattr(each, "session_id", None)) is not None:
                sessions.add(session_id)
            else:  # a client of another worker
                rooms.append(getattr(each, "id", each))
        without = (*self._without, *room_names(rooms))
        return self._with(without=without, excluded=frozenset(sessions))

    @property
    def volatile(self: T) -> T:
        """The same clients, without those that could not get a message at once.

        A message for them is dropped, not kept: for messages that are soon out of date.
        """
        return self._with(volatile=True)

    @property
    def local(self: T) -> T:
        """The same clients, without those of other workers."""
        return self._with(local=True)

    def _with(self: T, **changes: Any) -> T:
        given: dict[str, Any] = {
            "rooms": self._rooms,
            "without": self._without,
            "excluded": self._excluded,
            "included": self._included,
            "volatile": self._volatile,
            "local": self._local,
            **changes,
        }
        return type(self)(self._space, **given)

    def _sessions(self) -> list[Session]:
        return self._space.rooms.select(self._rooms, self._without, self._excluded, self._included)

    def _scope(self) -> Scope:
        return Scope(
            self._space.name,
            self._rooms,
            self._without,
            tuple(self._excluded),
            self._volatile,
        )

    def clients(self) -> list[C]:
        """The clients that are meant, as they are now.

        Those of other workers are of the class :class:`~sockio_gevent.RemoteClient`, and have
        only what that class has: ``isinstance(client, Client)`` tells those of this worker. The
        workers are asked for them; one that does not answer within five seconds is passed over,
        and the log says so.
        """
        found = self._clients_here()
        if self._space.elsewhere is not None and not self._local:
            found += self._space.elsewhere.clients(self._scope())
        return found

    def _clients_here(self) -> list[C]:
        found = [self._space.client_of(each) for each in self._sessions() if each.ending is None]
        return [client for client in found if client is not None]

    # --- what they get ---

    def emit(self, event: EventName, *arguments: Any) -> None:
        """Send an event. It is encoded once for all; any thread may call it.

        Clients that have no binary data, those of Socket.IO 0.5 and 0.6, are passed over if
        there are bytes in the arguments; the log says so once.

        Args:
            event: its name.
            *arguments: JSON values and ``bytes``.

        Raises:
            TypeError: if an argument is neither.
            ValueError: if the name is reserved, or if a value has no form, such as NaN, or
                is over ``max_buffer``.
        """
        check_sendable(event)
        space = self._space
        space.send(event, arguments, self._sessions(), self._volatile)
        if space.elsewhere is not None and not self._local:
            space.elsewhere.emit(self._scope(), event, arguments)

    def send(self, message: Any) -> None:
        """Send the event ``message`` with one argument; see :meth:`emit`."""
        space = self._space
        space.send("message", (message,), self._sessions(), self._volatile)
        if space.elsewhere is not None and not self._local:
            space.elsewhere.emit(self._scope(), "message", (message,))

    def __call__(self, message: Any) -> None:
        """Send the event ``message`` with one argument; see :meth:`emit`."""
        self.send(message)

    def relay(self, event: EventName, arguments: Sequence[Any]) -> None:
        """Send an event of another worker to the clients of this one, if there is any."""
        sessions = self._sessions()
        if sessions:
            self._space.send(event, arguments, sessions, self._volatile)

    def call(
        self, event: EventName, *arguments: Any, timeout: float | None = 60.0
    ) -> dict[str, Any]:
        """Send an event, and wait for the answers of all.

        Clients that cannot acknowledge, those of Socket.IO 0.5 and 0.6, neither get it nor
        are missed. Handlers may call it, and so may any thread.

        Args:
            event: its name.
            *arguments: JSON values and ``bytes``.
            timeout: how long to wait, in seconds; ``None`` waits for ever.

        Returns:
            The answers by the ids of the clients. An answer is ``None`` if it has no argument,
            the argument if there is one, and a tuple if there are several.

        Raises:
            AckTimeout: if a client has not answered in this time, or has left before. Its
                attributes have the answers that came, and who is missing.
            TypeError, ValueError: see :meth:`emit`; or if ``timeout`` is no time to wait.
        """
        check_sendable(event)
        check_timeout(timeout)

        def here() -> dict[str, Any]:
            return self._call_here(event, arguments, timeout)

        elsewhere = self._space.elsewhere
        if elsewhere is None or self._local:
            return here()
        return elsewhere.call(self._scope(), event, arguments, timeout, here)

    def _call_here(
        self, event: EventName, arguments: Sequence[Any], timeout: float | None
    ) -> dict[str, Any]:
        return ask(self._space, self._asked(), event, arguments, timeout, self._volatile)

    def _asked(self) -> dict[Session, str]:
        """The clients of this worker that can answer."""
        return {
            session: client.id
            for session in self._sessions()
            if session.dialect.acknowledges
            and session.ending is None
            and (client := self._space.client_of(session)) is not None
        }

    def ask_each(
        self,
        event: EventName,
        arguments: Sequence[Any],
        begin: Callable[[list[str]], object],
        answered: Callable[[str, list[Any]], object],
        left: Callable[[str], object],
    ) -> Callable[[], None]:
        """Ask the clients of this worker for another one, which waits for the answers.

        Args:
            event: the name of the event.
            arguments: its arguments.
            begin: called with the ids of the clients, before they are asked.
            answered: called with the id of a client and the arguments of its answer, as it comes.
            left: called with the id of a client that has left without an answer, or whose answer
                is waited for no longer.

        Returns:
            A function that waits no longer for answers.
        """
        asked, volatile = self._asked(), self._volatile
        return ask_each(self._space, asked, event, arguments, begin, answered, left, volatile)

    # --- what happens to them ---

    def join(self, *rooms: str) -> None:
        """Put the clients into rooms.

        Raises:
            TypeError: if the name of a room is no string.
            ValueError: if one of them would be in more than ``max_rooms_per_client``. If that
                is a client of another worker, the log of that one says so instead.
        """
        names = room_names(rooms)
        for session in self._sessions():
            self._space.rooms.join(session, names)
        if self._space.elsewhere is not None and not self._local:
            self._space.elsewhere.join(self._scope(), names)

    def leave(self, *rooms: str) -> None:
        """Take the clients out of rooms.

        Raises:
            TypeError: if the name of a room is no string.
        """
        names = room_names(rooms)
        for session in self._sessions():
            self._space.rooms.leave(session, names)
        if self._space.elsewhere is not None and not self._local:
            self._space.elsewhere.leave(self._scope(), names)

    def disconnect(self, close: bool = False) -> None:
        """Disconnect the clients; see :meth:`Client.disconnect`."""
        for client in self._clients_here():
            client.disconnect(close)
        if self._space.elsewhere is not None and not self._local:
            self._space.elsewhere.disconnect(self._scope(), close)


def shown_room(room: str) -> str:
    """The name of a room for the log. The id of a client may be the secret id of its session."""
    return repr(room if len(room) < _LIKE_AN_ID else f"{room[:8]}…")
