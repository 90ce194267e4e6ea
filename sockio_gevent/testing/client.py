"""The client for tests, as tests see and use it: how it connects, and leaves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from ..listener import Listener
from ..monitoring.reasons import CloseReason, End
from ..options.arguments import check_timeout
from ..options.suggestions import did_you_mean
from ..options.transport_options import KNOWN_TRANSPORTS
from ..server.http.request import Refusal
from ..session.session import Session
from ..wire.json_text import encode_json
from .conversation import Conversation
from .environ import environ_of
from .errors import Disconnected, Refused
from .links import link_for

__all__ = ["Client"]

_LEAVES = End(CloseReason.CLIENT, "the client has left")


class Client(Conversation):
    """A client of a listener that runs in the same process.

    When it has been made, it is connected, and the handlers of ``connection`` have
    run. It takes at once what is sent to it, and answers heartbeats by itself. It
    needs no server and no monkey-patching. All greenlets of one thread may use it.
    As a context manager it disconnects in the end::

        with Client(listener) as client:
            client.send("hello")
            assert client.receive() == "welcome"

    As a client of Socket.IO it can emit events, answer them, and connect to namespaces::

        with Client(listener, dialect="socket.io", auth={"token": "secret"}) as client:
            assert client.call("chat", "hello", "lobby") == "delivered"
            assert client.receive() == ("chat", "welcome to the lobby")

    Args:
        listener: the result of :func:`sockio_gevent.listen`.
        dialect: the name of the dialect that it speaks, ``'classic'`` or ``'socket.io'``
            (as a client of Socket.IO 4); ``None`` for the first in the option ``dialects``.
        namespace: the namespace that it connects to; only with ``'socket.io'``.
        auth: what it sends when it connects to it, as the option ``auth`` of browser clients.
        transport: the name of the transport that it pretends to use. The session has
            the times of this transport.
        environ: more keys for the WSGI environ of its request, such as
            ``HTTP_COOKIE``, ``HTTP_ORIGIN`` or ``REMOTE_ADDR``.
        raise_exceptions: whether the first exception of a handler is raised by the
            method that made the handler run. An exception of a ``disconnect``
            handler may be raised by the next method. All exceptions are logged, too.

    Attributes:
        session: the client, as the handlers of ``connection`` receive it.
        session_id: the id of the session, as the client was told it.

    Raises:
        Refused: if the listener refuses the client: because of its origin, of the
            options ``authorize`` or ``same_peer``, of a transport that is not
            enabled, of middleware, or because the listener has been closed.
        Disconnected: if a handler of ``connection`` has disconnected it.
        TypeError: if ``listener`` is not a listener, or a namespace is given for a client
            that has none.
        ValueError: if there is no such transport or dialect.
    """

    session_id: str

    _leaves_alone = False  # whether to disconnect it leaves the session alone

    def __init__(
        self,
        listener: Listener,
        *,
        dialect: str | None = None,
        namespace: str = "/",
        auth: Any = None,
        transport: str = "websocket",
        environ: Mapping[str, Any] | None = None,
        raise_exceptions: bool = True,
    ) -> None:
        if not isinstance(listener, Listener):
            raise TypeError(f"a Client takes what listen() has returned, not {listener!r:.80}")
        _check("transport", transport, KNOWN_TRANSPORTS)
        name = listener.options.dialects[0] if dialect is None else dialect
        _check("dialect", name, listener.options.dialects)
        if name == "engine.io":
            raise ValueError("there is no client for tests that speaks bare Engine.IO")
        if name == "classic" and namespace != "/":
            raise TypeError("a client of the dialect 'classic' has no namespace")
        self._failures: list[BaseException] | None = [] if raise_exceptions else None
        given = dict(environ or {})
        if name == "classic" and auth is not None:
            given.setdefault("QUERY_STRING", f"auth={quote(encode_json(auth))}")
        complete = environ_of(given, listener.options.resource, transport)
        try:
            session = listener.open_session(transport, complete, _start_no_response, name)
        except Refusal as refusal:
            # If the option 'authorize' has failed, its exception is the cause.
            raise Refused(refusal.status, refusal.text) from refusal.__cause__
        self._session = session
        self._namespace = namespace
        self._link = link_for(session.dialect, transport, session)
        if name == "classic":
            # Behind the call that makes the client, and before whatever ends the session.
            session.handlers.put(self._found, None, 0)
        session.attach(self._link)
        try:
            with self._noting_failures():
                session.run_handlers()
            self.session_id = self._link.queues["/"].get()
            if name == "classic":
                self._raise_if_left_out()
            else:
                self._connect(auth)
        except BaseException:
            session.end(End(CloseReason.CLIENT, "the client gave up connecting"))
            raise
        if self._failures:
            self.disconnect()

    def _connect(self, auth: Any) -> None:
        """Connect to the namespace."""
        payloads = self._link.wish(self._namespace, auth)
        queue = self._link.queues[self._namespace]
        with self._noting_failures():
            self._session.receive(payloads)
            self._session.handlers.put(self._found, None, 0)
            self._session.run_handlers()
        answer = queue.get()
        if isinstance(answer, Refused):
            self._raise_failure()
            raise answer
        self._raise_if_left_out()

    def connect(self, namespace: str, auth: Any = None) -> Client:
        """Connect to another namespace, in the same session.

        Args:
            namespace: its name.
            auth: what the client sends when it connects.

        Returns:
            The client in that namespace. To disconnect it leaves the session alone.

        Raises:
            Refused, Disconnected, TypeError: see :class:`Client`.
        """
        other: Client = object.__new__(type(self))
        vars(other).update(vars(self))
        del other.session
        other._namespace = namespace
        other._leaves_alone = True
        other._connect(auth)
        other._raise_failure()
        return other

    def cut(self) -> None:
        """Cut the connection, as a broken network does. The handlers of ``disconnect`` run."""
        self._session.end(End(CloseReason.LOST, "the connection was cut"))
        self._session.handlers.wait_done(None)
        self._raise_failure()

    def come_back(self) -> Client:
        """Come back after a cut, in a new session; see the option ``recovery``.

        Returns:
            The new client, whose ``session.recovered`` is true if it goes on where this one was.

        Raises:
            TypeError: if the server has not offered that to the client.
            Refused, Disconnected: see :class:`Client`.
        """
        seen = getattr(self._link, "seen", {}).get(self._namespace)
        if seen is None:
            raise TypeError("the listener does not have the option 'recovery' for this client")
        client = Client(
            self.session.listener,
            dialect=self._session.dialect.name,
            namespace=self._namespace,
            auth=dict(seen),
            transport=self._link.transport,
            raise_exceptions=self._failures is not None,
        )
        if "offset" in seen:
            # As released clients do: until it sees another event, it shows the same one.
            client._link.seen[self._namespace].setdefault("offset", seen["offset"])  # type: ignore[attr-defined]
        return client

    def disconnect(self, timeout: float | None = 10.0) -> None:
        """Disconnect, and wait until the handlers of ``disconnect`` have run.

        The session ends at once, without its ``close_timeout``. A client that has connected
        by :meth:`~sockio_gevent.testing.Client.connect` leaves its namespace only. If it has
        ended already, this only waits for the handlers. A handler of this session must not
        call it, because it would wait for itself.

        Args:
            timeout: how long to wait for the handlers, in seconds; ``None`` waits for ever.

        Raises:
            TimeoutError: if the handlers take longer; they go on running.
            Exception: the exception of a handler.
        """
        check_timeout(timeout)
        payloads = self._link.leave(self._namespace)
        if payloads and self._session.connected and self.session.connected:
            self._session.receive(payloads)
            self._session.start_handlers()
        if not self._leaves_alone or not self._session.connected:
            self._session.end(_LEAVES)
        if not self._session.handlers.wait_done(timeout):
            raise TimeoutError(f"the handlers of {self!r} have not ended within {timeout} s")
        self._raise_failure()

    def leave(self, timeout: float | None = 10.0) -> None:
        """Leave the namespace; the session goes on, with the clients in other namespaces.

        Args:
            timeout: see :meth:`disconnect`.

        Raises:
            TypeError: if the client has no namespaces.
            TimeoutError, Exception: see :meth:`disconnect`.
        """
        check_timeout(timeout)
        if not self._link.leave(self._namespace):
            raise TypeError("a client of the dialect 'classic' has no namespaces to leave")
        self._leaves_alone = True
        self.disconnect(timeout)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, *exception: object) -> None:
        try:
            self.disconnect()
        except Exception:
            # The test must show the first error.
            if kind is None:
                raise

    def _found(self, session: Session, _: None) -> None:
        client = session.client_in(self._namespace)
        if client is not None:
            self.session = client

    def _raise_if_left_out(self) -> None:
        """Raise an error if there is no client, because it was refused or disconnected."""
        if hasattr(self, "session"):
            return
        self._raise_failure()
        if self._session.dialect.name == "classic":
            raise Refused("", self._link.reason)
        raise Disconnected(self._reason)


def _check(kind: str, name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise ValueError(f"no {kind} {name!r}: {did_you_mean(str(name), known)}")


def _start_no_response(*arguments: object) -> Any:
    raise AssertionError("a request without a transport has no response")
