"""Hides session ids from the logs of servers that were not passed to ``listen()``.

Such a server writes its log from the environ, or from objects of its own: most when
a request is over, and Werkzeug's when an answer begins.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Any

from ...wire.redact import Shortener, printable, shown

__all__ = ["conceal", "conceal_from_werkzeug"]


def conceal(
    environ: dict[str, Any], start_response: Callable[..., Any], shorteners: Sequence[Shortener]
) -> None:
    """Redact the texts of a request that a server will log.

    Session ids in addresses are cut, and control characters are escaped.

    Args:
        environ: the WSGI environ, which is not needed any more.
        start_response: the WSGI function that begins the response. The object whose method
            it is may keep texts for a log.
        shorteners: what cuts session ids in addresses.
    """
    if environ.get("QUERY_STRING"):
        # Only behind its path a query is known to be one of ours.
        before = f"{environ.get('PATH_INFO', '')}?"
        whole = shown(shorteners, before + environ["QUERY_STRING"])
        environ["QUERY_STRING"] = whole.removeprefix(shown(shorteners, before))
    for name in ("RAW_URI", "REQUEST_URI", "PATH_INFO", "HTTP_REFERER"):
        if name in environ:
            environ[name] = shown(shorteners, environ[name])
    if "HTTP_USER_AGENT" in environ:
        environ["HTTP_USER_AGENT"] = printable(environ["HTTP_USER_AGENT"])
    owner = getattr(start_response, "__self__", None)
    # pywsgi's handler keeps the line for its access log. gunicorn's response keeps the
    # address that it logs with an exception.
    for holder, name in ((owner, "requestline"), (getattr(owner, "req", None), "uri")):
        text = getattr(holder, name, None)
        if isinstance(text, str):
            setattr(holder, name, shown(shorteners, text))


def conceal_from_werkzeug(environ: dict[str, Any], shorteners: Sequence[Shortener]) -> None:
    """Redact the address that Werkzeug's server will log, if the request comes from it.

    Args:
        environ: the WSGI environ, which stays as it is.
        shorteners: what cuts session ids in addresses.
    """
    serving = sys.modules.get("werkzeug.serving") if "werkzeug.socket" in environ else None
    # The handler is not in the environ, but among the callers.
    frame = inspect.currentframe() if serving is not None else None
    while frame is not None:
        handler = frame.f_locals.get("self")
        if serving is not None and isinstance(handler, serving.WSGIRequestHandler):
            handler.path = shown(shorteners, handler.path)
            handler.requestline = shown(shorteners, handler.requestline)
            return
        frame = frame.f_back
