"""Applications that read the bodies of their requests, each in another way."""

from __future__ import annotations

import socket as stdlib_socket
from collections.abc import Callable
from typing import Any

import gevent

from .raw import Raw

READ: dict[str, Callable[[Any], bytes]] = {
    "at once": lambda source: source.read(),
    "bit by bit": lambda source: b"".join(iter(lambda: source.read(2), b"")),
    "line by line": lambda source: b"".join(source),
    "lines of few bytes": lambda source: b"".join(iter(lambda: source.readline(2), b"")),
}


class Application:
    """Answers every request with its method and its path, and keeps what it has read.

    Attributes:
        read: reads a body.
        requests: method, path and body of each request whose body was read.
        hosts: the header ``Host`` of each of these, or nothing.
        failures: what was raised by bodies.
    """

    def __init__(self, read: Callable[[Any], bytes] = READ["at once"]) -> None:
        self.read = read
        self.requests: list[tuple[str, str, bytes]] = []
        self.hosts: list[str] = []
        self.failures: list[Exception] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if environ["QUERY_STRING"]:
            path += "?" + environ["QUERY_STRING"]
        try:
            body = self.read(environ["wsgi.input"])
        except OSError as error:
            self.failures.append(error)
            raise
        self.requests.append((method, path, body))
        self.hosts.append(environ.get("HTTP_HOST", ""))
        answer = f"{method} {path}".encode("latin-1")
        start_response("200 OK", [("Content-Length", str(len(answer)))])
        return [answer]


def ask(port: int, *segments: bytes) -> bytes:
    """Send bytes and say that this was all; return all that is answered."""
    raw = Raw(port)
    try:
        for segment in segments:
            raw.send(segment)
            gevent.sleep(0)
        raw.socket.shutdown(stdlib_socket.SHUT_WR)
    except OSError:
        pass  # the server has stopped reading
    answer = raw.end()
    raw.close()
    return answer


def statuses(answers: bytes) -> list[int]:
    """The status of each answer."""
    return [int(part[:3]) for part in answers.split(b"HTTP/1.1 ")[1:]]
