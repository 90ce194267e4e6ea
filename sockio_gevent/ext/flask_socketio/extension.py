"""``SocketIO``: an application's handlers, and what it sends."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import flask
import gevent

import sockio_gevent as io

from .dispatch import Dispatch
from .errors import Reason
from .events import current
from .namespaces import Namespace
from .options import translate
from .registry import ANY, Handler, full_name
from .sending import Sending
from .serving import Serving
from .testing import SocketIOTestClient
from .warn import advise_patching

__all__ = ["SocketIO"]

_ALL = re.compile(r".*", re.DOTALL)
# The values of ``async_mode`` with which handlers may wait there, each in a thread of its own.
_THREADS = ("threading", "eventlet")


class SocketIO(Sending, Serving):
    """The Socket.IO server of a Flask application, with the API of Flask-SocketIO.

    Args:
        app: the application; ``None`` if :meth:`init_app` brings it later.
        manage_session: whether the handlers of a connection share a ``session`` of their own,
            which begins as a copy of that of the page. Otherwise it is Flask's.
        namespaces: the namespaces that clients may connect to, besides those with handlers;
            ``'*'`` for all.
        **options: those of Flask-SocketIO, and those of :func:`sockio_gevent.listen`.

    Attributes:
        listener: the :class:`sockio_gevent.Listener` of the application; ``None`` before there
            is one.
        manage_session: the same as given.

    Raises:
        TypeError: if there is no such option, or its value is of the wrong kind.
        ValueError: if the value of an option makes no sense, or has nothing like it here.
    """

    async_mode = "gevent"
    reason = Reason

    def __init__(self, app: flask.Flask | None = None, **options: Any) -> None:
        super().__init__()
        self.manage_session = True
        self._options: dict[str, Any] = {}
        self._dispatch = Dispatch(self)
        if app is None:
            self._options.update(options)
        else:
            self.init_app(app, **options)

    def init_app(self, app: flask.Flask | None, **options: Any) -> None:
        """Take an application, which has its handlers from now on.

        Args:
            app: the application. ``None`` only keeps the options.
            **options: see :class:`SocketIO`.

        Raises:
            TypeError, ValueError: see :class:`SocketIO`.
        """
        self._options.update(options)
        self.manage_session = self._options.pop("manage_session", self.manage_session)
        if app is None:
            return
        given = dict(self._options)
        mode = given.get("async_mode")
        if mode in _THREADS and advise_patching(f"async_mode={mode!r} has no effect"):
            self._is_advised = True
        accepted = given.pop("namespaces", None) or ()
        self.listener = io.listen(app, **translate(given))
        self.app = app
        app.extensions["socketio"] = self
        for name in {"/", *([accepted] if isinstance(accepted, str) else accepted)}:
            self._dispatch.open(full_name(name))
        self._dispatch.open_all()

    @property
    def server(self) -> Any:
        """Nothing: there is no server of python-socketio."""
        raise AttributeError(
            "SocketIO.server is python-socketio's server, which is not there: SocketIO.listener "
            "is what io.listen() has returned"
        )

    # --- handlers ---

    def on(self, message: str | int, namespace: str | None = None) -> Callable[[Handler], Handler]:
        """Decorate the handler of an event.

        Args:
            message: the name of the event; ``'connect'`` and ``'disconnect'`` are those of the
                server, ``'*'`` is any event without a handler of its own.
            namespace: the name of the namespace, ``'/'`` by default; ``'*'`` is any.
        """

        def decorate(handler: Handler) -> Handler:
            self._dispatch.registry.add(full_name(namespace), message, handler)
            self._dispatch.open_all()
            return handler

        return decorate

    def on_event(self, message: str | int, handler: Handler, namespace: str | None = None) -> None:
        """Set the handler of an event; see :meth:`on`."""
        self.on(message, namespace)(handler)

    def event(self, *arguments: Any, **options: Any) -> Any:
        """Decorate the handler of the event that has the name of the function.

        It may be called with a namespace, as in ``@socketio.event(namespace="/chat")``.
        """
        if len(arguments) == 1 and not options and callable(arguments[0]):
            (handler,) = arguments
            return self.on(handler.__name__)(handler)
        return lambda handler: self.on(handler.__name__, *arguments, **options)(handler)

    def on_error(self, namespace: str | None = None) -> Callable[[Handler], Handler]:
        """Decorate the handler of the exceptions of handlers in a namespace.

        It gets the exception. What it returns is the answer to the client. What it raises is
        logged.
        """

        def decorate(handler: Handler) -> Handler:
            self._check_function(handler)
            self._dispatch.registry.errors[full_name(namespace)] = handler
            return handler

        return decorate

    def on_error_default(self, handler: Handler) -> Handler:
        """Decorate the handler of exceptions in all namespaces without one of their own."""
        self._check_function(handler)
        self._dispatch.registry.default_error = handler
        return handler

    @staticmethod
    def _check_function(handler: Any) -> None:
        if not callable(handler):
            raise ValueError(f"a handler of exceptions is a function, not {handler!r:.80}")

    def on_namespace(self, namespace_handler: Namespace) -> None:
        """Set the object whose methods are the handlers of a namespace.

        Raises:
            ValueError: if it is no :class:`Namespace`.
        """
        if not isinstance(namespace_handler, Namespace):
            raise ValueError(
                f"on_namespace() takes an object of a subclass of Namespace, "
                f"not {namespace_handler!r:.80}"
            )
        namespace_handler.socketio = self
        self._dispatch.registry.classes[full_name(namespace_handler.namespace)] = namespace_handler
        self._dispatch.open_all()

    # --- which clients ---

    def _namespace(self, name: str | None) -> io.Namespace | None:
        """A namespace that clients can be in; ``None`` if there is no such one now."""
        name = full_name(name)
        if name in self._dispatch.opened:
            return self._listener().of(name)
        if ANY in self._dispatch.opened:
            return self._listener().of(_ALL).children.get(name)
        self._listener()
        return None

    def _client(self, sid: str, namespace: str | None) -> io.Client | io.RemoteClient | None:
        """The client with this id; ``None`` if it is not there any more."""
        running = current.get()
        if running is not None and running[:2] == (sid, full_name(namespace)):
            return running.client  # it may be not let in yet
        found = self._namespace(namespace)
        clients = [] if found is None else found.to(sid).clients()
        # Other clients may have joined a room of this name.
        return next((client for client in clients if client.id == sid), None)

    # --- for applications ---

    def start_background_task(
        self, target: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> gevent.Greenlet:
        """Run a function in a greenlet of its own.

        Returns:
            The greenlet, which has ``join()``.
        """
        return gevent.spawn(target, *args, **kwargs)

    def sleep(self, seconds: float = 0) -> None:
        """Let other greenlets run for so many seconds."""
        gevent.sleep(seconds)

    def test_client(
        self,
        app: flask.Flask,
        namespace: str | None = None,
        query_string: str | None = None,
        headers: Any = None,
        auth: Any = None,
        flask_test_client: Any = None,
    ) -> SocketIOTestClient:
        """A client in this process, for tests; see :class:`SocketIOTestClient`."""
        return SocketIOTestClient(
            app, self, namespace, query_string, headers, auth, flask_test_client
        )
