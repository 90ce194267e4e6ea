"""A namespace: its clients, events and middleware, as applications see and use them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar, overload

from .client import Client, Target
from .clients import Clients, Excluded, session_ids
from .events import Emitter, EventName, check_sendable
from .hub.per_hub import thread_lock
from .options.arguments import check_timeout
from .options.callables import callable_problem
from .remote_client import RemoteClient
from .server_side import ServerSide
from .space import Space

__all__ = ["Middleware", "Namespace", "NamespaceEvents", "ParentNamespace"]

Middleware = Callable[[Client], object]
M = TypeVar("M", bound=Middleware)
H = TypeVar("H", bound=Callable[..., Any])

_adding = thread_lock()


class NamespaceEvents(Emitter):
    """The events and the middleware of a namespace, or of several.

    Events: ``clientConnect(client)`` and ``connection(client)`` for a new
    client, ``clientMessage(message, client)``, ``clientDisconnect(client)``. Handlers of events
    of the application's own get the client before the arguments of the event.
    """

    EVENTS: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "connection": ("client",),
        "clientConnect": ("client",),
        "clientMessage": ("message", "client"),
        "clientDisconnect": ("client",),
    }

    def __init__(self) -> None:
        super().__init__()
        self._middleware: tuple[Middleware, ...] = ()

    def use(self, function: M) -> M:
        """Run a function before a client is let in: ``function(client)``.

        The functions run in the order in which they were added. They may block, and may call
        ``client.join()``. What is sent to the client before it is let in is dropped.
        Works as a call and as a decorator.

        Args:
            function: raises :class:`~sockio_gevent.Refused` to refuse the client. Another
                exception refuses it, too, and is logged.

        Raises:
            TypeError: if the function does not take a client, or is ``async`` or a generator.
        """
        problem = callable_problem(function, ("client",))
        if problem:
            raise TypeError(f"{function!r} cannot be middleware: {problem}")
        with _adding:
            self._middleware = (*self._middleware, function)
        return function


class Namespace(NamespaceEvents):
    """The clients that have connected to one name, with their events and rooms.

    ``socket.of("/name")`` returns one; the listener is the one with the name ``/``.

    Args:
        space: what its parts share.
        parent: the namespaces of a pattern that it belongs to; ``None`` for none.
    """

    def __init__(self, space: Space, parent: ParentNamespace | None = None) -> None:
        super().__init__()
        self._space = space
        self._parent = parent
        self._clients = Clients(space)
        self._server_side = ServerSide(space.name)
        space.namespace = self
        space.emitters = (self,) if parent is None else (self, parent)

    def __repr__(self) -> str:
        return f"<Namespace {self._space.name} {len(self._clients)} clients>"

    @property
    def name(self) -> str:
        """Its name, which begins with a slash."""
        return self._space.name

    @property
    def listener(self) -> Any:
        """The :class:`~sockio_gevent.Listener` that it belongs to."""
        return self._space.main.namespace

    @property
    def clients(self) -> Mapping[str, Client]:
        """Its clients by their session ids, also those that are away for a moment.

        These are the clients of this worker; ``to()`` and other targets list those of all.
        Any thread may iterate over them while clients come and go.
        """
        return self._clients

    # --- to its clients ---

    def emit(self, event: EventName, *arguments: Any) -> None:
        """Send an event to all clients; see :meth:`~sockio_gevent.Target.emit`."""
        Target(self._space).emit(event, *arguments)

    def send(self, message: Any) -> None:
        """Send the event ``message`` to all clients; see :meth:`broadcast`."""
        Target(self._space).send(message)

    def broadcast(self, message: Any, exclude: Excluded = None) -> None:
        """Send a message to all clients; it is encoded once. Any thread may call it.

        Args:
            message: a ``str``, or anything with a JSON form, or ``bytes``, which reach clients
                of Socket.IO 1.0 and later.
            exclude: the clients that do not get it: a client, a session id, or
                several of them.

        Raises:
            TypeError: if the message has no such form, or ``exclude`` is something else.
            ValueError: if the message is NaN, holds itself, or is over ``max_buffer``;
                or if a text in ``exclude`` cannot be a session id.
        """
        Target(self._space, excluded=frozenset(session_ids(exclude))).send(message)

    def call(
        self, event: EventName, *arguments: Any, timeout: float | None = 60.0
    ) -> dict[str, Any]:
        """Send an event to all clients, and wait for their answers; see :meth:`Target.call`."""
        return Target(self._space).call(event, *arguments, timeout=timeout)

    def to(self, *rooms: str) -> Target:
        """The clients of these rooms; see :meth:`Target.to`."""
        return Target(self._space).to(*rooms)

    def except_(self, *rooms_or_clients: str | Client | RemoteClient) -> Target:
        """All clients without some; see :meth:`Target.except_`."""
        return Target(self._space).except_(*rooms_or_clients)

    @property
    def volatile(self) -> Target:
        """All clients that can get a message at once; see :attr:`Target.volatile`."""
        return Target(self._space).volatile

    @property
    def local(self) -> Target:
        """The clients of this worker; see :attr:`Target.local`."""
        return Target(self._space).local

    # --- to the other workers ---

    @overload
    def on_server_side(self, event: EventName) -> Callable[[H], H]: ...

    @overload
    def on_server_side(self, event: EventName, handler: H) -> H: ...

    def on_server_side(self, event: EventName, handler: H | None = None) -> H | Callable[[H], H]:
        """Call a handler whenever another worker emits an event by :meth:`server_side_emit`.

        The handler gets the arguments of the event, and no client. It runs in a greenlet of its
        own and may block. Works as a call and as a decorator.

        Args:
            event: the name of the event.
            handler: the function to call; without it, a decorator is returned.

        Raises:
            TypeError: if the handler is ``async`` or a generator.
            ValueError: if the name is reserved.
        """
        if handler is None:
            return self._server_side.on(event)
        return self._server_side.on(event, handler)

    def server_side_emit(self, event: EventName, *arguments: Any) -> None:
        """Let an event happen in this namespace of the other workers, and not in this one.

        Any thread may call it, and it never blocks. If there are no other workers, nothing happens.

        Args:
            event: its name.
            *arguments: JSON values and ``bytes``.

        Raises:
            TypeError: if an argument is neither.
            ValueError: if a value has no form, or all together are too large.
        """
        check_sendable(event)
        if self._space.elsewhere is not None:
            self._space.elsewhere.server_side_emit(self._space.name, event, arguments)

    def server_side_call(
        self, event: EventName, *arguments: Any, timeout: float = 5.0
    ) -> dict[str, Any]:
        """The same as :meth:`server_side_emit`, and wait for what the handlers return.

        Args:
            event: the name of the event.
            *arguments: JSON values and ``bytes``.
            timeout: how many seconds to wait.

        Returns:
            For each other worker, by its name, the first value that is not ``None`` which one
            of its handlers has returned.

        Raises:
            AckTimeout: if a worker has not answered in this time, or has gone. Its attributes
                have the answers that came, and the names of the workers that are missing.
            TypeError, ValueError: see :meth:`server_side_emit`; or if ``timeout`` is no time to
                wait.
        """
        check_sendable(event)
        check_timeout(timeout, or_none=False)
        if self._space.elsewhere is None:
            return {}
        return self._space.elsewhere.server_side_call(self._space.name, event, arguments, timeout)


class ParentNamespace(NamespaceEvents):
    """The namespaces whose names match a pattern: its handlers and its middleware are theirs.

    ``socket.of(re.compile(…))`` returns one. Its namespaces begin when a client asks for
    one of them, and are forgotten when the last client has left.

    Args:
        pattern: the pattern, which the whole name must match.
        main: the main namespace of the listener.
    """

    def __init__(self, pattern: re.Pattern[str], main: Space) -> None:
        super().__init__()
        self.pattern = pattern
        self._main = main
        self._children: dict[str, Namespace] = {}

    def __repr__(self) -> str:
        return f"<ParentNamespace {self.pattern.pattern} {len(self._children)} namespaces>"

    @property
    def children(self) -> Mapping[str, Namespace]:
        """Its namespaces by their names, as they are now."""
        return self._children.copy()

    def emit(self, event: EventName, *arguments: Any) -> None:
        """Send an event to all clients of all its namespaces.

        See :meth:`~sockio_gevent.Target.emit`.
        """
        for child in self.children.values():
            child.local.emit(event, *arguments)
        if self._main.elsewhere is not None:
            # Other workers may have namespaces of the pattern that this one has not.
            check_sendable(event)
            self._main.elsewhere.emit_matching(self.pattern.pattern, event, arguments)

    def send(self, message: Any) -> None:
        """Send the event ``message`` to all clients of all its namespaces."""
        self.emit("message", message)
