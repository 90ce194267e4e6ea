"""One client, as applications see and use it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    """A connected client. Handlers of ``connection`` receive it; applications do not make one.

    Events: ``message(message)`` for each message from the client, ``disconnect()``
    once, when the session has ended.

    An application may set its own attributes, of any name that this class does not define.

    Args:
        session: its session.
        listener: the listener that it belongs to.
    """

    # Both names are mangled, so that no attribute of an application can replace them.
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
        """The secret id of the session.

        Anybody who knows it can act as this client: keep it out of logs and out of
        the pages of other clients.
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
        """Whether the session is alive; also true while the client is away for a moment."""
        return self.__session.ending is None

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
        """Why the session has ended, one of the names in ``stats()["closes"]``.

        ``None`` while it is connected.
        """
        end = self.__session.ending
        return None if end is None else end.reason.value

    def send(self, message: Any) -> None:
        """Send a message to this client.

        It never blocks: the message leaves at the end of this iteration of the
        loop, in one write with all others of the iteration. Messages that the
        client does not take are kept, up to ``max_buffer``; beyond that the session
        ends. If the session has ended, nothing is sent. Any thread may call it; the
        messages of one thread arrive in the order in which it has sent them.

        Args:
            message: a ``str``, or anything with a JSON form.

        Raises:
            TypeError: if the message has no JSON form.
            ValueError: if it is NaN, holds itself, or is over ``max_buffer``.
        """
        session = self.__session
        packets = session.dialect.event("/", "message", (message,))
        if this_thread.hub is session.loop.hub:  # the usual case, and every message comes here
            _send(session, packets)
        else:
            session.loop.call(_send, session, packets)

    def broadcast(self, message: Any) -> None:
        """Send a message to all other clients; see :meth:`send`."""
        self.__listener.broadcast(message, exclude=self.session_id)

    def disconnect(self) -> None:
        """End the session. If the client is connected, it gets what was sent before.

        Messages from the client that still wait for handlers are dropped, except those
        that the client was told were taken. It does not wait: ``disconnect`` fires after
        the handler that is running now. Any thread may call it.
        """
        self.__session.loop.call(self.__session.end, _BY_APPLICATION)

    @staticmethod
    def __session_of(client: Client) -> Session:
        """The session of a client."""
        return client.__session


# Not a method, so that applications cannot reach the session.
session_of: Callable[[Client], Session] = Client._Client__session_of  # type: ignore[attr-defined]


def _send(session: Session, packets: Sequence[Packet]) -> None:
    if session.ending is None:
        session.loop.traffic.messages_out += 1
        for packet in packets:
            session.enqueue(packet)
