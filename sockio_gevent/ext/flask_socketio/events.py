"""How a handler runs: in a request context of Flask, which knows the client and the event."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

import flask
from flask.sessions import SessionMixin

from sockio_gevent import Client

__all__ = ["Current", "Waiting", "current", "in_request", "waiting"]

# In the environ of the opening request: the session that the handlers of its client share.
_SAVED = "sockio_gevent.flask_session"


class ManagedSession(dict[str, Any], SessionMixin):
    """The ``session`` of the handlers of one connection: a copy of that of its first request."""


class Current(NamedTuple):
    """The client whose handler runs.

    Attributes:
        sid: its id.
        namespace: the name of its namespace.
        client: the client.
    """

    sid: str
    namespace: str
    client: Client


class Waiting:
    """What a ``connect`` handler sends: it leaves as soon as the client is let in."""

    def __init__(self) -> None:
        self._sendings: list[Callable[[], object]] | None = []

    def send(self, sending: Callable[[], object]) -> None:
        """Send something, later if the client is not in yet."""
        if self._sendings is None:
            sending()
        else:
            self._sendings.append(sending)

    def release(self) -> None:
        """The client is in, or is refused: send all of it."""
        sendings, self._sendings = self._sendings, None
        for sending in sendings or ():
            sending()


#: The client whose handler runs; ``None`` outside of handlers.
current: ContextVar[Current | None] = ContextVar("current", default=None)
#: What waits until the client is let in whose ``connect`` handler runs.
waiting: ContextVar[Waiting | None] = ContextVar("waiting", default=None)


@contextmanager
def in_request(
    app: flask.Flask,
    client: Client,
    event: str | int | None,
    arguments: tuple[Any, ...],
    manage_session: bool,
) -> Iterator[None]:
    """Make a request context for a handler.

    ``request.sid``, ``request.namespace`` and ``request.event`` say what it is about.

    Args:
        app: the application.
        client: the client.
        event: the name of the event; ``None`` for the answer to an event.
        arguments: its arguments.
        manage_session: whether the handlers of a connection share a session of their own.
            Otherwise it is Flask's, which is saved as after a request.
    """
    environ = client.environ
    of_client = Current(client.id, client.namespace.name, client)
    with app.request_context(environ) as context:
        if manage_session:
            if _SAVED not in environ:
                environ[_SAVED] = ManagedSession(flask.session)
            # Flask 3.1.3 and newer have a property without a setter.
            name = "_session" if hasattr(context, "_session") else "session"
            setattr(context, name, environ[_SAVED])
        request: Any = flask.request
        request.sid = of_client.sid
        request.namespace = of_client.namespace
        request.event = {"message": event, "args": arguments}
        token = current.set(of_client)
        try:
            yield
        finally:
            current.reset(token)
        if not manage_session and getattr(flask.session, "modified", True):
            session: Any = flask.session
            saved = session._get_current_object()
            app.session_interface.save_session(app, saved, app.response_class())
