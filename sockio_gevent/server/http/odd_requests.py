"""Corrects requests that a server misreads, if the server was not passed to ``listen()``.

A server that was passed to ``listen()`` has a handler that reads them correctly.
"""

from __future__ import annotations

import inspect
import sys
from typing import Any
from urllib.parse import unquote

from ...wire.http_target import split_url
from .upgrade import may_upgrade

__all__ = ["correct"]


def correct(environ: dict[str, Any], start_response: Any) -> None:
    """Correct the environ of a request that the server has misread.

    pywsgi accepts malformed chunks, gives the bare reader instead of a body to a
    request that asks for any upgrade, and takes a target that is a URL for a path.
    gunicorn ignores the host of such a target.

    Args:
        environ: the WSGI environ.
        start_response: the WSGI function that begins the response.
    """
    is_url = environ.get("PATH_INFO", "")[:1] not in ("/", "")
    whole = environ.get("wsgi.input_terminated", True) and "HTTP_TRANSFER_ENCODING" not in environ
    handler = _handler(start_response) if is_url or not whole else None
    if handler is not None:
        from .body import give_body

        give_body(handler, environ, raw=may_upgrade(environ))
        if is_url and (target := _take_host(environ, handler.path)):
            path, _, environ["QUERY_STRING"] = target.partition("?")
            environ["PATH_INFO"] = unquote(path, "latin-1")
    gunicorn = environ.get("RAW_URI", "/")
    if not gunicorn.startswith("/") and (target := _take_host(environ, gunicorn)):
        environ["RAW_URI"] = target


def _take_host(environ: dict[str, Any], target: str) -> str:
    """Set the host that a target names if it is a URL, and return the rest of the target.

    Returns:
        The rest; empty if the target is not a URL, or is malformed. The application gets
        such a target as it is.
    """
    try:
        url = split_url(target, environ["REQUEST_METHOD"])
    except ValueError:
        return ""
    if url is None:
        return ""
    environ["HTTP_HOST"], rest = url
    return rest


def _handler(start_response: Any) -> Any:
    """The pywsgi handler of this request, or ``None``.

    If middleware has replaced ``start_response``, the handler is found among the callers.
    """
    pywsgi = sys.modules.get("gevent.pywsgi")
    if pywsgi is None:
        return None
    handler = getattr(start_response, "__self__", None)
    frame = inspect.currentframe()
    while frame is not None and not isinstance(handler, pywsgi.WSGIHandler):
        handler = frame.f_locals.get("self")
        frame = frame.f_back
    return handler if isinstance(handler, pywsgi.WSGIHandler) else None
