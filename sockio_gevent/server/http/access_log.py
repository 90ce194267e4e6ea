"""What pywsgi logs of requests: no secrets, no control characters, and no harm to who is served.

The addresses of a session have its id in them, which is a secret, and clients
may write into an address what acts on a terminal. And where a log cannot be
written, because the disk is full, say, pywsgi would break off the connection,
or leave a request without its answer.
"""

from __future__ import annotations

from collections.abc import Callable
from re import Pattern
from typing import Any

from gevent.pywsgi import WSGIHandler
from geventwebsocket.handler import WebSocketHandler

from ...hub.gevent_private import no_log_class
from ...monitoring.log import Log, Seldom, print_failure
from ...wire.redact import shown

__all__ = ["NO_LOG", "AccessLogHandler", "log_request", "log_request_of"]

#: What a server has for a log if it has none.
NO_LOG = no_log_class()

_seldom = Seldom()


def log_request(handler: Any) -> None:
    """Write a line to the access log; see :meth:`gevent.pywsgi.WSGIHandler.log_request`."""
    # Without a log, pywsgi would compose the line all the same.
    if not isinstance(handler.server.log, NO_LOG):
        _log_discreetly(WSGIHandler.log_request, handler)


def log_request_of(handler_class: type[WSGIHandler]) -> Callable[[Any], None]:
    """The same as a handler class does it.

    Args:
        handler_class: one that is not a :class:`AccessLogHandler`.
    """
    own = handler_class.log_request
    if own is WSGIHandler.log_request:
        return log_request

    def log(handler: Any) -> None:
        _log_discreetly(own, handler)

    return log


def _log_discreetly(log: Callable[[Any], None], handler: Any) -> None:
    as_sent = handler.requestline, handler.path, handler.command
    # Each may be None, if the request cannot be read.
    handler.requestline, handler.path, handler.command = [
        text and shown(handler.session_ids, text) for text in as_sent
    ]
    try:
        log(handler)
    except Exception as error:
        if _seldom.due():
            handler.problems_log.error("the access log cannot be written: %r", error)
    finally:
        handler.requestline, handler.path, handler.command = as_sent


class AccessLogHandler(WebSocketHandler):  # type: ignore[misc]
    """Handles requests as before, but logs them in a way that does no harm."""

    #: What session ids look like in the lines.
    session_ids: Pattern[str]

    #: Where it is said if another log cannot be written.
    problems_log = Log()

    _print_unexpected_exc = staticmethod(print_failure)

    def log_error(self, message: str, *arguments: Any) -> None:
        """Log what is wrong with a request; see :meth:`gevent.pywsgi.WSGIHandler.log_error`."""
        try:
            text = message % arguments if arguments else message
        except Exception:
            text = f"{message!r} {arguments!r}"
        try:
            super().log_error(shown(self.session_ids, text))
        except Exception:
            print_failure()

    def _log_error(self, *exception: Any) -> None:
        try:
            super()._log_error(*exception)
        except Exception:
            pass  # the answer matters more
