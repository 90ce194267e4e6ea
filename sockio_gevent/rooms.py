"""The rooms of one namespace, and the sessions whose clients are in them.

All sessions of the namespace are here, too. A session has one client in a namespace,
so it stands for that client. Any thread may change and read all of this: each change
holds the lock, and each reader gets a copy.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Protocol

from .hub.per_hub import thread_lock
from .monitoring.log import short_id
from .monitoring.reasons import Limit
from .options.limits import Limits
from .session.session import Session

__all__ = ["Rooms", "RoomsWatcher", "new_client_id", "room_names"]

_ID_SIZE = 15  # bytes; 20 characters


def new_client_id() -> str:
    """An id for a client, which nobody can guess."""
    # Ids are arguments of commands, too, where a dash would begin an option.
    while (new := secrets.token_urlsafe(_ID_SIZE)).startswith("-"):
        pass
    return new


def room_names(given: Iterable[Any]) -> tuple[str, ...]:
    """Check the names of rooms.

    Raises:
        TypeError: if one of them is no string.
    """
    names = tuple(given)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"the name of a room is a str, not {name!r:.80}")
    return names


class RoomsWatcher(Protocol):
    """Is told who comes, goes, and changes rooms, in the thread that does it. It must not block."""

    def entered(self, session: Session) -> None:
        """A client is in the namespace, and was told so. Its handlers have not run yet."""

    def left(self, session: Session) -> None:
        """A client has left the namespace, or was cut off. Its rooms can still be read."""

    def rooms_joined(self, session: Session, names: Collection[str]) -> None:
        """A client that is in the namespace has joined rooms."""

    def rooms_left(self, session: Session, names: Collection[str]) -> None:
        """A client that is in the namespace has left rooms."""


class Rooms:
    """Who is in one namespace, and in which of its rooms.

    Args:
        limits: counts clients that are over a limit.
        most: the option ``max_rooms_per_client``.

    Attributes:
        absent: the sessions whose clients were cut off and may come back, by their session ids.
            What is sent to them is kept.
        sessions: the sessions that have a client in the namespace, by their session ids.
        watcher: is told of all changes; ``None`` for nobody.
    """

    __slots__ = (
        "_by_client_id",
        "_client_ids",
        "_coming",
        "_joined",
        "_limits",
        "_lock",
        "_most",
        "_rooms",
        "absent",
        "sessions",
        "watcher",
    )

    def __init__(self, limits: Limits, most: int | None) -> None:
        self._limits = limits
        self._most = most
        self._lock = thread_lock()
        self.watcher: RoomsWatcher | None = None
        self.sessions: dict[str, Session] = {}
        self.absent: dict[str, Session] = {}
        # Those that middleware has not let in yet: they may join rooms, and get nothing.
        self._coming: set[str] = set()
        # By the names of rooms, and then by session ids. An empty room is not kept.
        self._rooms: dict[str, dict[str, Session]] = {}
        # By session ids: the rooms of those that are in any, and the ids of those that have one.
        self._joined: dict[str, set[str]] = {}
        self._client_ids: dict[str, str] = {}
        self._by_client_id: dict[str, Session] = {}

    # --- who is here ---

    @property
    def is_empty(self) -> bool:
        """Whether no client is in the namespace, or on its way into it."""
        return not self.sessions and not self._coming and not self.absent

    def expect(self, session: Session) -> None:
        """A client is on its way: it may join rooms."""
        with self._lock:
            self._coming.add(session.session_id)

    def enter(self, session: Session) -> None:
        """A client is in the namespace from now on."""
        session_id = session.session_id
        with self._lock:
            self._coming.discard(session_id)
            self.sessions[session_id] = session
            for name in self._joined.get(session_id, ()):
                self._rooms.setdefault(name, {})[session_id] = session

    def remove(self, session: Session) -> None:
        """A client has left the namespace, or was not let in. Its rooms can still be read."""
        session_id = session.session_id
        with self._lock:
            self._coming.discard(session_id)
            was_in = self.sessions.pop(session_id, None) is not None
            self.absent.pop(session_id, None)
            client_id = self._client_ids.pop(session_id, None)
            if client_id is not None and self._by_client_id.get(client_id) is session:
                # Otherwise the client has come back with another session, and has the same id.
                del self._by_client_id[client_id]
            for name in self._joined.get(session_id, ()):
                self._drop(name, session_id)
        if was_in and self.watcher is not None:
            self.watcher.left(session)

    def miss(self, session: Session) -> None:
        """A client was cut off and may come back: it stays in its rooms."""
        with self._lock:
            was_in = self.sessions.pop(session.session_id, None) is not None
            if was_in:
                self.absent[session.session_id] = session
        if was_in and self.watcher is not None:
            self.watcher.left(session)

    def forget(self, session: Session) -> None:
        """Forget in which rooms a client was that has left."""
        if session.session_id not in self._joined:
            return
        with self._lock:
            if session.session_id not in self.sessions and session.session_id not in self.absent:
                self._joined.pop(session.session_id, None)

    def name(self, session: Session, client_id: str) -> None:
        """A client has got its id. Nothing happens if it is not in the namespace."""
        with self._lock:
            if session.session_id in self.sessions:
                self._client_ids[session.session_id] = client_id
                self._by_client_id[client_id] = session

    # --- rooms ---

    def join(self, session: Session, names: Iterable[str]) -> None:
        """Put a client into rooms. Nothing happens if it is not in the namespace.

        Raises:
            ValueError: if it would be in too many; then it joins none of these.
        """
        session_id = session.session_id
        with self._lock:
            inside = session_id in self.sessions or session_id in self.absent
            if not inside and session_id not in self._coming:
                return
            joined = self._joined.get(session_id, set())
            new = set(names) - joined
            if not new:
                return
            fits = self._most is None or len(joined) + len(new) <= self._most
            if fits:
                self._joined[session_id] = joined | new
                for name in new if inside else ():
                    self._rooms.setdefault(name, {})[session_id] = session
        if not fits:
            self._limits.note(
                Limit.ROOMS, "session %s: %s", short_id(session_id), Limit.ROOMS.of(_TOO_MANY)
            )
            raise ValueError(
                f"{_TOO_MANY}: it may be in {self._most} (option {Limit.ROOMS.value!r})"
            )
        if self.watcher is not None and session_id in self.sessions:
            self.watcher.rooms_joined(session, new)

    def leave(self, session: Session, names: Iterable[str]) -> None:
        """Take a client out of rooms; nothing happens if it is not in them."""
        session_id = session.session_id
        with self._lock:
            if not any(session_id in each for each in (self.sessions, self.absent, self._coming)):
                return
            joined = self._joined.get(session_id, set())
            left = joined.intersection(names)
            for name in left:
                self._drop(name, session_id)
            if left == joined:
                self._joined.pop(session_id, None)
            else:
                self._joined[session_id] = joined - left
        if self.watcher is not None and left and session_id in self.sessions:
            self.watcher.rooms_left(session, left)

    def _drop(self, name: str, session_id: str) -> None:
        room = self._rooms.get(name)
        if room is not None:
            room.pop(session_id, None)
            if not room:
                del self._rooms[name]

    def joined(self, session: Session) -> frozenset[str]:
        """The rooms of a client, without the one of its own id."""
        return frozenset(self._joined.get(session.session_id, ()))

    def select(
        self,
        rooms: Sequence[str] | None,
        without: Sequence[str],
        excluded: Collection[str],
        included: Collection[str] = (),
    ) -> list[Session]:
        """The sessions that get a message, each once; with those that are absent.

        Args:
            rooms: names of rooms and ids of clients: those in any of them; ``None`` for all.
            without: names of rooms and ids of clients: those in any of them are left out.
            excluded: the ids of sessions that are left out.
            included: the ids of sessions that are meant besides those of the rooms.
        """
        if rooms is None:
            if not without and not excluded and not self.absent:
                return list(self.sessions.values())
            found = self.sessions.copy()
            found.update(self.absent.copy())
        else:
            found = {}
            for name in rooms:
                found.update(self._of(name))
            for session_id in included:
                session = self.sessions.get(session_id) or self.absent.get(session_id)
                if session is not None:
                    found[session_id] = session
        for name in without:
            for session_id in self._of(name):
                found.pop(session_id, None)
        for session_id in excluded:
            found.pop(session_id, None)
        return list(found.values())

    def _of(self, name: str) -> dict[str, Session]:
        """The sessions in a room, or the one whose client has this id, as they are now."""
        room = self._rooms.get(name)
        found = {} if room is None else room.copy()
        one = self._by_client_id.get(name)
        if one is not None:
            found[one.session_id] = one
        return found


_TOO_MANY = "a client would be in too many rooms"
