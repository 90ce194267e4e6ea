"""The WSGI environ of the request of a client for tests."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any
from wsgiref.util import setup_testing_defaults

__all__ = ["environ_of"]

# The headers in which a browser tells the page that a request comes from.
_ORIGIN_HEADERS = frozenset(("HTTP_ORIGIN", "HTTP_REFERER", "HTTP_SEC_FETCH_SITE"))


def environ_of(given: Mapping[str, Any], resource: str, transport: str) -> dict[str, Any]:
    """The environ of the GET that opens a session.

    Args:
        given: the keys that the test has given.
        resource: the option of this name.
        transport: the name of the transport.
    """
    environ = {
        "PATH_INFO": f"/{resource}/{transport}",
        "QUERY_STRING": "",
        "REMOTE_ADDR": "127.0.0.1",
        "SERVER_NAME": "localhost",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SCRIPT_NAME": "",
        "wsgi.errors": sys.stderr,
        **given,
    }
    setup_testing_defaults(environ)
    if transport == "jsonp-polling" and _ORIGIN_HEADERS.isdisjoint(environ):
        # Only pages use it, and their request must show its origin.
        environ["HTTP_SEC_FETCH_SITE"] = "same-origin"
    return environ
