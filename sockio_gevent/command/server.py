"""The server that the command line runs: its socket, TLS, the address to open.

This imports gevent's server, so a process that will be monkeypatched imports
this module only afterwards.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Sequence
from errno import EADDRINUSE
from typing import Any

from gevent import ssl
from gevent.pywsgi import WSGIServer

from ..listener import Listener
from . import CommandError

__all__ = ["bind", "make_server", "tls_context", "url"]

_BACKLOG = 1024  # after a restart, all clients come back at once

_log = logging.getLogger("sockio_gevent")


def bind(host: str, port: int) -> socket.socket:
    """Listen on an address.

    Args:
        host: an address or a name; of a name with several addresses, IPv4 comes first.
        port: the port; 0 for any that is free.

    Raises:
        CommandError: if the address cannot be used.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise CommandError(f"cannot listen on the host {host!r}: {error.strerror}") from None
    found.sort(key=lambda each: each[0] != socket.AF_INET)
    for last, (family, kind, protocol, _, address) in enumerate(found, 1 - len(found)):
        listening = socket.socket(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(_BACKLOG)
        except OSError as error:
            listening.close()
            if last == 0:
                place = f"port {port} of {host}"
                hint = "; choose another with --port" if error.errno == EADDRINUSE else ""
                raise CommandError(f"cannot listen on {place}: {error.strerror}{hint}") from None
        else:
            listening.setblocking(False)
            return listening
    raise CommandError(f"cannot listen on the host {host!r}: it has no address")


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
) -> WSGIServer:
    """Make a server for an application that already has its listeners.

    Args:
        listening: the socket to accept connections from.
        application: the application.
        listeners: the listeners in it, the outermost first.
        context: the TLS context, or ``None`` for plain HTTP.
    """
    arguments = {} if context is None else {"ssl_context": context}
    # Without an access log: long polls would flood it.
    server = WSGIServer(listening, application, log=None, **arguments)
    for listener in reversed(listeners):
        listener.serve_on(server, application)
    return server


def url(host: str, listening: socket.socket, tls: bool) -> str:
    """The address at which a browser on this machine finds the server.

    Args:
        host: the host of the command line.
        listening: the socket that listens there.
        tls: whether it is served over TLS.
    """
    if host in ("0.0.0.0", "::"):
        host = "localhost"
    elif ":" in host:
        host = f"[{host}]"
    return f"http{'s' * tls}://{host}:{listening.getsockname()[1]}/"
