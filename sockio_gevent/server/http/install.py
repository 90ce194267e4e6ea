"""Installs a listener on a gevent server: its application, and a handler class with upgrades."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from gevent.pywsgi import WSGIHandler, WSGIServer
from geventwebsocket.handler import WebSocketHandler

from ...monitoring.log import Log
from ...monitoring.throttled_log import ThrottledLog
from ...options.limits import Limits
from ...options.listener_options import Options
from ...wire.redact import Shortener
from .accepting import accept_with_pauses
from .access_log import AccessLogHandler, log_request_of
from .fast_path import FastHandler
from .handler import UpgradeHandler
from .head_limits import LimitedHandler
from .timeouts import HTTPTimeouts

__all__ = ["take_over"]

# Methods that the fast path does not call. A subclass that has its own may want them called.
_BYPASSED = (
    "MessageClass",
    "__init__",
    "_headers",
    "_sendall",
    "_write",
    "_write_with_headers",
    "finalize_headers",
    "format_request",
    "get_environ",
    "handle",
    "handle_one_request",
    "handle_one_response",
    "log_request",
    "process_result",
    "read_request",
    "read_requestline",
    "run_application",
    "start_response",
    "write",
)


def _is_as_before(handler_class: type) -> bool:
    """Whether a handler class reads requests and writes answers as pywsgi does."""
    ours = (UpgradeHandler, FastHandler, LimitedHandler, AccessLogHandler)
    known = (*ours, WebSocketHandler, WSGIHandler, object)
    # The classes that were made here have the attribute resources.
    users = [x for x in handler_class.__mro__ if x not in known and "resources" not in vars(x)]
    return not any(name in vars(base) for base in users for name in _BYPASSED)


def take_over(
    server: WSGIServer,
    application: Any,
    options: Options,
    shorteners: Sequence[Shortener],
    log: Log,
    throttled_log: ThrottledLog,
    limits: Limits,
    policy: Callable[[Any], bytes] | None,
    hands_over: bool = False,
) -> Any:
    """Put an application before the one that a server has, and let it upgrade connections.

    Args:
        server: the server; its handler class is extended, not replaced.
        application: the new application.
        options: the options of the listener. Its limits on heads, connections and WebSocket
            messages are those of the server from then on, for other requests, too.
        shorteners: what cuts session ids in addresses of the listener.
        log: the log of the listener.
        throttled_log: the same log, for lines that clients can cause at will.
        limits: where it is counted that a client was over a limit.
        policy: makes the Flash policy file for a connection, or ``None`` for no such file.
        hands_over: whether connections may be handed over to other workers.

    Returns:
        The application that the server had, or ``None``.
    """
    before = getattr(server, "application", None)
    server.application = application
    handler_class = server.handler_class
    timeouts = HTTPTimeouts(options, log, limits, throttled_log)
    attributes: dict[str, Any] = {
        "max_message_size": options.max_message_size,
        "max_header_size": options.max_header_size,
        "max_header_count": options.max_header_count,
        "timeouts": timeouts,
        "limits": limits,
        "throttled_log": throttled_log,
        "problems_log": log,
        "hands_over": hands_over or getattr(handler_class, "hands_over", False),
    }
    if policy is not None:
        attributes["policy"] = staticmethod(policy)
    bases: tuple[type, ...] = (handler_class,)
    if not issubclass(handler_class, UpgradeHandler):
        bases = (
            (UpgradeHandler,) if handler_class is WSGIHandler else (UpgradeHandler, handler_class)
        )
    if not issubclass(handler_class, WebSocketHandler):
        # gevent-websocket would write the access log to another place, and make its
        # own logger on the server.
        attributes["logger"] = Log(logging.getLogger("geventwebsocket.handler"))
    if not issubclass(handler_class, AccessLogHandler):
        attributes["log_request"] = log_request_of(handler_class)
    resources = (*getattr(handler_class, "resources", ()), options.resource)
    attributes["resources"] = resources
    known = getattr(handler_class, "shorteners", ())
    attributes["shorteners"] = tuple(dict.fromkeys((*known, *shorteners)))
    made: Any = type(handler_class.__name__, bases, attributes)
    # gevent-websocket's server may have a hook that must be called before each request.
    if _is_as_before(made) and not getattr(server, "pre_start_hook", None):
        made.plain = tuple(f"/{each}/" for each in resources)
    server.handler_class = made
    accept_with_pauses(server, log)
    if server.ssl_args:
        server.wrap_socket = timeouts.in_time(server.wrap_socket)
    return before
