"""Relays one request to the owner of its session, and the answer back.

It is for connections that cannot leave the server that has accepted them. The owner has the
other end of a socket; what one side does not read waits in the buffers of that socket.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http.client import HTTPException, HTTPResponse
from typing import Any

import gevent

from ...refusal import Refusal
from ..http.environ import connection_of
from ..http.foreign_connection import ForeignConnection
from ..http.other_servers import of_pywsgi
from ..stream.hang_up import HangUpWatch
from ..stream.sockets import read_ahead, shut_down
from .pipe import pipe
from .relayed_request import send_body, size_of_body

__all__ = ["RelayedAnswer", "relay"]

_PIECE = 64 * 1024  # bytes of an answer that are passed on at once

# They are for one connection only (RFC 9110, section 7.6.1), or the server sets its own.
_NOT_PASSED_ON = frozenset(("transfer-encoding", "keep-alive", "date", "server"))
_OF_SOCKETS = frozenset(("connection", "upgrade"))


def relay(
    environ: dict[str, Any], start_response: Callable[..., Any], owner: Any
) -> Iterator[bytes] | list[bytes] | None:
    """Relay a request whose head the owner of its session has.

    Args:
        environ: the WSGI environ of the request.
        start_response: the WSGI function that begins the response.
        owner: the gevent socket whose other end the owner has.

    Returns:
        The body of the answer; ``None`` if the owner has gone without an answer.
    """
    answer = RelayedAnswer(environ, owner)
    try:
        response = answer.head()
        if response is None:
            answer.close()
            return None
        if response.status == 101 or environ.get("wsgi.websocket"):
            _switch(environ, start_response, response, owner)
            answer.close()
            return []
        connection = connection_of(environ)
        dropped = _NOT_PASSED_ON | (_OF_SOCKETS if connection is None else frozenset())
        headers = [each for each in response.getheaders() if each[0].lower() not in dropped]
        write = start_response(f"{response.status} {response.reason}", headers)
        if response.getheader("Content-Length") is None:
            write(b"")  # a stream: its head must not wait for its first message
    except BaseException:
        answer.close()
        raise
    return answer


class RelayedAnswer:
    """The answer of the owner, which is the body of the answer here.

    Args:
        environ: the WSGI environ of the request.
        owner: the gevent socket whose other end the owner has.
    """

    def __init__(self, environ: dict[str, Any], owner: Any) -> None:
        connection = connection_of(environ)
        self._socket = None if connection is None else connection.socket
        self._owner = owner
        self._sender: gevent.Greenlet | None = None
        self._watch: HangUpWatch | None = None
        self._response = HTTPResponse(owner, method=environ["REQUEST_METHOD"])
        if size_of_body(environ) != 0:
            self._sender = gevent.spawn(send_body, environ, owner)
        elif self._socket is not None and not environ.get("wsgi.websocket"):
            self._watch = HangUpWatch(self._socket, self._hung_up)

    def head(self) -> HTTPResponse | None:
        """Wait for the head of the answer; ``None`` if the owner has gone."""
        try:
            self._response.begin()
        except (OSError, HTTPException):
            return None
        if self._response.status == 101 and self._watch is not None:
            self._watch.stop()
            self._watch = None
        return self._response

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        response = self._response
        try:
            data = response.read1(_PIECE)
        except (OSError, HTTPException):
            data = b""
            whole = False
        else:
            whole = response.length is None or response.length == 0
        if data:
            return data
        if not whole:
            # The client must notice that this is not all.
            if self._socket is None:
                raise ConnectionResetError("the owner of the session has cut the answer")
            shut_down(self._socket)
        raise StopIteration

    def close(self) -> None:
        """The server is done with the answer (PEP 3333)."""
        if self._watch is not None:
            self._watch.stop()
            self._watch = None
        if self._sender is not None:
            self._sender.kill()
        self._response.close()
        self._owner.close()

    def _hung_up(self) -> None:
        """The client has hung up: the owner must know."""
        self._watch = None
        shut_down(self._owner)


def _switch(
    environ: dict[str, Any], start_response: Callable[..., Any], response: HTTPResponse, owner: Any
) -> None:
    """Pass a WebSocket on, to its end."""
    connection: Any = connection_of(environ)
    websocket = environ.get("wsgi.websocket")
    status = f"{response.status} {response.reason}"
    if response.status != 101:
        # The handshake was over before the listener was asked.
        text = response.read(_PIECE).decode("utf-8", "replace").strip()
        connection.upgrade.refuse(Refusal(status, text or response.reason))
        return
    if not isinstance(connection, ForeignConnection):
        connection = of_pywsgi(connection)
    socket = connection.socket
    first = read_ahead(owner, response.fp)
    if websocket:
        # An object that is not marked as closed sends a close frame.
        websocket.closed = True
    else:
        connection.keep_quiet()
        headers = response.getheaders()
        start_response(status, headers)
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers), "", ""]
        first = "\r\n".join(lines).encode("latin-1") + first
    try:
        socket.sendall(first)
        owner.sendall(read_ahead(socket, connection.reader()))
    except OSError:
        shut_down(socket)
        return
    pipe(socket, owner)
