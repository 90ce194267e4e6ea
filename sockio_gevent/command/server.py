"""The server that the command line runs, and its TLS.

This imports gevent's server, so a process that will be monkeypatched imports
this module only afterwards.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Sequence
from typing import Any

from gevent import ssl
from gevent.pywsgi import WSGIServer

from ..listener import Listener
from . import CommandError

__all__ = ["make_server", "tls_context"]

_log = logging.getLogger("sockio_gevent")


def tls_context(certfile: str, keyfile: str) -> ssl.SSLContext:
    """Read a certificate and its key.

    Args:
        certfile: the certificate, with its chain, in PEM form.
        keyfile: its key, in PEM form.

    Raises:
        CommandError: if they cannot be read, or do not belong together.
    """
    for name in (certfile, keyfile):
        try:
            with open(name, "rb"):
                pass
        except OSError as error:
            raise CommandError(f"cannot read {name!r}: {error.strerror}") from None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certfile, keyfile)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            problem = f"the key in {keyfile!r} is not that of the certificate in {certfile!r}"
        else:
            problem = f"no certificate in {certfile!r}, or no key in {keyfile!r}, in PEM form"
        raise CommandError(problem) from None
    return context


def make_server(
    listening: socket.socket,
    application: Any,
    listeners: Sequence[Listener],
    context: ssl.SSLContext | None,
    is_shared: bool = False,
) -> WSGIServer:
    """Make a server for an application that already has its listeners.

    Args:
        listening: the socket to accept connections from.
        application: the application.
        listeners: the listeners in it, the outermost first.
        context: the TLS context, or ``None`` for plain HTTP.
        is_shared: whether other processes accept from the same socket.
    """
    arguments: dict[str, Any] = {} if context is None else {"ssl_context": context}
    if is_shared:
        # It accepts one connection at a time then, and leaves the next to whoever is idle.
        arguments["environ"] = {"wsgi.multiprocess": True}
    # Without an access log: long polls would flood it.
    server = WSGIServer(listening, application, log=None, **arguments)
    for listener in reversed(listeners):
        listener.serve_on(server, application)
    return server
