"""One client as applications see it: what they may do with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from .events import Emitter
from .monitoring.reasons import CloseReason, End
from .session.loops import this_thread
from .session.session import Session
from .wire.packet import Packet

if TYPE_CHECKING:
    from typing import Protocol

    class Broadcaster(Protocol):
        """The listener that a client belongs to."""

        def broadcast(self, message: Any, exclude: Any = None) -> None:
            """Send a message to all clients."""


__all__ = ["Client", "session_of"]

_BY_APPLICATION = End(CloseReason.APPLICATION, "disconnected by the application")


class Client(Emitter):
    """A connected client. Handlers of ``connection`` receive it; applications make none.

    Events: ``message(message)`` for what the client sends, ``disconnect()``
    once, when the session has ended.

    An application may set attributes of its own, of any name that is not in here.

    Args:
        session: the session that it has.
        listener: the listener that it belongs to.
    """

    # The names of the two are mangled: no attribute that an application sets can be one of them.
    __slots__ = ("__dict__", "__listener", "__session", "__weakref__")

    EVENTS: ClassVar[Mapping[str, tuple[str, ...]]] = {"message": ("message",), "disconnect": ()}

    def __init__(self, session: Session, listener: Broadcaster) -> None:
        super().__init__()
        self.__session = session
        self.__listener = listener

    def __repr__(self) -> str:
        return repr(self.__session).replace("<Session", "<Client", 1)

    @property
    def listener(self) -> Any:
        """The :class:`~sockio_gevent.Listener` that it belongs to."""
        return self.__listener

    @property
    def session_id(self) -> str:
        """The secret by which the client is known.

        Whoever has it can act as this client, so keep it out of logs and other
        clients' pages.
        """
        return self.__session.session_id

    @property
    def transport(self) -> str:
        """The name of the transport in use, or used last."""
        return self.__session.transport

    @property
    def environ(self) -> dict[str, Any]:
        """The WSGI environ of the request that opened the session, with an empty input."""
        return self.__session.environ

    @property
    def connected(self) -> bool:
        """Whether the session lives; true also while the client is away for a moment."""
        return self.__session.ending is None

    @property
    def connections(self) -> int:
        """How many requests have carried the session: one for a WebSocket, one for each poll."""
        return self.__session.connections

    @property
    def identity(self) -> Any:
        """What the option ``authorize`` has returned, if that was not ``True``.

        ``None`` without that option. An application may set it.
        """
        return self.__session.identity

    @identity.setter
    def identity(self, identity: Any) -> None:
        self.__session.identity = identity

    @property
    def disconnect_reason(self) -> str | None:
        """Why the session has ended, one of the names in ``stats()["closes"]``.

        ``None`` while it is connected.
        """
        end = self.__session.ending
        return None if end is None else end.reason.value

    def send(self, message: Any) -> None:
        """Send a message to this client.

        It never blocks: the message leaves when the loop's tick ends, in one
        write with all others of this tick. What the client does not take is
        kept, up to ``max_buffer``; beyond that the session is closed. To a
        session that has ended nothing is sent. Any thread may call it; messages of
        one thread arrive in the order in which it has sent them.

        Args:
            message: a ``str``, or anything with a JSON form.

        Raises:
            TypeError: if the message has no JSON form.
            ValueError: if it is NaN, holds itself, or is over ``max_buffer``.
        """
        session = self.__session
        packet = session.dialect.encode(message)
        if this_thread.hub is session.loop.hub:  # as mostly, and this is done for each message
            _send(session, packet)
        else:
            session.loop.call(_send, session, packet)

    def broadcast(self, message: Any) -> None:
        """Send a message to all other clients; see :meth:`send`."""
        self.__listener.broadcast(message, exclude=self.session_id)

    def disconnect(self) -> None:
        """End the session. What was sent before goes out if the client is there to take it.

        Messages that wait for their handlers are dropped, unless the client was told
        that they were taken. Does not wait: ``disconnect`` fires after the handler that is
        running now. Any thread may call it.
        """
        self.__session.loop.call(self.__session.end, _BY_APPLICATION)

    @staticmethod
    def __session_of(client: Client) -> Session:
        """The session of a client."""
        return client.__session


# No method: the session is out of the reach of applications.
session_of: Callable[[Client], Session] = Client._Client__session_of  # type: ignore[attr-defined]


def _send(session: Session, packet: Packet) -> None:
    if session.ending is None:
        session.loop.traffic.messages_out += 1
        session.enqueue(packet)
