"""From the events of the listener to the handlers of the application."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from sockio_gevent import Client, Namespace, Refused

from . import namespaces
from .errors import REJECTED, reason_of
from .events import Waiting, in_request, waiting
from .fitting import call_with_fitting
from .registry import ANY, CONNECT, DISCONNECT, Found, Registry

__all__ = ["Dispatch"]

_ALL = re.compile(r".*", re.DOTALL)


class Dispatch:
    """Calls the handlers of one :class:`SocketIO` for what its clients do.

    Args:
        socketio: the object.

    Attributes:
        opened: the namespaces that clients may connect to; ``'*'`` for all.
        registry: the handlers.
    """

    def __init__(self, socketio: Any) -> None:
        self._socketio = socketio
        self.registry = Registry()
        self.opened: set[str] = set()
        self._answered: set[tuple[str, str | int]] = set()
        self._waiting: WeakKeyDictionary[Client, Waiting] = WeakKeyDictionary()
        self._listener: Any = None

    def open_all(self) -> None:
        """Let clients connect to all namespaces that have handlers, as soon as there is an app."""
        if self._socketio.listener is None:
            return
        for name in self.registry.namespaces():
            self.open(name)
        for name in self.opened:
            self._answer(name)

    def open(self, name: str) -> None:
        """Let clients connect to a namespace."""
        if self._listener is not self._socketio.listener:
            self._listener = self._socketio.listener
            self.opened.clear()
            self._answered.clear()
        if name in self.opened:
            return
        self.opened.add(name)
        namespace = self._of(name)
        namespace.use(self._only_for(name, self._connect))
        namespace.on("connection", self._only_for(name, self._in))
        namespace.on("clientDisconnect", self._only_for(name, self._gone))
        namespace.on_any(self._only_for(name, partial(self._unanswered, name)))
        self._answer(name)

    def _of(self, name: str) -> Any:
        return self._listener.of(_ALL if name == ANY else name)

    def _only_for(self, name: str, handle: Callable[..., Any]) -> Callable[..., Any]:
        """A function of a client that does nothing for the clients of other namespaces.

        A namespace that has been named is not one of ``'*'`` as well.
        """

        def handle_own(client: Client, *arguments: Any) -> Any:
            if name == ANY and client.namespace.name in self.opened:
                return None
            return handle(client, *arguments)

        return handle_own

    def _answer(self, name: str) -> None:
        """Let the handlers that have a name answer the events of clients."""
        for event in set(self.registry.events(name)):
            # Clients may send events with the names of the library's; these are not the same.
            if (name, event) in self._answered or event in Namespace.EVENTS:
                continue
            if event in (CONNECT, DISCONNECT):
                continue
            self._answered.add((name, event))
            self._of(name).on(event, self._only_for(name, partial(self._event, event)))

    # --- what clients do ---

    def _connect(self, client: Client) -> None:
        """Middleware: the handler of ``connect`` decides."""
        found = self.registry.find(client.namespace.name, CONNECT)
        if found is None:
            return
        waits = Waiting()
        token = waiting.set(waits)
        try:
            answer = self._run(client, found, CONNECT, (client.auth or None,))
        except BaseException:
            waits.release()
            raise
        finally:
            waiting.reset(token)
        if answer is False:
            waits.release()
            raise Refused(REJECTED)
        self._waiting[client] = waits

    def _in(self, client: Client) -> None:
        """The client has been let in."""
        waits = self._waiting.pop(client, None)
        if waits is not None:
            waits.release()

    def _gone(self, client: Client) -> None:
        found = self.registry.find(client.namespace.name, DISCONNECT)
        if found is not None:
            reason = reason_of(client.disconnect_reason)
            self._run(client, found, DISCONNECT, (reason,))

    def _event(self, event: str | int, client: Client, *arguments: Any) -> Any:
        found = self.registry.find(client.namespace.name, event)
        return None if found is None else self._run(client, found, event, arguments)

    def _unanswered(self, name: str, client: Client, event: str | int, *arguments: Any) -> None:
        """An event whose name no handler has; one for all names may take it."""
        if (name, event) not in self._answered:
            self._event(event, client, *arguments)

    def answered(self, client: Client, callback: Callable[..., Any], *arguments: Any) -> Any:
        """The client has answered an event."""
        return self._run(client, Found(callback), None, arguments)

    # --- how a handler runs ---

    def _run(
        self, client: Client, found: Found, event: str | int | None, arguments: tuple[Any, ...]
    ) -> Any:
        if found.takes_name:
            arguments = (event, *arguments)
        socketio = self._socketio
        with in_request(socketio.app, client, event, arguments, socketio.manage_session):
            try:
                return self._call(client, found, event, arguments)
            except Refused:
                raise  # the client is not let in
            except Exception as error:
                handler = self.registry.error_handler(client.namespace.name)
                if handler is None:
                    raise
                return handler(error)

    def _call(
        self, client: Client, found: Found, event: str | int | None, arguments: tuple[Any, ...]
    ) -> Any:
        handler = found.handler
        if isinstance(handler, namespaces.Namespace):
            environ = (client.environ,) if event == CONNECT else ()
            return handler.trigger_event(event or "", client.id, *environ, *arguments)
        if event in (CONNECT, DISCONNECT):
            return call_with_fitting(handler, arguments)
        return handler(*arguments)
