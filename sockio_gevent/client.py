"""One client, as applications see and use it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from .acknowledgements import Callback
from .errors import AckTimeout, Disconnected
from .events import Emitter, EventName, check_sendable
from .hub.per_hub import thread_lock
from .monitoring.reasons import CloseReason, End
from .rooms import new_client_id, room_names
from .session.loops import this_thread
from .session.session import Session
from .space import Space
from .target import BaseTarget, ask
from .wire.packet import Packet

__all__ = [
    "NOT_LET_IN",
    "Client",
    "Target",
    "depart",
    "own_of",
    "peek",
    "session_of",
    "space_of",
]

_BY_APPLICATION = End(CloseReason.APPLICATION, "disconnected by the application")

#: The state of a client for which the middleware still runs.
NOT_LET_IN = End(CloseReason.APPLICATION, "not let in yet")


class _Own:
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


class Client(Emitter):
    """A connected client. Handlers of ``connection`` receive it; applications do not make one.

    Events: ``message(message)`` for each message from the client, ``disconnect()``
    once, when it has left, and events of the application's own, which the client sends.

    An application may set its own attributes, of any name that this class does not define.

    Args:
        session: its session.
        space: its namespace.
    """

    # The names are mangled, so that no attribute of an application can replace them.
    __slots__ = ("__dict__", "__own", "__session", "__space", "__weakref__")

    EVENTS: ClassVar[Mapping[str, tuple[str, ...]]] = {"message": ("message",), "disconnect": ()}

    def __init__(self, session: Session, space: Space) -> None:
        super().__init__()
        self.__session = session
        self.__space = space
        self.__own: _Own | None = None  # an idle client needs none

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
        """What the client sent when it connected to the namespace; mostly an empty dict."""
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

    # --- what it gets ---

    def send(self, message: Any) -> None:
        """Send a message to this client: the event ``message`` with one argument.

        It never blocks: the message leaves at the end of this iteration of the
        loop, in one write with all others of the iteration. Messages that the
        client does not take are kept, up to ``max_buffer``; beyond that the session
        ends. If the client has left, nothing is sent. Any thread may call it; the
        messages of one thread arrive in the order in which it has sent them.

        Args:
            message: a ``str``, or anything with a JSON form; ``bytes`` for clients of
                Socket.IO 1.0 and later.

        Raises:
            TypeError: if the message has no such form.
            ValueError: if it is NaN, holds itself, or is over ``max_buffer``.
        """
        session, space = self.__session, self.__space
        own = self.__own
        if space.recovery is not None and session.dialect.recovers:
            space.send("message", (message,), [session] if _is_inside(own) else [])
            return
        packets = session.dialect.event(space.name, "message", (message,))
        if own is not None and own.outside is not None:
            return
        if this_thread.hub is session.loop.hub:  # the usual case, and every message comes here
            _send(session, packets)
        else:
            session.loop.call(_send, session, packets)

    def emit(
        self,
        event: EventName,
        *arguments: Any,
        callback: Callable[..., Any] | None = None,
    ) -> None:
        """Send an event to this client; see :meth:`send`.

        Args:
            event: its name.
            *arguments: JSON values; ``bytes`` for clients of Socket.IO 1.0 and later.
            callback: a function that gets the arguments of the client's answer. It is called
                like a handler, in order with the events of the client. It is not called if the
                client leaves without an answer.

        Raises:
            TypeError: if an argument has no such form, or if ``callback`` is given and the
                client cannot acknowledge events.
            ValueError: if the name is reserved, or if a value has no form.
        """
        check_sendable(event)
        session, space = self.__session, self.__space
        if callback is None and space.recovery is not None and session.dialect.recovers:
            space.send(event, arguments, [session] if _is_inside(self.__own) else [])
            return
        if callback is None:
            packets = session.dialect.event(space.name, event, arguments)
        else:
            self.__check_acknowledges("callback")
            number = next(space.numbers)
            packets = session.dialect.event(space.name, event, arguments, number)
            awaited = Callback(space.runner.answered, self, callback)
            if has_left(self) or not space.pending.add(session, number, awaited):
                return
        if not has_left(self):
            session.loop.call(_send, session, packets)

    def call(self, event: EventName, *arguments: Any, timeout: float | None = 60.0) -> Any:
        """Send an event, and wait for the client's answer. Handlers and threads may call it.

        Args:
            event: its name.
            *arguments: JSON values and ``bytes``.
            timeout: how long to wait, in seconds; ``None`` waits for ever.

        Returns:
            ``None`` for an answer without an argument, the argument if there is one, a tuple
            if there are several.

        Raises:
            AckTimeout: if the answer does not come in this time.
            Disconnected: if the client has left, or leaves meanwhile.
            TypeError, ValueError: see :meth:`emit`.
        """
        check_sendable(event)
        self.__check_acknowledges("call()")
        asked = {} if has_left(self) else {self.__session: self.id}
        try:
            answers = ask(self.__space, asked, event, arguments, timeout)
        except AckTimeout as error:
            if not has_left(self):
                raise error from None
            answers = {}
        if not answers:
            raise Disconnected(f"{self!r} has left without an answer to {event!r}")
        return answers[self.id]

    def __check_acknowledges(self, what: str) -> None:
        dialect = self.__session.dialect
        if not dialect.acknowledges:
            raise TypeError(
                f"{what} needs a client that acknowledges events, and those of the dialect "
                f"{dialect.name!r} do not: send it, and let the client send an answer"
            )

    # --- whom it can reach ---

    def to(self, *rooms: str) -> Target:
        """The clients of these rooms, without this one; see :meth:`Target.to`."""
        return self.broadcast.to(*rooms)

    def except_(self, *rooms_or_clients: str | Client) -> Target:
        """All other clients, without some; see :meth:`Target.except_`."""
        return self.broadcast.except_(*rooms_or_clients)

    @property
    def broadcast(self) -> Target:
        """All other clients of the namespace. ``client.broadcast(message)`` sends to them."""
        return Target(self.__space, excluded=frozenset((self.__session.session_id,)))

    @property
    def volatile(self) -> Target:
        """This client, if it can get a message at once; see :attr:`Target.volatile`."""
        return Target(self.__space, rooms=(self.id,), volatile=True)

    # --- where it is ---

    def join(self, *rooms: str) -> None:
        """Join rooms; any thread may call it. If the client has left, nothing happens.

        Raises:
            TypeError: if the name of a room is no string.
            ValueError: if it would be in more than ``max_rooms_per_client``.
        """
        names = room_names(rooms)
        if self.__own is None or self.__own.outside in (None, NOT_LET_IN):
            self.__space.rooms.join(self.__session, names)

    def leave(self, *rooms: str) -> None:
        """Leave rooms; it may be in none of them. It stays in the room of its own id.

        Raises:
            TypeError: if the name of a room is no string.
        """
        names = room_names(rooms)
        if self.__own is None or self.__own.outside in (None, NOT_LET_IN):
            self.__space.rooms.leave(self.__session, names)

    def disconnect(self, close: bool = False) -> None:
        """Let the client leave its namespace. It gets what was sent before, if it has a connection.

        For clients of Socket.IO 0.5 and 0.6, which have no namespaces, this ends the session.
        Messages from the client that still wait for handlers are dropped, except those
        that the client was told were taken. It does not wait: ``disconnect`` fires after
        the handler that is running now. Any thread may call it.

        Args:
            close: whether to end the session, with its clients in all namespaces.
        """
        self.__session.loop.call(_disconnect, self, close)

    @staticmethod
    def __session_of(client: Client) -> Session:
        """The session of a client."""
        return client.__session

    @staticmethod
    def __space_of(client: Client) -> Space:
        """The namespace of a client."""
        return client.__space

    @staticmethod
    def __peek(client: Client) -> _Own | None:
        """What a client has of its own, if it has needed that so far."""
        return client.__own

    @staticmethod
    def __own_of(client: Client) -> _Own:
        """What a client has of its own, which is made when it is needed first."""
        own = client.__own
        if own is None:
            with _naming:
                own = client.__own = client.__own or _Own()
        return own


# No methods, so that applications cannot reach what is behind a client.
session_of: Callable[[Client], Session] = Client._Client__session_of  # type: ignore[attr-defined]
space_of: Callable[[Client], Space] = Client._Client__space_of  # type: ignore[attr-defined]
peek: Callable[[Client], _Own | None] = Client._Client__peek  # type: ignore[attr-defined]
own_of: Callable[[Client], _Own] = Client._Client__own_of  # type: ignore[attr-defined]

# Held for a moment, while a client gets what it did not need before.
_naming = thread_lock()


class Target(BaseTarget[Client]):
    """Clients of one namespace, chosen anew for each message.

    ``socket.to("room")``, ``client.to("room")``, ``client.broadcast`` and others return one.
    A target never changes: its methods return a new one. It can be kept.
    """

    __slots__ = ()


def _is_inside(own: _Own | None) -> bool:
    """Whether a client has neither left its namespace, nor is still on its way into it."""
    return own is None or own.outside is None


def has_left(client: Client) -> bool:
    """Whether a client has left its namespace, or was not let in yet."""
    own = peek(client)
    return session_of(client).ending is not None or (own is not None and own.outside is not None)


def depart(client: Client, end: End) -> None:
    """A client leaves its namespace, and its session goes on. Call it in the session's thread.

    The handlers of ``disconnect`` are left to the caller.
    """
    own_of(client).outside = end
    session, space = session_of(client), space_of(client)
    space.leave(session)
    if space.client_of(session) is client:
        space.set_client(session, None)


def _disconnect(client: Client, close: bool) -> None:
    session, space, own = session_of(client), space_of(client), own_of(client)
    if session.ending is not None or own.outside not in (None, NOT_LET_IN):
        return
    packets = () if close else session.dialect.left(space.name)
    if not packets:
        session.end(_BY_APPLICATION)
    elif own.outside is NOT_LET_IN:
        own.outside = _BY_APPLICATION  # it is refused when the middleware has run
    else:
        depart(client, _BY_APPLICATION)
        for packet in packets:
            session.enqueue(packet)
        session.handlers.put(space.runner.departed, client, 0)
        session.start_handlers()


def _send(session: Session, packets: Sequence[Packet]) -> None:
    if session.ending is None:
        session.loop.traffic.messages_out += 1
        for packet in packets:
            session.enqueue(packet)
