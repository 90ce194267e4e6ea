"""The parts that the Python servers share: the socket, and the line that reports it."""

from __future__ import annotations

import json
import platform
import socket
from importlib.metadata import version


def listen() -> socket.socket:
    """A listening socket on a free loopback port; what it accepts has Nagle's algorithm off."""
    listener = socket.socket()
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.bind(("127.0.0.1", 0))
    listener.listen(4096)
    listener.setblocking(False)
    return listener


def announce(listener: socket.socket, *distributions: str, form: str = "") -> None:
    """Print the one line that the benchmark waits for.

    Args:
        listener: where the server accepts connections.
        *distributions: its libraries, by their names on PyPI.
        form: in which form the server itself runs, if there is more than one.
    """
    software = [f"{name} {version(name)}" for name in distributions]
    if form:
        software.append(form)
    software.append(f"{platform.python_implementation()} {platform.python_version()}")
    port = listener.getsockname()[1]
    print(json.dumps({"port": port, "software": ", ".join(software)}), flush=True)
