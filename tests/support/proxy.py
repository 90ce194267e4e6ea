"""A small proxy that handles upgrades as badly as some real ones."""

from __future__ import annotations

import socket
import threading
from typing import Any


class Proxy:
    """Forwards connections to a port.

    Args:
        port: where to.
        upgrades: ``pass``; ``refuse`` to answer them with an error, as servers
            do that know nothing of them; ``drop`` to swallow them.
    """

    def __init__(self, port: int, upgrades: str = "pass") -> None:
        self.port = port
        self.upgrades = upgrades
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: set[socket.socket] = set()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Proxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Cut all connections."""
        for each in list(self._sockets):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            try:
                data = client.recv(65536)
            except OSError:
                data = b""
            if not data:
                client.close()
                return
            head += data
        if b"\r\nupgrade:" in head.lower() and self.upgrades != "pass":
            if self.upgrades == "refuse":
                client.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            self._sockets.add(client)
            return
        server = socket.create_connection(("127.0.0.1", self.port))
        self._sockets |= {client, server}
        server.sendall(head)
        threading.Thread(target=self._pump, args=(server, client), daemon=True).start()
        self._pump(client, server)

    def _pump(self, source: Any, sink: Any) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for each in (source, sink):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
