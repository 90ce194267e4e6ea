"""The socket that the command line listens on. This imports nothing that patching would miss."""

from __future__ import annotations

import socket
from errno import EADDRINUSE

from . import CommandError

__all__ = ["bind", "url"]

_BACKLOG = 1024  # after a restart, all clients come back at once


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
