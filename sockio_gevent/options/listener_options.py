"""The options of a listener: their names, defaults and checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from ..monitoring.log import LogTarget
from ..wire.websocket_extensions import PerMessageDeflate
from . import checks, client_directory, cluster, transport_options
from .compression import per_message_deflate
from .serializer import check as serializer_check
from .suggestions import answer_to, did_you_mean
from .transport_options import DEFAULT_TRANSPORTS, DEFAULTS, KNOWN_TRANSPORTS, TransportOptions

__all__ = ["DEFAULT_DIALECTS", "KNOWN_DIALECTS", "Context", "Options"]

Context = Callable[[], AbstractContextManager[Any]]

KNOWN_DIALECTS = ("classic", "socket.io", "engine.io")
DEFAULT_DIALECTS = ("classic", "socket.io")


@dataclass(frozen=True)
class Options:
    """The options of one listener: the values that the user gave, and defaults for the others.

    ``None`` switches a limit off, where it is allowed.

    Attributes:
        resource: the path that belongs to the listener, without the slash.
        transports: the names of the transports that clients may use; by default
            all but ``'jsonp-polling'``.
        transport_options: for each known transport, its times.
        log: ``None`` for the logger ``sockio_gevent``, a logger, a function
            that takes a line, or ``False`` for no log.
        origins: who may connect, see :class:`~sockio_gevent.options.origins.Origins`.
        hosts: by which names the server may be addressed, see
            :class:`~sockio_gevent.options.hosts.Hosts`; ``None`` for any name.
        authorize: a function that decides who may open a session; it is called with
            the WSGI environ. ``True`` lets a client in. So does any other value that
            counts as true, and that value is ``client.identity``. A value that counts
            as false refuses with status 403. The function may raise
            :class:`~sockio_gevent.Refusal`; another exception refuses with 500.
        same_peer: what a request must have in common with the request that opened its
            session: ``'address'``, ``'cookie:NAME'``, or a function of the WSGI
            environ whose results are compared; a result of ``None`` stands for an
            unknown peer. ``None`` as the option: the session id is enough.
        dialects: which generations of clients may connect: ``'classic'`` (Socket.IO 0.5
            and 0.6), ``'socket.io'`` (Socket.IO 1 to 4), or in its place ``'engine.io'``
            (bare Engine.IO 3 and 4, where every message is the event ``message``).
        client_directory: a folder with the browser client of Socket.IO 1 to 4, such as
            ``'node_modules/socket.io/client-dist'``, which is served at the addresses that
            Node's server gives it. ``None``: only the client for classic clients is served.
        health_check: whether ``/<resource>/healthz`` says if clients can connect, to whoever asks.
        serializer: what encodes and decodes the JSON of messages: an object with ``dumps`` and
            ``loads``, such as the module ``orjson``, or a pair of these functions. ``None`` for
            the framework's own, which is ``app.json`` in Flask, or else that of this package.
        ping_interval: seconds between two pings, for clients of Engine.IO.
        ping_timeout: how many seconds the answer to a ping may take.
        upgrade_timeout: how many seconds a client has to go on with a WebSocket that it
            has opened beside its polls.
        connect_timeout: how many seconds a client of Socket.IO 3 or 4 has to connect to
            its first namespace.
        recovery: how many seconds a client of Socket.IO 4.6 or later that was cut off may take
            to come back; then it gets what it has missed. ``None`` for never.
        cluster: how this process finds the other workers that serve the same application.
            ``'auto'``: those of one gunicorn, and of ``python -m sockio_gevent --workers``. The
            path of a directory, such as ``'/run/chat'``: all processes of this machine that
            name it; only their user may be able to enter it. The address of a Redis, such as
            ``'redis://:password@host:6379/0'``: all processes anywhere that name it, and servers
            of Node with its streams adapter. ``None``: there are no others.
        handshake: ``'plain'`` sends a new session its bare id, ``'json'`` an
            object ``{"sessionid": …}``; for classic clients.
        per_message_deflate: whether messages of WebSockets are compressed for clients that can
            read that (RFC 7692), and how; a dict has
            details, see ``docs/options.rst``.
        max_message_size: the largest payload to accept, in bytes after it was inflated; and, at
            least 64 KiB, how much may wait for the handlers of a client that is read from.
        max_body_size: the largest body of a POST to accept, in bytes; ``None``
            for what a payload of ``max_message_size`` takes when all of it is escaped.
        max_payload_messages: how many messages one payload may hold.
        max_attachments: how many binary attachments one event may have.
        max_json_elements: how many elements the JSON of one message may have:
            values, and names of members.
        max_json_depth: how deep arrays and objects in it may be nested.
        max_message_rate: how many messages a second one session may send; it may
            send the messages of one second at once.
        max_requests_per_session: how many POSTs of one session may be handled at
            once, and how many polls that newer polls have replaced may still be open.
        max_rooms_per_client: how many rooms one client may be in, without that of its own id.
        max_namespaces_per_session: how many namespaces one session may be in at once.
        max_pending_acks: how many answers one client may owe in one namespace.
        max_buffer: how much memory the messages that wait for one client may
            take, in bytes.
        max_memory: how much memory all sessions together may take for messages
            to and from their clients, in bytes. Above it, the sessions that take most end.
        max_sessions: how many sessions there may be.
        max_sessions_per_address: how many of them may come from one address, or from
            one IPv6 network of 64 bits; addresses of the machine itself do not count.
        max_header_size: the largest head of a request to accept, in bytes; on
            other servers than gevent's, of one that opens a session.
        max_header_count: how many header lines a request may have, at most 99;
            on gevent servers.
        handshake_timeout: how many seconds a client has for the TLS handshake, and
            again to send the head of a request; on gevent servers.
        keepalive_timeout: how many seconds a connection is kept between two
            requests; on gevent servers.
        body_timeout: how many seconds a client has to send the body of a POST, to
            take the end of an answer when its session ends, and on gevent servers
            to take any other answer of the listener's.
        handler_timeout: how many seconds a handler may take; then its session ends.
        trusted_proxies: how many proxies in front of the server can be trusted. The
            scheme, the host and the address of a client are those that the outermost
            of them has put into ``X-Forwarded-Proto``, ``X-Forwarded-Host`` and
            ``X-Forwarded-For``. 0 for none.
        context: a function that returns a context manager; it is called for each
            event, and the handlers run inside. ``None`` for the framework's own:
            the application context of Flask, and in Django the closing of old
            database connections.
        flash_policy_port: where Flash policy files are served if ``flashsocket``
            is enabled on a gevent server, beside the main port; ``None`` for
            the main port only.
        on_connection: a handler of ``connection(client)``.
        on_client_connect: a handler of ``clientConnect(client)``.
        on_client_message: a handler of ``clientMessage(message, client)``.
        on_client_disconnect: a handler of ``clientDisconnect(client)``.
    """

    resource: str = "socket.io"
    transports: tuple[str, ...] = DEFAULT_TRANSPORTS
    transport_options: Mapping[str, TransportOptions] = field(
        default_factory=lambda: dict(DEFAULTS)
    )
    log: LogTarget = None
    origins: Any = None
    hosts: str | Iterable[str] | None = None
    authorize: Callable[[dict[str, Any]], Any] | None = None
    same_peer: str | Callable[[dict[str, Any]], Any] | None = None
    dialects: tuple[str, ...] = DEFAULT_DIALECTS
    client_directory: str | None = None
    health_check: bool = False
    serializer: Any = None
    ping_interval: float = 25.0
    ping_timeout: float = 20.0
    upgrade_timeout: float = 10.0
    connect_timeout: float = 45.0
    recovery: float | None = None
    cluster: str | None = cluster.AUTO
    handshake: str = "plain"
    per_message_deflate: PerMessageDeflate | Literal[False] = False
    max_message_size: int = 1024 * 1024
    max_body_size: int | None = None
    max_payload_messages: int | None = 10_000
    max_attachments: int = 10
    max_json_elements: int | None = 20_000
    max_json_depth: int = 100
    max_message_rate: float | None = None
    max_requests_per_session: int | None = 10
    max_rooms_per_client: int | None = 1000
    max_namespaces_per_session: int | None = 100
    max_pending_acks: int | None = 1000
    max_buffer: int = 1024 * 1024
    max_memory: int | None = 512 * 1024 * 1024
    max_sessions: int | None = 10_000
    max_sessions_per_address: int | None = 1000
    max_header_size: int = 16 * 1024
    max_header_count: int = 80
    handshake_timeout: float | None = 20.0
    keepalive_timeout: float | None = 75.0
    body_timeout: float | None = 20.0
    handler_timeout: float | None = 300.0
    trusted_proxies: int = 0
    context: Context | None = None
    flash_policy_port: int | None = 843
    on_connection: Callable[..., Any] | None = None
    on_client_connect: Callable[..., Any] | None = None
    on_client_message: Callable[..., Any] | None = None
    on_client_disconnect: Callable[..., Any] | None = None

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Options:
        """Check the values that the user gave, and fill in the defaults.

        Raises:
            TypeError: if there is no such option, or its value is of the wrong kind.
            ValueError: if the kind is right but the value makes no sense.
        """
        known = tuple(each.name for each in fields(cls))
        checked = {}
        for name, value in given.items():
            if name not in known:
                hint = answer_to(name) or did_you_mean(name, known)
                raise TypeError(f"no option {name!r}: {hint}")
            checked[name] = _CHECKS[name](name, value)
        return cls(**checked)


def _dialects(name: str, value: object) -> tuple[str, ...]:
    names = checks.names("dialect", KNOWN_DIALECTS)(name, value)
    if {"socket.io", "engine.io"} <= set(names):
        raise ValueError(
            f"option {name!r}: 'engine.io' takes the place of 'socket.io': both have the same "
            "addresses"
        )
    return names


_CHECKS: dict[str, checks.Check] = {
    "resource": checks.resource,
    "transports": checks.names("transport", KNOWN_TRANSPORTS),
    "transport_options": transport_options.check,
    "log": checks.log,
    "origins": checks.origins,
    "hosts": checks.optional(checks.hosts),
    "authorize": checks.called_with("environ"),
    "same_peer": checks.same_peer,
    "dialects": _dialects,
    "client_directory": client_directory.check,
    "health_check": checks.switch,
    "serializer": serializer_check,
    "ping_interval": checks.seconds,
    "ping_timeout": checks.seconds,
    "upgrade_timeout": checks.seconds,
    "connect_timeout": checks.seconds,
    "recovery": checks.optional(checks.seconds),
    "cluster": cluster.check,
    "handshake": checks.handshake,
    "per_message_deflate": per_message_deflate,
    "max_message_size": checks.size,
    "max_body_size": checks.optional(checks.size),
    "max_payload_messages": checks.optional(checks.positive()),
    "max_attachments": checks.positive(),
    "max_json_elements": checks.optional(checks.positive()),
    "max_json_depth": checks.positive(most=500),
    "max_message_rate": checks.optional(checks.rate),
    "max_requests_per_session": checks.optional(checks.positive()),
    "max_rooms_per_client": checks.optional(checks.positive()),
    "max_namespaces_per_session": checks.optional(checks.positive()),
    "max_pending_acks": checks.optional(checks.positive()),
    "max_buffer": checks.size,
    "max_memory": checks.optional(checks.size),
    "max_sessions": checks.optional(checks.positive()),
    "max_sessions_per_address": checks.optional(checks.positive()),
    "max_header_size": checks.size,
    "max_header_count": checks.positive(most=99),
    "handshake_timeout": checks.optional(checks.seconds),
    "keepalive_timeout": checks.optional(checks.seconds),
    "body_timeout": checks.optional(checks.seconds),
    "handler_timeout": checks.optional(checks.seconds),
    "trusted_proxies": checks.count,
    "context": checks.called_with(),
    "flash_policy_port": checks.optional(checks.port),
    "on_connection": checks.handler,
    "on_client_connect": checks.handler,
    "on_client_message": checks.handler,
    "on_client_disconnect": checks.handler,
}
