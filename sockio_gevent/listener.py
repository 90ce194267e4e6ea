"""The listener: a WSGI application with its clients and the public events."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, overload
from weakref import WeakKeyDictionary

from .adapters.adapter import Adapter
from .adapters.choice import make_adapter
from .adapters.workers_statistics import WorkersStatistics
from .attachment import Attachment, serializer_for
from .dialects.listing import dialects_of
from .handlers import Handlers
from .mounting import mount
from .mounting.workers import make_bus
from .namespace import Namespace, ParentNamespace
from .namespaces import Namespaces
from .options.arguments import check_timeout
from .options.listener_options import Options
from .session.session import Session
from .session.sessions import Sessions
from .space import Languages, Space

__all__ = ["Listener", "listen", "live_listeners"]

_live: WeakKeyDictionary[Listener, None] = WeakKeyDictionary()


#: In place of an argument that was not given; ``None`` is a mistake.
_NOTHING: Any = object()


def listen(server: Any = _NOTHING, **options: Any) -> Listener:
    """Let clients connect to a server or an application.

    Requests for other addresses go on reaching the application.

    Args:
        server: a :class:`gevent.pywsgi.WSGIServer`, whose application and
            handler class are taken over, or any WSGI application. Without it, the listener
            can be given handlers, and :meth:`Listener.attach` brings the application later.
        **options: see :class:`~sockio_gevent.options.listener_options.Options`.

    Returns:
        The listener, which is itself a WSGI application.

    Raises:
        TypeError: if ``server`` is neither, an option does not exist, or its
            value is of the wrong kind.
        ValueError: if the value of an option makes no sense, or the server
            already has a listener at this resource.
    """
    return Listener(server, **options)


def live_listeners() -> list[Listener]:
    """All listeners in this process, the oldest first."""
    return list(_live)


class Listener(Namespace):
    """All sessions of one resource; and the main namespace, ``/``.

    Events: ``clientConnect(client)`` and ``connection(client)`` for a new
    client, ``clientMessage(message, client)``, ``clientDisconnect(client)``. Handlers of events
    of the application's own get the client before the arguments of the event.

    Args:
        server: see :func:`listen`.
        **options: see :class:`~sockio_gevent.options.listener_options.Options`.

    Attributes:
        options: the options, with their defaults, as :class:`Options`.
    """

    def __init__(self, server: Any = _NOTHING, **options: Any) -> None:
        self.options = Options.read(options)
        if server is not _NOTHING:
            mount.check(server, "listen()")
        handlers = Handlers()
        handlers.context = self.options.context
        self._sessions = Sessions(self.options, handlers)
        self._sessions.bus = bus = make_bus(self.options, self._sessions)
        serializer = serializer_for(self.options, None)
        languages = Languages(dialects_of(self.options, serializer))
        main = Space("/", self._sessions, languages, handlers)
        super().__init__(main)
        self._namespaces = Namespaces(main)
        self._workers = WorkersStatistics(bus, self.stats)
        adapter: Adapter | None = None
        if bus is not None:
            log = self._sessions.throttled_log
            main.elsewhere = adapter = make_adapter(bus, self._namespaces, log, serializer)
        self._attachment = Attachment(self, self._sessions, handlers, languages, adapter)
        handlers.log = self._sessions.throttled_log
        handlers.main = self
        handlers.namespaces = self._namespaces
        for event, handler in (
            ("connection", self.options.on_connection),
            ("clientConnect", self.options.on_client_connect),
            ("clientMessage", self.options.on_client_message),
            ("clientDisconnect", self.options.on_client_disconnect),
        ):
            if handler is not None:
                self.on(event, handler)
        if server is not _NOTHING:
            self._attachment.attach(server)
        _live[self] = None

    def attach(self, server: Any) -> None:
        """Let clients connect to a server or an application, if :func:`listen` got none.

        Handlers, middleware and namespaces may be added before it and after it.

        Args:
            server: see :func:`listen`.

        Raises:
            TypeError: if ``server`` is neither a server nor an application.
            RuntimeError: if the listener has one already.
            ValueError: if the server already has a listener at this resource.
        """
        mount.check(server, "attach()")
        self._attachment.attach(server)

    def init_app(self, app: Any) -> None:
        """The same as :meth:`attach`, under the name that extensions of Flask have."""
        self.attach(app)

    @property
    def server(self) -> Any:
        """The server or application that it has; ``None`` if there is none yet."""
        return self._attachment.server

    @property
    def application(self) -> Any:
        """The application that gets the requests for other addresses."""
        gateway = self._attachment.gateway
        return None if gateway is None else gateway.application

    def serve_on(self, server: Any, application: Any) -> None:
        """Have a gevent server call an application that contains this listener already.

        Args:
            server: the :class:`gevent.pywsgi.WSGIServer`.
            application: the application, or this listener.

        Raises:
            RuntimeError: if the listener has no application yet.
        """
        self._attachment.serve_on(server, application)

    def set_origins(self, origins: Any) -> None:
        """Replace the option ``origins``; open sessions go on.

        Raises:
            TypeError: if the value is of the wrong kind.
            ValueError: if it makes no sense.
        """
        self.options = self._attachment.use_origins(origins)

    def __repr__(self) -> str:
        return f"<Listener {self.options.resource} {len(self._clients)} clients>"

    @property
    def closing(self) -> bool:
        """Whether :meth:`close` has been called."""
        return self._sessions.closing

    def stats(self) -> dict[str, Any]:
        """The statistics, as plain data.

        - ``form``: ``compiled`` or ``pure``, the form of the package that runs.
        - ``uptime``: seconds since the listener was made.
        - ``opened``: how many sessions have begun.
        - ``sessions``: for each enabled transport, how many sessions are
          ``open`` and how many ``away``.
        - ``dialects``: for each enabled dialect, how many sessions there are, open or away.
        - ``closes``: how many sessions have ended, by reason.
        - ``refused``: how many requests were refused, by reason.
        - ``limits``: how often each limit was exceeded, by the option that sets it.
        - ``messages``: how many came ``in`` and went ``out``; a broadcast
          counts once for each of its receivers.
        - ``bytes``: the size of the payloads that came ``in``, and of those that
          were given to connections to go ``out``. Session ids and heartbeats count.
        - ``buffered``: how many bytes of memory the messages take that clients
          have not taken yet.
        - ``cluster``: of the bus between the workers: how many ``members`` there are, with this
          one; whether it is ``connected`` to them; for how many seconds messages were on their
          way to it, ``lag``; how many ``messages`` and ``bytes`` came ``in`` and went ``out``; how
          many messages were ``dropped``, because a worker did not read them; how many
          connections were ``handed_over`` and how many requests ``relayed``.

        Returns:
            A new dict with numbers at its leaves.
        """
        return self._sessions.stats()

    def stats_of_workers(self, timeout: float = 5.0) -> dict[int, dict[str, Any]]:
        """The statistics of all workers of this machine, as each tells its own.

        Args:
            timeout: how many seconds to wait for the others. Those that do not answer are left
                out.

        Returns:
            The :meth:`stats` by the numbers of the processes. Of workers in several containers
            with equal numbers, one is left in.

        Raises:
            TypeError, ValueError: if ``timeout`` is no time to wait.
        """
        check_timeout(timeout, or_none=False)
        return self._workers.gather(timeout)

    @overload
    def of(self, name: str) -> Namespace: ...

    @overload
    def of(self, name: re.Pattern[str]) -> ParentNamespace: ...

    def of(self, name: str | re.Pattern[str]) -> Namespace | ParentNamespace:
        """The namespace of a name, or the namespaces of all names that match a pattern.

        Clients can connect to a namespace once the application has asked for it here.

        Args:
            name: the name, ``"/admin"`` or ``"admin"``; or a compiled pattern, which the whole
                name must match, with its slash. Clients then choose the names.

        Raises:
            TypeError: if it is neither.
        """
        if isinstance(name, re.Pattern):
            return self._namespaces.matching(name)
        return self._namespaces.of(name)

    def instrument(self, **options: Any) -> None:
        """Let the admin page of Socket.IO, npm's ``@socket.io/admin-ui``, connect.

        ::

            socket.instrument(auth={"username": "admin", "password": PASSWORD})

        Args:
            **options: see :class:`~sockio_gevent.admin.options.AdminOptions`.

        Raises:
            TypeError: if an option does not exist, or its value is of the wrong kind.
            ValueError: if the value of an option makes no sense, if ``auth`` is missing, or if
                clients of Socket.IO cannot connect to this listener.
            RuntimeError: if it was called before.
        """
        from .admin.instrument import Admin

        if self._attachment.admin is not None:
            raise RuntimeError("instrument() was called before, and a listener has one admin page")
        self._attachment.admin = Admin(self, self._namespaces, self._sessions, options)
        self._attachment.serve_files()

    def close(self, timeout: float | None = 10.0) -> None:
        """End all sessions, and let no new ones begin.

        Each client gets the messages that were sent to it before. Then it is told
        that the server goes away (WebSocket close code 1001), and ``disconnect``
        fires. A client that is away and has messages waiting may come back for
        them; its session ends then. So the server should go on accepting
        connections meanwhile. A handler must not call this directly, because it
        would wait for that handler itself: it should spawn it.

        Args:
            timeout: how long to wait for all of that, in seconds. After that,
                connections are cut, and messages that were not fetched are
                dropped. The last tenth of the time is for the handlers of clients
                that have not come back. ``None`` waits for ever, except for
                clients that are away: their ``close_timeout`` ends the wait.

        Raises:
            TypeError, ValueError: if ``timeout`` is no time to wait.
        """
        check_timeout(timeout)
        self._sessions.closing = True
        self._attachment.close()
        self._sessions.close(timeout)
        if self._sessions.bus is not None:
            self._sessions.bus.close()

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer a request, PEP 3333."""
        gateway = self._attachment.gateway or self._attachment.require()
        return gateway(environ, start_response)

    def open_session(
        self,
        transport: str,
        environ: dict[str, Any],
        start_response: Callable[..., Any],
        dialect: str | None = None,
    ) -> Session:
        """Begin a session for a client that brings its own downlink, as test clients do.

        Raises:
            Refusal: if the request may not connect.
            RuntimeError: if the listener has no application yet.
        """
        return self._attachment.require().open_session(transport, environ, start_response, dialect)
