"""The test client of Flask-SocketIO, upon the one of this package."""

from __future__ import annotations

from typing import Any

import flask
import gevent
from flask.testing import EnvironBuilder

from sockio_gevent.testing import Client, Disconnected, Refused

__all__ = ["SocketIOTestClient"]


class SocketIOTestClient:
    """A client in this process. When it has been made, it has tried to connect.

    An exception of a handler is raised by the method that has made the handler run.

    Args:
        app: the application.
        socketio: its :class:`SocketIO`.
        namespace: the namespace to connect to, ``'/'`` by default.
        query_string: the query of its request.
        headers: the headers of its request.
        auth: what it sends when it connects.
        flask_test_client: Flask's client for tests, whose cookies it has.

    Attributes:
        app, socketio, flask_test_client: the same as given.
        eio_sid: the id of its session; ``None`` if it was refused.
    """

    def __init__(
        self,
        app: flask.Flask,
        socketio: Any,
        namespace: str | None = None,
        query_string: str | None = None,
        headers: Any = None,
        auth: Any = None,
        flask_test_client: Any = None,
    ) -> None:
        self.app = app
        self.socketio = socketio
        self.flask_test_client = flask_test_client
        self.eio_sid: str | None = None
        self._clients: dict[str, Client] = {}
        self.connect(namespace, query_string, headers, auth)

    def connect(
        self,
        namespace: str | None = None,
        query_string: str | None = None,
        headers: Any = None,
        auth: Any = None,
    ) -> None:
        """Connect to a namespace, or to one more.

        Args:
            namespace: its name, ``'/'`` by default.
            query_string: the query of the first request; later ones are without effect.
            headers: the headers of the first request; later ones are without effect.
            auth: what it sends.
        """
        name = namespace or "/"
        try:
            others = [client for client in self._clients.values() if client.connected]
            if others:
                self._clients[name] = others[0].connect(name, auth)
                return
            self._clients[name] = Client(
                self.socketio.listener,
                dialect="socket.io",
                namespace=name,
                auth=auth,
                environ=self._environ(query_string, headers),
            )
            self.eio_sid = self._clients[name].session_id
        except (Refused, Disconnected):
            self._clients.pop(name, None)

    def _environ(self, query_string: str | None, headers: Any) -> dict[str, Any]:
        """The WSGI environ of its request."""
        client = self.flask_test_client
        builder = EnvironBuilder(
            self.app,
            path=f"/{self.socketio.listener.options.resource}/",
            query_string=(query_string or "").removeprefix("?"),
            headers=headers,
            environ_base=None if client is None else client.environ_base,
        )
        environ = builder.get_environ()
        if client is not None:
            # Werkzeug has no public way to get all cookies of a client.
            client._add_cookies_to_wsgi(environ)
        return environ

    def is_connected(self, namespace: str | None = None) -> bool:
        """Whether it is in a namespace."""
        client = self._clients.get(namespace or "/")
        return client is not None and client.connected

    def _client(self, namespace: str | None) -> Client:
        if not self.is_connected(namespace):
            raise RuntimeError(f"the client is not connected to {namespace or '/'}")
        return self._clients[namespace or "/"]

    def disconnect(self, namespace: str | None = None) -> None:
        """Leave a namespace; with the last one, the session ends.

        Raises:
            RuntimeError: if it is not connected to it.
        """
        client = self._client(namespace)
        del self._clients[namespace or "/"]
        if any(each.connected for each in self._clients.values()):
            client.leave()
        else:
            client.disconnect()

    def emit(
        self,
        event: str,
        *args: Any,
        callback: bool = False,
        namespace: str | None = None,
        **others: Any,
    ) -> Any:
        """Send an event, and run its handler.

        Args:
            event: its name.
            *args: its arguments.
            callback: whether to ask for an answer.
            namespace: the name of the namespace, ``'/'`` by default.
            **others: without effect.

        Returns:
            The answer: the value if there is one, a list of them if there are several.
            ``None`` if there is none, or if no answer was asked for.

        Raises:
            RuntimeError: if it is not connected to the namespace.
        """
        client = self._client(namespace)
        if not callback:
            client.emit(event, *args)
            return None
        try:
            answer = client.call(event, *args)
        except TimeoutError:
            return None
        return list(answer) if isinstance(answer, tuple) else answer

    def send(
        self,
        data: Any,
        json: bool = False,
        callback: bool = False,
        namespace: str | None = None,
    ) -> Any:
        """Send the event ``message``, or ``json``; see :meth:`emit`."""
        event = "json" if json else "message"
        return self.emit(event, data, callback=callback, namespace=namespace)

    def get_received(self, namespace: str | None = None) -> list[dict[str, Any]]:
        """The events that have come since the last call.

        Returns:
            For each a dict with ``name``, ``args`` and ``namespace``. ``args`` is a list, but
            of ``message`` and ``json`` it is the argument itself.

        Raises:
            RuntimeError: if it is not connected to the namespace.
        """
        client = self._client(namespace)
        # What greenlets that have just begun send comes with the next iteration of the loop.
        gevent.sleep(0)
        received: list[dict[str, Any]] = []
        while True:
            try:
                event = client.receive(timeout=0)
            except (TimeoutError, Disconnected):
                return received
            arguments: Any = list(event.arguments)
            if event.name in ("message", "json"):
                arguments = arguments[0] if arguments else None
            received.append({"name": event.name, "args": arguments, "namespace": namespace or "/"})
