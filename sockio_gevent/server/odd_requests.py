"""Requests of which a pywsgi makes something else, where the listener is only its application.

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
    """Mend what a pywsgi that was not passed to ``listen()`` makes of some requests.

    Of chunks it reads more than there is in them; of what asks for any upgrade
    it gives the bare reader in place of the body; and of a target that is a URL
    it makes a path.

    Args:
        environ: the WSGI environ.
        start_response: the WSGI function that begins the response.
    """
    is_url = environ.get("PATH_INFO", "/")[:1] not in ("/", "")
    whole = environ.get("wsgi.input_terminated", True) and "HTTP_TRANSFER_ENCODING" not in environ
    if whole and not is_url:
        return
    handler = _handler(start_response)
    if handler is None:
        return
    from .body import give_body

    give_body(handler, environ, raw=may_upgrade(environ))
    if is_url:
        _split_target(environ, handler.path)


def _split_target(environ: dict[str, Any], target: str) -> None:
    """Read a target that is a URL; what is malformed is left to the application."""
    try:
        url = split_url(target, environ["REQUEST_METHOD"])
    except ValueError:
        return
    if url is None:
        return
    environ["HTTP_HOST"], target = url
    path, _, environ["QUERY_STRING"] = target.partition("?")
    environ["PATH_INFO"] = unquote(path, "latin-1")
    if "RAW_URI" in environ:  # gunicorn's
        environ["RAW_URI"] = target


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
