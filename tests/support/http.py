"""HTTP over gevent sockets."""

from __future__ import annotations

from collections.abc import Mapping
from http.client import HTTPConnection
from typing import Any

import gevent
from gevent import socket

from .ports import limit_receiving

# For events that must happen. It is long, but a wait ends with its event.
DEADLINE = 60.0
# For timeouts that must not end while a test runs.
LONG = 10 * DEADLINE


class Ended(Exception):
    """The server has ended the connection."""


def connect(port: int, wrap: Any = None) -> Any:
    """A socket to the server, without Nagle's delays; wrap may put TLS round it."""
    connected = socket.socket()
    limit_receiving(connected)
    try:
        connected.connect(("127.0.0.1", port))
    except BaseException:
        connected.close()
        raise
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connected if wrap is None else wrap(connected)


class Answer:
    def __init__(self, response: Any) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def text(self) -> str:
        return self.body.decode()


class _Connection(HTTPConnection):
    """Connects like all clients here, and again after the server has closed the connection."""

    def __init__(self, port: int, wrap: Any) -> None:
        super().__init__("127.0.0.1", port)
        self._wrap = wrap

    def connect(self) -> None:
        self.sock = connect(self.port, self._wrap)


class HTTP:
    """One keep-alive connection; some headers may go with every request."""

    def __init__(
        self, port: int, wrap: Any = None, headers: Mapping[str, str] | None = None
    ) -> None:
        self._headers = headers or {}
        self._connection = _Connection(port, wrap)
        self._connection.connect()
        self.socket = self._connection.sock
        self._response: Any = None

    def begin(self, method: str, path: str, body: Any = None, **headers: str) -> None:
        named = {
            name.replace("_", "-"): value for name, value in {**self._headers, **headers}.items()
        }
        self._connection.request(method, path, body, named)

    def head(self, deadline: float = DEADLINE) -> Any:
        """Wait for the head of the answer; its body can be read bit by bit."""
        with gevent.Timeout(deadline):
            self._response = self._connection.getresponse()
            return self._response

    def finish(self, deadline: float = DEADLINE) -> Answer:
        with gevent.Timeout(deadline):
            return Answer(self._connection.getresponse())

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        self.begin(method, path, body, **headers)
        return self.finish()

    def renew(self) -> None:
        """Let the next request have another connection."""
        self._connection.close()

    def close(self) -> None:
        if self._response is not None:
            self._response.close()
        self._connection.close()
        self.socket.close()
