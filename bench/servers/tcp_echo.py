"""The limit of what gevent can do: bytes that come in go out again."""

from __future__ import annotations

from typing import Any

from gevent.server import StreamServer
from listening import announce, listen


def echo(socket: Any, address: tuple[str, int]) -> None:
    """Serve one connection."""
    while data := socket.recv(65536):
        socket.sendall(data)


def main() -> None:
    """Serve until killed."""
    listener = listen()
    server = StreamServer(listener, echo)
    server.start()
    announce(listener, "gevent")
    server.serve_forever()


if __name__ == "__main__":
    main()
