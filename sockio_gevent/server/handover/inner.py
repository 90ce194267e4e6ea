"""How requests come in whose connections the servers of other workers keep.

They come in through a server of the listener's own, which never listens: what has accepted the
connection may be any WSGI server.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ...monitoring.log import Log
from ...monitoring.throttled_log import ThrottledLog
from ...options.limits import Limits
from ...options.listener_options import Options
from ...wire.redact import Shortener
from .doors import ServerDoor
from .relayed_request import believe_facts

__all__ = ["inner_door"]

# A character of a header takes so many bytes in the facts at most, and the rest so many.
_EXPANSION = 6
_MORE = 64 * 1024


def inner_door(
    application: Callable[..., Any],
    options: Options,
    shorteners: Sequence[Shortener],
    log: Log,
    throttled_log: ThrottledLog,
    limits: Limits,
) -> ServerDoor:
    """Make the door; see :func:`~sockio_gevent.server.http.install.take_over`."""
    from gevent.pywsgi import WSGIServer

    from ..http.install import take_over

    def call(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        believe_facts(environ)
        return application(environ, start_response)

    # The other server writes the line to the access log.
    server = WSGIServer(("", 0), log=None)
    # The facts may take more bytes than the head that they tell of, whose size is checked later.
    # And the other worker closes its end, when it has no more requests for it.
    largest = _EXPANSION * options.max_header_size + _MORE
    changed = replace(options, max_header_size=largest, keepalive_timeout=None)
    take_over(server, call, changed, shorteners, log, throttled_log, limits, None)
    server.handler_class = type("RelayedHandler", (server.handler_class,), {"limits_heads": False})
    return ServerDoor(server)
