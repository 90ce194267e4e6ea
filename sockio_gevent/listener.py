"""The listener: a WSGI application, the table of sessions, the public events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, cast
from weakref import WeakKeyDictionary

from .client import Client
from .clients import Clients, Excluded, new_session_id, session_ids
from .closing import ClosingSessions
from .dialects.classic_encoding import encode
from .events import Emitter
from .gateway.gateway import Gateway
from .gateway.session_quota import SessionQuota
from .monitoring.log import Log, short_id
from .monitoring.reasons import CloseReason, End, Limit
from .monitoring.statistics import Counters, Traffic
from .monitoring.throttled_log import ThrottledLog
from .mounting import mount
from .mounting.environment_checks import EnvironmentChecks
from .options.limits import Limits
from .options.listener_options import Options
from .options.origins import Origins
from .server.http.environ import kept
from .server.http.request import Request
from .session.loops import Loop, Loops
from .session.memory import Memory
from .session.recently_ended import RecentlyEnded
from .transports.base import Downlink
from .wire import classic as wire
from .wire.flash_policy import policy_file
from .wire.packet import Packet

__all__ = ["Listener", "listen", "live_listeners"]

_live: WeakKeyDictionary[Listener, None] = WeakKeyDictionary()


def listen(server: Any, **options: Any) -> Listener:
    """Let clients connect to a server or an application.

    What is not addressed to the resource goes on reaching the application as
    before.

    Args:
        server: a :class:`gevent.pywsgi.WSGIServer`, whose application and
            handler class are taken over, or any WSGI application.
        **options: see :class:`~sockio_gevent.options.listener_options.Options`.

    Returns:
        The listener, which is itself a WSGI application.

    Raises:
        TypeError: if ``server`` is neither, an option does not exist, or its
            value is of the wrong kind.
        ValueError: if the value of an option makes no sense, or the server
            has a listener at this resource already.
    """
    return Listener(server, **options)


def live_listeners() -> list[Listener]:
    """All listeners in this process, the oldest first."""
    return list(_live)


class Listener(Emitter):
    """All sessions of one resource.

    Events: ``clientConnect(client)`` and ``connection(client)`` for a new
    client, ``clientMessage(message, client)``, ``clientDisconnect(client)``.

    Args:
        server: see :func:`listen`.
        **options: see :class:`~sockio_gevent.options.listener_options.Options`.

    Attributes:
        server: what was passed to :func:`listen`.
        options: what was given, over the defaults, as :class:`Options`.
        closing: whether it has been told to :meth:`close`.
    """

    EVENTS: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "connection": ("client",),
        "clientConnect": ("client",),
        "clientMessage": ("message", "client"),
        "clientDisconnect": ("client",),
    }

    def __init__(self, server: Any, **options: Any) -> None:
        super().__init__()
        self.options = Options.read(options)
        mount.check(server)
        self.server = server
        self.log = Log(self.options.log)
        self.throttled_log = ThrottledLog(self.log)
        self.loops = Loops(self.log, self._threads_ended)
        self.memory = Memory(self.options.max_memory, self._free)
        self._traffic = Traffic()  # on loops whose threads have ended
        self._clients: dict[str, Client] = {}
        self._view = Clients(self._clients)
        self._let_go: set[Client] = set()  # because all together held too much
        self._closing_sessions = ClosingSessions(self._clients, self.log, self._freed)
        self.recently_ended = RecentlyEnded()
        self.closing = False
        self.counters = Counters()
        self.limits = Limits(self.throttled_log)
        self.quota = SessionQuota(self.options)
        around = EnvironmentChecks(self.options.resource, self.log, self.close)
        around.check_at_start()
        around.others = [
            layer.options.resource for layer in mount.layers(server) if isinstance(layer, Listener)
        ]
        self._gateway = Gateway(self.options, self.log, self, around)
        self.context = self.options.context or mount.context_of(server)
        self._gateway.application = mount.mount(server, self, self._policy)
        self._policy_server = mount.start_policy_server(server, self, self._policy)
        for event, handler in (
            ("connection", self.options.on_connection),
            ("clientConnect", self.options.on_client_connect),
            ("clientMessage", self.options.on_client_message),
            ("clientDisconnect", self.options.on_client_disconnect),
        ):
            if handler is not None:
                self.on(event, handler)
        _live[self] = None

    def _policy(self, socket: Any) -> bytes:
        """The Flash policy file for who connects to this socket."""
        return policy_file(self._gateway.origins.allowed(socket.getsockname()[0]))

    @property
    def application(self) -> Any:
        """What gets the requests that are not for the resource."""
        return self._gateway.application

    def serve_on(self, server: Any, application: Any) -> None:
        """Have a gevent server call an application that this listener is in already.

        Args:
            server: the :class:`gevent.pywsgi.WSGIServer`.
            application: the application, or this listener.
        """
        mount.take_over(server, application, self, self._policy)

    def set_origins(self, origins: Any) -> None:
        """Replace the option ``origins``; the sessions that there are go on.

        Raises:
            TypeError: if the value is of the wrong kind.
            ValueError: if it makes no sense.
        """
        checked = Options.read({"origins": origins}).origins
        self.options = replace(self.options, origins=checked)
        self._gateway.origins = Origins(checked)

    def __repr__(self) -> str:
        return f"<Listener {self.options.resource} {len(self._clients)} clients>"

    @property
    def clients(self) -> Mapping[str, Client]:
        """The live sessions by their ids, those that are away for a moment included.

        Any thread may iterate over them, whatever clients come and go meanwhile.
        """
        return self._view

    def stats(self) -> dict[str, Any]:
        """What goes on and what has happened so far, as plain data.

        - ``uptime``: seconds since the listener was made.
        - ``opened``: how many sessions have begun.
        - ``sessions``: for each enabled transport, how many sessions are
          ``open`` and how many ``away``.
        - ``closes``: how many sessions have ended, by cause.
        - ``refused``: how many requests were refused, by reason.
        - ``limits``: how often each limit was exceeded, by the option that sets it.
        - ``messages``: how many came ``in`` and went ``out``; a broadcast
          counts once for each of its receivers.
        - ``bytes``: the size of the payloads that came ``in`` and that
          connections were given to send ``out``, session ids and heartbeats
          included.
        - ``buffered``: how many bytes of memory those messages take that clients
          have not taken yet.

        Returns:
            A new dict with numbers at its leaves.
        """
        traffic = Traffic()
        for each in (self._traffic, *(loop.traffic for loop in self.loops.all())):
            traffic.add(each)
        stats = self.counters.stats(self.options.transports, self._clients.values(), traffic)
        return {**stats, "limits": self.limits.stats()}

    def broadcast(self, message: Any, exclude: Excluded = None) -> None:
        """Send a message to all clients; it is encoded once. Any thread may call it.

        Args:
            message: a ``str``, or anything with a JSON form.
            exclude: the clients that are not to get it: one, or several, each of
                them the client or its session id.

        Raises:
            TypeError: if the message has no JSON form, or ``exclude`` is something else.
            ValueError: if the message is NaN, holds itself, or is over ``max_buffer``;
                or if a text in ``exclude`` can be no session id.
        """
        packet = encode(message, self.options)
        excluded = session_ids(exclude)
        # Copied at once: clients on other loops come and go meanwhile.
        sessions = list(self._clients.items())
        receivers = [client for session_id, client in sessions if session_id not in excluded]
        loops = {client.loop for client in receivers}
        for loop in loops:
            those = receivers
            if len(loops) > 1:
                those = [client for client in receivers if client.loop is loop]
            loop.call(_enqueue, loop, packet, those)

    def close(self, timeout: float | None = 10.0) -> None:
        """End all sessions, and let no new ones begin.

        Clients are told that the server goes away (WebSocket close code 1001),
        after what was sent to them before; ``disconnect`` fires for each. A
        client that is away, and was sent something meanwhile, may come back
        for it, and its session ends then; so the server should go on accepting
        connections. Called by a handler, it would wait for that handler: spawn
        it there.

        Args:
            timeout: how long to wait for all of that, in seconds; then
                connections are cut, and what was not fetched is dropped. The
                last tenth is for the handlers of who has not come back.
                ``None`` waits for ever, but for who is away not beyond the
                ``close_timeout``.
        """
        self.closing = True
        self.loops.forget_dead()
        if self._policy_server is not None:
            self._policy_server.stop(0)
        self._closing_sessions.close(timeout)

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer a request, PEP 3333."""
        return self._gateway(environ, start_response)

    def open_session(
        self, transport: str, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Client:
        """Begin a session for who brings a downlink of its own, as test clients do.

        Raises:
            Refusal: if the request may not connect.
        """
        return cast(Client, self._gateway.open_session(transport, environ, start_response))

    def find(self, session_id: str) -> Client | None:
        """The live session of this id."""
        client = self._clients.get(session_id)
        if client is not None and not client.is_here:
            # Those of threads that have ended end now.
            self.loops.here()
            client = self._clients.get(session_id)
        return client

    def open(self, transport: str, request: Request) -> Client:
        """Begin a session: its first message is its id."""
        session_id = new_session_id()
        environ = kept(request.environ)
        greeting = session_id if self.options.handshake == "plain" else {"sessionid": session_id}
        client = Client(self, session_id, transport, environ, Packet(wire.encode(greeting)))
        client.network = self.quota.enter(environ)
        self._clients[session_id] = client
        self.counters.note_opened()
        self.log.info("session %s (%s, %s) opened", short_id(session_id), transport, request.peer)
        return client

    def opened(self, client: Client) -> BaseException | None:
        """A new client has connected."""
        failure = self._emit(self.throttled_log, "clientConnect", client)
        return self._emit(self.throttled_log, "connection", client) or failure

    def received(self, message: Any, client: Client) -> BaseException | None:
        """A client has sent a message."""
        return self._emit(self.throttled_log, "clientMessage", message, client)

    def ended(self, client: Client, end: End, downlinks: Sequence[Downlink]) -> None:
        """A session has ended: it is not to be found any more, and its handlers are told."""
        self.recently_ended.add(client.session_id, client.transport, end, client.bound_to)
        # In this order: close() in another thread must find the session in one of the two.
        self._closing_sessions.begin(client, downlinks)
        self._clients.pop(client.session_id, None)

    def _freed(self, client: Client) -> None:
        """Nothing of a session is under way any more: its place is free."""
        self._let_go.discard(client)
        client.release()
        self.quota.leave(client.network)

    def _free(self, excess: int) -> None:
        """Sessions hold too much together: let go of those that hold most."""
        # Those that were let go a moment ago hold it until their connections are over.
        excess -= sum(client.counted for client in list(self._let_go))
        holders = {*self._clients.values(), *self._closing_sessions.clients()} - self._let_go
        for client in sorted(holders, key=lambda client: client.held, reverse=True):
            if excess <= 0 or not client.held:
                return
            excess -= client.held
            self._let_go.add(client)
            text = f"all sessions together hold too much, and this one {client.held} bytes of it"
            end = End(CloseReason.LIMIT, text, Limit.MEMORY)
            client.loop.call(client.let_go, end)

    def _threads_ended(self, loops: list[Loop]) -> None:
        """End the sessions of threads that have ended without ending them."""
        for loop in loops:
            self._traffic.add(loop.traffic)
        here = self.loops.here()
        for client in [*self._closing_sessions.clients(), *self._clients.values()]:
            if client.loop in loops:
                client.move(here)
                self._closing_sessions.abandon(client)
                client.end(End(CloseReason.LOST, "the thread that served it has ended"))

    def gone(self, client: Client) -> BaseException | None:
        """The handlers of a client have seen its end."""
        return self._emit(self.throttled_log, "clientDisconnect", client)


def _enqueue(loop: Loop, packet: Packet, clients: Sequence[Client]) -> None:
    """Send a message to clients on one loop, in its thread."""
    loop.traffic.messages_out += len(clients)
    for client in clients:
        client.enqueue(packet)
