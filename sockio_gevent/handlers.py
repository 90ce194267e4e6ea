"""How the handlers of the clients and the namespaces of a listener are run."""

from __future__ import annotations

from contextvars import Context
from typing import Any

import gevent

from .acknowledgements import Callback
from .client import Client, depart
from .client_facts import is_outside, peek, session_of, space_of
from .connecting import connect
from .event_handlers import EventHandlers, Handler
from .events import emit, forget_handlers, log_failure, log_misfit
from .monitoring.reasons import CloseReason, End
from .namespaces import Namespaces

__all__ = ["Handlers"]

_BY_CLIENT = End(CloseReason.CLIENT, "the client has left the namespace")


class Handlers(EventHandlers):
    """Runs the handlers for all that happens to the sessions of one listener.

    Attributes:
        namespaces: all namespaces.
    """

    __slots__ = ("namespaces",)

    def __init__(self) -> None:
        super().__init__()
        self.namespaces: Namespaces

    # --- a client comes ---

    def connect(self, session: Any, wish: tuple[str, Any]) -> None:
        """A session wants to be a client of a namespace."""
        try:
            client = connect(self.namespaces, self.log, self._in_context, session, wish)
            if client is not None:
                if session.has_withdrawn(wish[0]):
                    depart(client, _BY_CLIENT)  # it has left while it was on its way
                self._in_context(self._connected, client)
        except BaseException as error:
            session.broken_off(error)

    def _connected(self, client: Client) -> BaseException | None:
        failure: BaseException | None = None
        for event in ("clientConnect", "connection"):
            for emitter in space_of(client).emitters:
                failure = emit(emitter, self.log, event, client) or failure
        return failure

    # --- it answers ---

    def acknowledged(
        self, session: Any, namespace: str, ack_id: int, arguments: list[Any], cost: int
    ) -> None:
        """A client has answered an event."""
        space = self.namespaces.get(namespace)
        if space is not None and space.client_of(session) is not None:
            awaited = space.pending.take(session, ack_id)
            if awaited is not None:
                awaited.answered(session, arguments, cost)

    def answered(self, session: Any, answer: tuple[Callback, list[Any]]) -> None:
        """A client has answered an event: the callback gets the arguments."""
        callback, arguments = answer
        try:
            self._in_context(self._call_back, callback.client, callback.function, arguments)
        except BaseException as error:
            session.broken_off(error)

    def _call_back(
        self, client: Client, function: Handler, arguments: list[Any]
    ) -> BaseException | None:
        try:
            function(*arguments)
        except (Exception, gevent.Timeout) as error:
            if log_misfit(self.log, "acknowledgement", function, arguments, error):
                return None
            log_failure(client, self.log, "acknowledgement", function, error)
            return error
        return None

    # --- it goes ---

    def leaves(self, session: Any, namespace: str, cost: int) -> None:
        """A client leaves a namespace at once, whatever handlers do; its session goes on.

        Handlers get what it has sent before, and those of ``disconnect`` come behind that.
        """
        client = session.client_in(namespace)
        if client is not None and not is_outside(client):
            depart(client, _BY_CLIENT)
            session.handlers.put(self.departed, client, 0)
        else:
            # It is still on its way in, behind the one that has left before, if there is one.
            session.handlers.put(self._left, namespace, cost)

    def _left(self, session: Any, namespace: str) -> None:
        """A client has left a namespace before it was let in."""
        client = session.client_in(namespace)
        if client is not None:
            if not is_outside(client):
                depart(client, _BY_CLIENT)
            self.departed(session, client)

    def departed(self, session: Any, client: Client) -> None:
        """A client has left its namespace: run its last handlers."""
        space = space_of(client)
        if space.client_of(session) is client:
            space.set_client(session, None)
        try:
            self._end(client)
        except BaseException as error:
            session.broken_off(error)

    def gone(self, session: Any) -> None:
        """A session has just ended."""
        for client in session.clients.values():
            space_of(client).end(session)

    def closed(self, session: Any) -> None:
        """A session has ended, and none of its messages waits any more."""
        failure: BaseException | None = None
        for client in session.clients.values():
            try:
                self._end(client)
            except BaseException as error:
                failure = failure or error
        if failure is not None:
            raise failure

    def _end(self, client: Client) -> None:
        """Run the last handlers of a client."""
        try:
            # They do not inherit the context variables of the code that has ended the session,
            # which may be in a request of Flask.
            Context().run(self._in_context, self._closed, client)
        finally:
            # Handlers mostly refer to their client: without this circle its memory is free at once.
            forget_handlers(client)
            own = peek(client)
            if own is not None and session_of(client).kept:
                # The client is awaited for a while, and sends it again when it comes back.
                own.auth = None
            space_of(client).forget(session_of(client))

    def _closed(self, client: Client) -> BaseException | None:
        failure = emit(client, self.log, "disconnect")
        for emitter in space_of(client).emitters:
            failure = emit(emitter, self.log, "clientDisconnect", client) or failure
        return failure
