"""How requests come in whose connections the servers of other workers keep.

They come in through a server of the listener's own, which never listens: what has accepted the
connection may be any WSGI server.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...monitoring.log import Log
from ...monitoring.throttled_log import ThrottledLog
from ...options.limits import Limits
from ...options.listener_options import Options
from ...wire.redact import Shortener
from ..http.environ import CONNECTION
from .doors import ServerDoor

__all__ = ["inner_door"]


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
        # What the server of the other worker has found out counts, not what ours has read.
        environ.update(environ[CONNECTION].socket.facts)
        return application(environ, start_response)

    # The other server writes the line to the access log.
    server = WSGIServer(("", 0), log=None)
    take_over(server, call, options, shorteners, log, throttled_log, limits, None)
    return ServerDoor(server)
