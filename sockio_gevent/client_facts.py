"""What is known about one client, and where that is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .events import Emitter
from .hub.per_hub import thread_lock
from .monitoring.reasons import CloseReason, End
from .rooms import new_client_id
from .session.session import Session
from .space import Space

__all__ = [
    "NOT_LET_IN",
    "ClientFacts",
    "Own",
    "has_left",
    "is_outside",
    "own_of",
    "peek",
    "session_of",
    "space_of",
]

# Held for a moment, while a client gets what it did not need before.
_naming = thread_lock()

#: The state of a client for which the middleware still runs.
NOT_LET_IN = End(CloseReason.APPLICATION, "not let in yet")


class Own:
    """What not every client has.

    Attributes:
        auth: what the client sent when it connected.
        data: the dict for the application; ``None`` if it was not asked for.
        id: its public id; ``None`` if it was not asked for.
        outside: why it is not in its namespace; ``None`` while it is.
        recovered: whether it goes on where an earlier connection of its peer was cut.
    """

    __slots__ = ("auth", "data", "id", "outside", "recovered")

    def __init__(self) -> None:
        self.auth: Any = None
        self.data: Any = None
        self.id: str | None = None
        self.outside: End | None = None
        self.recovered = False


class ClientFacts(Emitter):
    """The part of a client that says who and where it is.

    Args:
        session: its session.
        space: its namespace.
    """

    # The names are mangled, so that no attribute of an application can replace them.
    __slots__ = ("__dict__", "__own", "__session", "__space", "__weakref__")

    def __init__(self, session: Session, space: Space) -> None:
        super().__init__()
        self.__session = session
        self.__space = space
        self.__own: Own | None = None  # an idle client needs none

    def __repr__(self) -> str:
        shown = repr(self.__session).replace("<Session", "<Client", 1)
        return shown if self.__space.name == "/" else f"{shown[:-1]} {self.__space.name}>"

    @property
    def listener(self) -> Any:
        """The :class:`~sockio_gevent.Listener` that it belongs to."""
        return self.__space.namespace.listener

    @property
    def namespace(self) -> Any:
        """The :class:`~sockio_gevent.Namespace` that it is in."""
        return self.__space.namespace

    @property
    def id(self) -> str:
        """Its public id, which nobody can guess. Each client is in the room of its own id."""
        own = own_of(self)
        if own.id is None:
            made = self.__session.dialect.client_id(self.__session, self.__space.name)
            with _naming:
                own.id = own.id or made or new_client_id()
                if own.outside is None:
                    self.__space.rooms.name(self.__session, own.id)
        return own.id

    @property
    def auth(self) -> Any:
        """What the client sent when it connected to the namespace; mostly an empty dict.

        The classic client of this package sends its option ``auth``; see ``docs/browser.rst``.
        """
        auth = None if self.__own is None else self.__own.auth
        return {} if auth is None else auth

    @property
    def data(self) -> Any:
        """A dict for whatever the application wants to keep with the client."""
        own = own_of(self)
        if own.data is None:
            own.data = {}
        return own.data

    @data.setter
    def data(self, data: Any) -> None:
        own_of(self).data = data

    @property
    def rooms(self) -> frozenset[str]:
        """The rooms that it is in, with the one of its own id; in ``disconnect`` still those."""
        if self.__space.client_of(self.__session) not in (self, None):
            return frozenset((self.id,))  # the peer has come back as another client
        return self.__space.rooms.joined(self.__session) | {self.id}

    @property
    def recovered(self) -> bool:
        """Whether it goes on where an earlier connection of its peer was cut."""
        return self.__own is not None and self.__own.recovered

    @property
    def dialect(self) -> str:
        """The dialect that it speaks, by its name in the option ``dialects``."""
        return self.__session.dialect.name

    @property
    def session_id(self) -> str:
        """The secret id of the session.

        Anybody who knows it can act as this client: keep it out of logs and out of
        the pages of other clients. :attr:`id` is for them.
        """
        return self.__session.session_id

    @property
    def transport(self) -> str:
        """The name of the transport in use, or of the last one."""
        return self.__session.transport

    @property
    def environ(self) -> dict[str, Any]:
        """The WSGI environ of the request that opened the session, with an empty input."""
        return self.__session.environ

    @property
    def connected(self) -> bool:
        """Whether it is in its namespace; also true while it is away for a moment."""
        own = self.__own
        return self.__session.ending is None and (own is None or own.outside is None)

    @property
    def connections(self) -> int:
        """How many requests have carried the session: one for a WebSocket, one for each poll."""
        return self.__session.connections

    @property
    def identity(self) -> Any:
        """The value that the option ``authorize`` has returned, unless that was ``True``.

        ``None`` without that option. An application may set it.
        """
        return self.__session.identity

    @identity.setter
    def identity(self, identity: Any) -> None:
        self.__session.identity = identity

    @property
    def disconnect_reason(self) -> str | None:
        """Why it has left, one of the names in ``stats()["closes"]``.

        ``None`` while it is connected.
        """
        own = self.__own
        end = None if own is None or own.outside is NOT_LET_IN else own.outside
        end = end or self.__session.ending
        return None if end is None else end.reason.value

    @staticmethod
    def __session_of(client: ClientFacts) -> Session:
        """The session of a client."""
        return client.__session

    @staticmethod
    def __space_of(client: ClientFacts) -> Space:
        """The namespace of a client."""
        return client.__space

    @staticmethod
    def __peek(client: ClientFacts) -> Own | None:
        """What a client has of its own, if it has needed that so far."""
        return client.__own

    @staticmethod
    def __own_of(client: ClientFacts) -> Own:
        """What a client has of its own, which is made when it is needed first."""
        own = client.__own
        if own is None:
            with _naming:
                own = client.__own = client.__own or Own()
        return own


# No methods, so that applications cannot reach what is behind a client.
session_of: Callable[[ClientFacts], Session] = ClientFacts._ClientFacts__session_of  # type: ignore[attr-defined]
space_of: Callable[[ClientFacts], Space] = ClientFacts._ClientFacts__space_of  # type: ignore[attr-defined]
peek: Callable[[ClientFacts], Own | None] = ClientFacts._ClientFacts__peek  # type: ignore[attr-defined]
own_of: Callable[[ClientFacts], Own] = ClientFacts._ClientFacts__own_of  # type: ignore[attr-defined]


def is_outside(client: ClientFacts) -> bool:
    """Whether a client has left its namespace and its session goes on, or is not let in yet."""
    own = peek(client)
    return own is not None and own.outside is not None


def has_left(client: ClientFacts) -> bool:
    """Whether a client has left its namespace for whatever reason, or is not let in yet."""
    return session_of(client).ending is not None or is_outside(client)
