"""The listener: a WSGI application, the table of sessions, the public events."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import gevent

from . import mounting, routes, surroundings
from .client import Client
from .client_file import ClientFile
from .ends import Cause, End
from .events import Emitter
from .flush import Flush
from .forwarded import believe
from .log import Log, short_id
from .options import Options
from .origins import Origins, origin_of
from .outgoing import encode
from .server.request import Refusal, Request
from .stats import Counters
from .surroundings import Surroundings
from .sweep import Sweep
from .transports import TRANSPORTS
from .transports.base import Downlink, Transport
from .wire import payload as wire
from .wire.packet import Packet
from .wire.policy import policy_file
from .wire.websocket import GOING_AWAY

__all__ = ["Listener", "listen"]

# In the environ that a session keeps, these would keep its first request alive.
_OF_THE_REQUEST = frozenset(
    (
        "wsgi.input",
        "wsgi.websocket",
        "sockio_gevent.abandon_input",
        "sockio_gevent.socket",
        "sockio_gevent.upgrade",
    )
)


def listen(server: Any, **options: Any) -> Listener:
    """Let clients connect to a server or an application.

    What is not addressed to the resource goes on reaching the application as
    before.

    Args:
        server: a :class:`gevent.pywsgi.WSGIServer`, whose application and
            handler class are taken over, or any WSGI application.
        **options: see :class:`~sockio_gevent.options.Options`.

    Returns:
        The listener, which is itself a WSGI application.

    Raises:
        TypeError: if ``server`` is neither, an option does not exist, or its
            value is of the wrong kind.
        ValueError: if the value of an option makes no sense, or the server
            has a listener at this resource already.
    """
    return Listener(server, **options)


class Listener(Emitter):
    """All sessions of one resource.

    Events: ``clientConnect(client)`` and ``connection(client)`` for a new
    client, ``clientMessage(message, client)``, ``clientDisconnect(client)``.

    Args:
        server: see :func:`listen`.
        **options: see :class:`~sockio_gevent.options.Options`.

    Attributes:
        server: what was passed to :func:`listen`.
        options: what was given, over the defaults.
        log: where the log goes.
        application: what gets the requests that are not for the resource.
    """

    EVENTS = ("connection", "clientConnect", "clientMessage", "clientDisconnect")

    def __init__(self, server: Any, **options: Any) -> None:
        super().__init__()
        self.options = Options.read(options)
        self.server = server
        self.log = Log(self.options.log)
        self.sweep = Sweep(self.log)
        self.flush = Flush(self.log)
        self._origins = Origins(self.options.origins)
        self._clients: dict[str, Client] = {}
        self._farewells: set[gevent.Greenlet] = set()
        self._closing = False
        self._client_file: ClientFile | None = None
        self._policy_server: Any = None
        self._transports = {
            name: TRANSPORTS[name](self.options, self.log) for name in self.options.transports
        }
        self.counters = Counters()
        self.surroundings = Surroundings(self.options.resource, self.log, self.close)
        self.context = self.options.context or mounting.context_of(server)
        self.application = self._mount(server)
        for event, handler in (
            ("connection", self.options.on_connection),
            ("clientConnect", self.options.on_client_connect),
            ("clientMessage", self.options.on_client_message),
            ("clientDisconnect", self.options.on_client_disconnect),
        ):
            if handler is not None:
                self.on(event, handler)

    def _mount(self, target: Any) -> Any:
        """Come before the application of a server, or before an application."""
        surroundings.check_at_start(self.options.resource, self.log)
        is_server = mounting.is_gevent_server(target)
        if not is_server:
            mounting.check_application(target)
        for layer in mounting.layers(target):
            if isinstance(layer, Listener) and layer.options.resource == self.options.resource:
                raise ValueError(
                    f"there is a listener at {self.options.resource!r} already; "
                    "give this one another 'resource'"
                )
        if not is_server:
            return mounting.install(target, self)
        from .server.handler import take_over

        flash = "flashsocket" in self.options.transports
        policy = self._policy if flash else None
        behind = take_over(target, self, self.options.max_message_size, policy, self.log)
        if flash and self.options.flash_policy_port and isinstance(target.address, tuple):
            self._start_policy_server(target.address[0], self.options.flash_policy_port)
        return behind

    def _start_policy_server(self, host: str, port: int) -> None:
        from .server.policy import start_policy_server

        self._policy_server = start_policy_server(host, port, self._policy, self.log)

    def _policy(self, socket: Any) -> bytes:
        """The Flash policy file for who connects to this socket."""
        return policy_file(self._origins.allowed(socket.getsockname()[0]))

    def __repr__(self) -> str:
        return f"<Listener {self.options.resource} {len(self._clients)} clients>"

    @property
    def clients(self) -> Mapping[str, Client]:
        """The live sessions by their ids, those that are away for a moment included."""
        return MappingProxyType(self._clients)

    def stats(self) -> dict[str, Any]:
        """What goes on and what has happened so far, as plain data.

        Returns:
            A new dict, with numbers at its leaves:

            - ``uptime``: seconds since the listener was made.
            - ``opened``: how many sessions have begun.
            - ``sessions``: for each enabled transport, how many sessions are
              ``open`` and how many ``away``.
            - ``closes``: how many sessions have ended, by cause.
            - ``messages``: how many came ``in`` and went ``out``; a broadcast
              counts once for each of its receivers.
            - ``bytes``: the size of the payloads that came ``in`` and that
              connections were given to send ``out``.
            - ``buffered``: how many bytes wait for clients to take them.
        """
        return self.counters.stats(self._transports, self._clients.values())

    def broadcast(self, message: Any, exclude: str | Iterable[str] | None = None) -> None:
        """Send a message to all clients; it is encoded once.

        Args:
            message: a ``str``, or anything with a JSON form.
            exclude: the session id, or the ids, of who is not to get it.

        Raises:
            TypeError: if the message has no JSON form.
            ValueError: if it is NaN, holds itself, or is over ``max_buffer``.
        """
        packet = encode(message, self.options)
        if isinstance(exclude, Client):
            exclude = exclude.session_id
        excluded = {exclude} if isinstance(exclude, str) else set(exclude or ())
        receivers = [
            client for session_id, client in self._clients.items() if session_id not in excluded
        ]
        self.counters.messages_out += len(receivers)
        for client in receivers:
            client.enqueue(packet)

    def close(self, timeout: float | None = 10.0) -> None:
        """End all sessions, and let no new ones begin.

        Clients are told that the server goes away (WebSocket close code 1001),
        after what was sent to them before; ``disconnect`` fires for each.
        Called by a handler, it would wait for that handler: spawn it there.

        Args:
            timeout: how long to wait for them to take it, in seconds; then
                their connections are cut. ``None`` waits for ever.
        """
        self._closing = True
        if self._policy_server is not None:
            self._policy_server.stop(0)
        downlinks: list[Downlink] = []
        for client in list(self._clients.values()):
            if client.downlink is not None:
                downlinks.append(client.downlink)
            client.end(End(Cause.SERVER, "the server goes away"), GOING_AWAY)
        waiting = [gevent.spawn(downlink.wait_over) for downlink in downlinks]
        gevent.joinall([*waiting, *self._farewells], timeout)
        gevent.killall(waiting)
        for downlink in downlinks:
            if not downlink.is_over:
                downlink.abort()

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer a request, PEP 3333."""
        self.surroundings.see(environ)
        route = routes.match(self.options.resource, environ.get("PATH_INFO", ""))
        if route is None:
            return self._pass_on(environ, start_response)
        if "sockio_gevent.socket" not in environ:
            from .server.foreign import adopt

            adopt(environ, start_response)
        request = self._read(environ, start_response)
        try:
            if route.name == routes.CLIENT_FILE:
                return self._serve_client_file(request)
            return self._serve(route, request)
        except Refusal as refusal:
            self.log.warning(
                "refused %r %r from %s (%s): %s",
                request.method,
                f"{route.name}/{short_id(route.session_id)}",
                request.peer,
                refusal.status,
                refusal.text,
            )
            return request.refuse(refusal)

    def _read(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Request:
        """Make a request of what the server gives, and trusted proxies say."""
        if self.options.trusted_proxies:
            believe(environ, self.options.trusted_proxies)
        return Request(environ, start_response, lambda: self._closing)

    def _pass_on(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Give the application behind a request that is not ours."""
        self.surroundings.miss(environ.get("PATH_INFO", ""))
        if self.application is None:
            return Request(environ, start_response).answer("404 Not Found", b"not found\n")
        upgrade = environ.get("sockio_gevent.upgrade")
        if upgrade is None or isinstance(self.application, Listener):
            return self.application(environ, start_response)  # type: ignore[no-any-return]
        del environ["sockio_gevent.upgrade"]
        return upgrade.run(self.application, environ, start_response)  # type: ignore[no-any-return]

    def _serve_client_file(self, request: Request) -> list[bytes]:
        if request.method not in ("GET", "HEAD"):
            raise Refusal("405 Method Not Allowed", "GET only", ("Allow", "GET, HEAD"))
        if self._client_file is None:
            self._client_file = ClientFile()
        return self._client_file.answer(request)

    def _serve(self, route: routes.Route, request: Request) -> Iterable[bytes]:
        transport = self._admit(route.name, request)
        request.tail = route.tail
        allow = ", ".join((*transport.methods, "OPTIONS"))
        if request.method == "OPTIONS":
            return request.preflight(allow)
        if request.method not in transport.methods:
            raise Refusal("405 Method Not Allowed", f"use one of {allow}", ("Allow", allow))
        client = self._find(route.session_id) if route.session_id else None
        if request.method == "POST":
            if client is None or not transport.accepts_post(route.tail):
                raise Refusal("405 Method Not Allowed", "POST to <id>/send", ("Allow", "GET"))
            return transport.uplink(request, client)
        self._check_open()
        return transport.downlink(request, lambda: client or self._open(route.name, request))

    def _admit(self, name: str, request: Request) -> Transport:
        """The transport of this name, for a request that may use it."""
        if not self._origins.allows(request.environ):
            origin = f"{origin_of(request.environ)!r:.80}"
            raise Refusal("403 Forbidden", f"the origin {origin} is not in the option 'origins'")
        request.allow_origin()
        transport = self._transports.get(name)
        if transport is None:
            raise Refusal("404 Not Found", f"the transport {name} is not enabled")
        return transport

    def open_session(
        self, transport: str, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Client:
        """Begin a session for who brings a downlink of its own.

        Raises:
            Refusal: if the request may not connect.
        """
        request = self._read(environ, start_response)
        self._admit(transport, request)
        return self._open(transport, request)

    def _check_open(self) -> None:
        if self.surroundings.refusal is not None:
            raise self.surroundings.refusal
        if self._closing:
            raise Refusal("503 Service Unavailable", "the server goes away")

    def _find(self, session_id: str) -> Client:
        client = self._clients.get(session_id)
        if client is None:
            self._check_open()
            raise Refusal("404 Not Found", "no such session; it may have timed out")
        return client

    def _open(self, transport: str, request: Request) -> Client:
        """Begin a session: its first message is its id."""
        self._check_open()
        session_id = secrets.token_hex(20)
        environ = {
            key: value for key, value in request.environ.items() if key not in _OF_THE_REQUEST
        }
        greeting = session_id if self.options.handshake == "plain" else {"sessionid": session_id}
        client = Client(self, session_id, transport, environ, Packet(wire.encode(greeting)))
        self._clients[session_id] = client
        self.counters.opened += 1
        self.log.info("session %s (%s, %s) opened", short_id(session_id), transport, request.peer)
        return client

    def opened(self, client: Client) -> None:
        """A new client has connected."""
        self._emit(self.log, "clientConnect", client)
        self._emit(self.log, "connection", client)

    def received(self, message: Any, client: Client) -> None:
        """A client has sent a message."""
        self._emit(self.log, "clientMessage", message, client)

    def ended(self, client: Client) -> None:
        """A session has ended: it is not to be found any more, and its handlers are told."""
        self._clients.pop(client.session_id, None)
        # In a greenlet of its own: handlers may block, and this may be the loop.
        greenlet = gevent.spawn(client.farewell)
        self._farewells.add(greenlet)
        greenlet.rawlink(self._farewells.discard)

    def gone(self, client: Client) -> None:
        """The handlers of a client have seen its end."""
        self._emit(self.log, "clientDisconnect", client)
