"""The access log of pywsgi, without secrets and control characters; a full disk harms no client.

The addresses of a session contain its id, which is a secret. And a client may
put characters into an address that control a terminal. If a log cannot be
written, for example because the disk is full, pywsgi would break off the
connection, or leave a request without an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gevent.pywsgi import WSGIHandler
from geventwebsocket.handler import WebSocketHandler

from ...hub.gevent_private import no_log_class
from ...monitoring.log import Log, print_failure
from ...monitoring.throttled_log import OnceAMinute
from ...wire.redact import Shortener, shown

__all__ = ["NO_LOG", "AccessLogHandler", "log_request", "log_request_of"]

#: The class of ``server.log`` if the server has no access log.
NO_LOG = no_log_class()

_once_a_minute = OnceAMinute()


def log_request(handler: Any) -> None:
    """Write a line to the access log; see :meth:`gevent.pywsgi.WSGIHandler.log_request`."""
    # Without a log, pywsgi would still make the line.
    if not isinstance(handler.server.log, NO_LOG):
        _log_redacted(WSGIHandler.log_request, handler)


def log_request_of(handler_class: type[WSGIHandler]) -> Callable[[Any], None]:
    """Wrap the ``log_request`` of a handler class in the same way.

    Args:
        handler_class: a class that is not an :class:`AccessLogHandler`.
    """
    own = handler_class.log_request
    if own is WSGIHandler.log_request:
        return log_request

    def log(handler: Any) -> None:
        _log_redacted(own, handler)

    return log


def _log_redacted(log: Callable[[Any], None], handler: Any) -> None:
    as_sent = handler.requestline, handler.path, handler.command
    # Each may be None, if the request cannot be read.
    handler.requestline, handler.path, handler.command = [
        text and shown(handler.shorteners, text) for text in as_sent
    ]
    try:
        log(handler)
    except Exception as error:
        if _once_a_minute.due():
            handler.problems_log.error("the access log cannot be written: %r", error)
    finally:
        handler.requestline, handler.path, handler.command = as_sent


class AccessLogHandler(WebSocketHandler):  # type: ignore[misc]
    """Handles requests as before, but logs them without secrets, and survives a full disk."""

    #: What cuts session ids in log lines.
    shorteners: Sequence[Shortener]

    #: The log that says if the access log cannot be written.
    problems_log = Log()

    _print_unexpected_exc = staticmethod(print_failure)

    def log_error(self, message: str, *arguments: Any) -> None:
        """Log an error of a request; see :meth:`gevent.pywsgi.WSGIHandler.log_error`."""
        try:
            text = message % arguments if arguments else message
        except Exception:
            text = f"{message!r} {arguments!r}"
        try:
            super().log_error(shown(self.shorteners, text))
        except Exception:
            print_failure()

    def _log_error(self, *exception: Any) -> None:
        try:
            super()._log_error(*exception)
        except Exception:
            pass  # the answer matters more
