"""Requests of which a server makes something else, where the listener is only its application.

Where a server was passed to ``listen()``, its handler reads these requests rightly.
"""

from __future__ import annotations

import inspect
import sys
from typing import Any
from urllib.parse import unquote

from ..wire.target import split_url
from .upgrade import may_upgrade

__all__ = ["correct"]


def correct(environ: dict[str, Any], start_response: Any) -> None:
    """Mend what a server that was not passed to ``listen()`` makes of some requests.

    pywsgi reads more of chunks than there is in them, gives the bare reader in
    place of the body to what asks for any upgrade, and takes a target that is
    a URL for a path. gunicorn forgets the host of a URL.

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
    """Take the host from a target that is a URL, and return the rest.

    Returns:
        Nothing if it is none, or is malformed: that is left to the application.
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
    """The handler of pywsgi that handles this request, if one does.

    Middleware may have a ``start_response`` of its own. Then the handler is among
    the callers.
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
