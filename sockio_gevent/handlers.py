"""How the handlers of a listener and of its clients are run."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context
from typing import Any

import gevent

from .events import Emitter, emit, forget_handlers, handlers_of, log_failure
from .monitoring.throttled_log import ThrottledLog
from .options.listener_options import Context as HandlerContext
from .session.session_host import Receiver

__all__ = ["Handlers"]

Run = Callable[..., "BaseException | None"]


class Handlers(Receiver):
    """Runs the handlers for the events of the sessions of one listener.

    Args:
        listener: the listener. Its handlers run, and those of its clients.

    Attributes:
        context: the option ``context``: handlers run inside it. ``None`` if there is none.
        log: the throttled log, for handlers that fail.
    """

    __slots__ = ("_listener", "context", "log")

    def __init__(self, listener: Emitter) -> None:
        self._listener = listener
        self.context: HandlerContext | None = None
        self.log: ThrottledLog

    def connect(self, session: Any, wish: tuple[str, Any]) -> None:
        """A new client has connected."""
        try:
            self._in_context(self._opened, session.client)
        except BaseException as error:
            session.broken_off(error)

    def received(self, session: Any, message: Any) -> None:
        """A client has sent a message."""
        session.loop.traffic.messages_in += 1
        try:
            client = session.client
            if self.context is not None:
                self._in_context(self._received, client, message)
                return
            # The same as _received, without its calls: every message comes here.
            for handler in handlers_of(client, "message"):
                try:
                    handler(message)
                except (Exception, gevent.Timeout) as error:
                    log_failure(client, self.log, "message", handler, error)
            listener = self._listener
            for handler in handlers_of(listener, "clientMessage"):
                try:
                    handler(message, client)
                except (Exception, gevent.Timeout) as error:
                    log_failure(listener, self.log, "clientMessage", handler, error)
        except BaseException as error:
            session.broken_off(error)

    def event(self, session: Any, event: tuple[str, str | int, list[Any], int | None]) -> None:
        """A client has sent an event."""
        raise NotImplementedError

    def left(self, session: Any, namespace: str) -> None:
        """A client has left a namespace."""
        raise NotImplementedError

    def acknowledged(
        self, session: Any, namespace: str, ack_id: int, arguments: list[Any], cost: int
    ) -> None:
        """A client has answered an event."""
        raise NotImplementedError

    def gone(self, session: Any) -> None:
        """A session has just ended."""

    def closed(self, session: Any) -> None:
        """A session has ended: the handlers of its client come first."""
        # They do not inherit the context variables of the code that has ended the session,
        # which may be in a request of Flask.
        Context().run(self._in_context, self._closed, session.client)
        # Handlers mostly refer to their client: without this circle its memory is free at once.
        forget_handlers(session.client)

    def _opened(self, client: Emitter) -> BaseException | None:
        failure = emit(self._listener, self.log, "clientConnect", client)
        return emit(self._listener, self.log, "connection", client) or failure

    def _received(self, client: Emitter, message: Any) -> BaseException | None:
        failure = emit(client, self.log, "message", message)
        return emit(self._listener, self.log, "clientMessage", message, client) or failure

    def _closed(self, client: Emitter) -> BaseException | None:
        failure = emit(client, self.log, "disconnect")
        return emit(self._listener, self.log, "clientDisconnect", client) or failure

    def _in_context(self, run: Run, client: Emitter, *arguments: Any) -> None:
        """Run handlers inside the option ``context``."""
        if self.context is None:
            run(client, *arguments)
            return
        failure: BaseException | None = None
        try:
            with self.context():
                failure = run(client, *arguments)
                if failure is not None:
                    # It has been logged; the context must see it, too.
                    raise failure
        except (Exception, gevent.Timeout) as error:
            if error is not failure:
                self.log.exception("context", "the context of a handler failed for %r", client)
