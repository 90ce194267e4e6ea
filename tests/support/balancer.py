"""A balancer of TCP connections that takes one server after the other."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import gevent
from gevent import socket
from gevent.server import StreamServer

__all__ = ["Balancer"]


class Balancer:
    """Forwards each connection to the next port.

    Args:
        ports: where to.

    Attributes:
        port: where it listens.
        taken: how many connections each port has got.
    """

    def __init__(self, ports: Sequence[int]) -> None:
        self.taken = dict.fromkeys(ports, 0)
        self._next = itertools.cycle(ports)
        self._server = StreamServer(("127.0.0.1", 0), self._serve)
        self._server.start()
        self.port: int = self._server.server_port

    def _serve(self, client: Any, address: Any) -> None:
        port = next(self._next)
        self.taken[port] += 1
        server = socket.create_connection(("127.0.0.1", port))
        for each in (client, server):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ways = [gevent.spawn(self._pump, client, server), gevent.spawn(self._pump, server, client)]
        try:
            gevent.joinall(ways)
        finally:
            gevent.killall(ways)
            server.close()

    def _pump(self, source: Any, sink: Any) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            for each in (source, sink):
                each.close()

    def close(self) -> None:
        """Cut all connections."""
        self._server.stop(0)
