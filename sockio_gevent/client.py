"""One client, as applications see and use it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from .acknowledgements import Callback
from .asking import ask
from .client_facts import (
    NOT_LET_IN,
    ClientFacts,
    has_left,
    is_outside,
    own_of,
    peek,
    session_of,
    space_of,
)
from .errors import AckTimeout, Disconnected
from .events import EventName, check_sendable
from .monitoring.reasons import CloseReason, End
from .options.arguments import check_callback, check_timeout
from .remote_client import RemoteClient
from .rooms import room_names
from .target import BaseTarget

__all__ = ["Client", "Target", "depart", "session_of"]

_BY_APPLICATION = End(CloseReason.APPLICATION, "disconnected by the application")


class Client(ClientFacts):
    """A connected client. Handlers of ``connection`` receive it; applications do not make one.

    Events: ``message(message)`` for each message from the client, ``disconnect()``
    once, when it has left, and events of the application's own, which the client sends.

    An application may set its own attributes, of any name that this class does not define.
    Type checkers know none of them, and find misspelt names for that; :attr:`data` is the place
    for values that they shall take.

    Args:
        session: its session.
        space: its namespace.
    """

    __slots__ = ()

    EVENTS: ClassVar[Mapping[str, tuple[str, ...]]] = {"message": ("message",), "disconnect": ()}

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
        # Every message comes here, and attributes are faster than calls.
        session = self._ClientFacts__session  # type: ignore[attr-defined]
        space = self._ClientFacts__space  # type: ignore[attr-defined]
        own = self._ClientFacts__own  # type: ignore[attr-defined]
        if space.notes_events or (own is not None and own.outside is not None):
            Client.emit(self, "message", message)
            return
        session.send_message(space.name, message)

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
            TypeError: if an argument has no such form, if ``callback`` cannot be called or is
                ``async``, or if it is given and the client cannot acknowledge events.
            ValueError: if the name is reserved, or if a value has no form.
        """
        check_sendable(event)
        check_callback(callback)
        session, space = session_of(self), space_of(self)
        if callback is None and space.recovery is not None and session.dialect.recovers:
            space.send(event, arguments, [] if is_outside(self) else [session])
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
            session.loop.call(session.enqueue_all, packets)
            if space.watcher is not None:
                space.watcher.sent(event, arguments, (session,))

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
            TypeError, ValueError: see :meth:`emit`; or if ``timeout`` is no time to wait.
        """
        check_sendable(event)
        check_timeout(timeout)
        self.__check_acknowledges("call()")
        asked = {} if has_left(self) else {session_of(self): self.id}
        try:
            answers = ask(space_of(self), asked, event, arguments, timeout)
        except AckTimeout as error:
            if not has_left(self):
                raise error from None
            answers = {}
        if not answers:
            raise Disconnected(f"{self!r} has left without an answer to {event!r}")
        return answers[self.id]

    def __check_acknowledges(self, what: str) -> None:
        dialect = session_of(self).dialect
        if not dialect.acknowledges:
            raise TypeError(
                f"{what} needs a client that acknowledges events, and those of the dialect "
                f"{dialect.name!r} do not: send it, and let the client send an answer"
            )

    # --- whom it can reach ---

    def to(self, *rooms: str) -> Target:
        """The clients of these rooms, without this one; see :meth:`Target.to`."""
        return self.broadcast.to(*rooms)

    def except_(self, *rooms_or_clients: str | Client | RemoteClient) -> Target:
        """All other clients, without some; see :meth:`Target.except_`."""
        return self.broadcast.except_(*rooms_or_clients)

    @property
    def broadcast(self) -> Target:
        """All other clients of the namespace. ``client.broadcast(message)`` sends to them."""
        return Target(space_of(self), excluded=frozenset((session_of(self).session_id,)))

    @property
    def volatile(self) -> Target:
        """This client, if it can get a message at once; see :attr:`Target.volatile`."""
        alone = frozenset((session_of(self).session_id,))
        return Target(space_of(self), rooms=(), included=alone, volatile=True, local=True)

    # --- where it is ---

    def join(self, *rooms: str) -> None:
        """Join rooms; any thread may call it. If the client has left, nothing happens.

        Raises:
            TypeError: if the name of a room is no string.
            ValueError: if it would be in more than ``max_rooms_per_client``.
        """
        names = room_names(rooms)
        if not self.__is_gone():
            space_of(self).rooms.join(session_of(self), names)

    def leave(self, *rooms: str) -> None:
        """Leave rooms; it may be in none of them. It stays in the room of its own id.

        Raises:
            TypeError: if the name of a room is no string.
        """
        names = room_names(rooms)
        if not self.__is_gone():
            space_of(self).rooms.leave(session_of(self), names)

    def __is_gone(self) -> bool:
        """Whether it has left. While middleware runs, it may join rooms."""
        own = peek(self)
        return own is not None and own.outside not in (None, NOT_LET_IN)

    def disconnect(self, close: bool = False) -> None:
        """Let the client leave its namespace. It gets what was sent before, if it has a connection.

        For clients of Socket.IO 0.5 and 0.6, which have no namespaces, this ends the session.
        Messages from the client that still wait for handlers are dropped, except those
        that the client was told were taken. It does not wait: ``disconnect`` fires after
        the handler that is running now. Any thread may call it.

        Args:
            close: whether to end the session, with its clients in all namespaces.
        """
        session_of(self).loop.call(_disconnect, self, close)


class Target(BaseTarget[Client | RemoteClient]):
    """Clients of one namespace, chosen anew for each message.

    ``socket.to("room")``, ``client.to("room")``, ``client.broadcast`` and others return one.
    A target never changes: its methods return a new one. It can be kept.
    """

    __slots__ = ()


def depart(client: Client, end: End) -> None:
    """A client leaves its namespace, and its session goes on. Call it in the session's thread.

    It stays the one that gets what its peer has sent before. That, and the handlers of
    ``disconnect``, are left to the caller.
    """
    own_of(client).outside = end
    space_of(client).leave(session_of(client))


def _disconnect(client: Client, close: bool) -> None:
    session, space, own = session_of(client), space_of(client), own_of(client)
    if session.ending is not None or (not close and own.outside not in (None, NOT_LET_IN)):
        return
    packets = session.dialect.left(space.name)
    if close or not packets:
        # A client that is told that it has to leave does not connect again by itself.
        for name, each in session.clients.items() if close else ():
            for packet in () if is_outside(each) else session.dialect.left(name):
                session.enqueue(packet)
        session.end(_BY_APPLICATION)
    elif own.outside is NOT_LET_IN:
        own.outside = _BY_APPLICATION  # it is refused when the middleware has run
    else:
        depart(client, _BY_APPLICATION)
        space.set_client(session, None)
        session.put_out(space.name)
        for packet in packets:
            session.enqueue(packet)
        session.handlers.put(space.runner.departed, client, 0)
        session.start_handlers()
