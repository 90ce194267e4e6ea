"""Relays one request to the owner of its session, and the answer back.

It is for connections that cannot leave the server that has accepted them. The owner has the
other end of a socket; what one side does not read waits in the buffers of that socket.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gevent

from ...refusal import Refusal
from ..http.environ import connection_of
from ..http.foreign_connection import ForeignConnection
from ..http.other_servers import of_pywsgi
from ..stream.hang_up import HangUpWatch
from ..stream.sockets import read_ahead, shut_down
from .answer_reader import AnswerReader, Head, NoAnswer
from .pipe import pipe
from .relayed_request import send_body

__all__ = ["RelayedAnswer", "relay"]

# They are for one connection only (RFC 9110, section 7.6.1), or the server sets its own.
_NOT_PASSED_ON = frozenset(("transfer-encoding", "keep-alive", "date", "server"))
_OF_SOCKETS = frozenset(("connection", "upgrade"))

_QUIET = 4.0  # seconds without an answer after which the owner is checked


def relay(
    environ: dict[str, Any],
    start_response: Callable[..., Any],
    owner: Any,
    has_all: bool,
    keep: Callable[[Any], object],
    check: Callable[[], object],
) -> Iterator[bytes] | list[bytes] | None:
    """Relay a request whose head the owner of its session has.

    Args:
        environ: the WSGI environ of the request.
        start_response: the WSGI function that begins the response.
        owner: the gevent socket whose other end the owner has.
        has_all: whether the owner has the body, too.
        keep: called with that socket in the end, if it can carry another request.
        check: called again and again while no answer comes; raises if the owner stands still.

    Returns:
        The body of the answer; ``None`` if the owner has gone without an answer.
    """
    answer = RelayedAnswer(environ, owner, has_all, keep)
    try:
        head = answer.head(check)
        if head is None:
            answer.close()
            return None
        if head.status[:3] == "101" or environ.get("wsgi.websocket"):
            _switch(environ, start_response, head, answer)
            answer.close()
            return []
        connection = connection_of(environ)
        dropped = _NOT_PASSED_ON | (_OF_SOCKETS if connection is None else frozenset())
        headers = [each for each in head.headers if each[0].lower() not in dropped]
        write = start_response(head.status, headers)
        if head.get("content-length") is None:
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
        has_all: whether the owner has all of the request.
        keep: called with it in the end, if it can carry another request.

    Attributes:
        owner: the same as given.
        reader: reads the answer.
    """

    def __init__(
        self, environ: dict[str, Any], owner: Any, has_all: bool, keep: Callable[[Any], object]
    ) -> None:
        connection = connection_of(environ)
        self._connection = connection
        self._socket = None if connection is None else connection.socket
        self._keep = keep
        self._sender: gevent.Greenlet | None = None
        # Some servers read the rest themselves, and from a reader that nobody else may use then.
        self._reads_on = connection is None or "werkzeug.socket" in environ
        self._refused = False  # whether the owner does not want the rest of the body
        self._watch: HangUpWatch | None = None
        self.owner = owner
        self.reader = AnswerReader(owner, environ["REQUEST_METHOD"] == "HEAD")
        if not has_all:
            self._sender = gevent.spawn(send_body, environ, owner)
        elif self._socket is not None and not environ.get("wsgi.websocket"):
            self._watch = HangUpWatch(self._socket, self._hung_up)

    def head(self, check: Callable[[], object]) -> Head | None:
        """Wait for the head of the answer; ``None`` if the owner has gone; see :func:`relay`."""
        try:
            while (head := self._head_soon()) is None:
                # A poll may wait for long: only the owner can tell whether it does.
                check()
        except NoAnswer:
            return None
        if head.status[:3] == "101":
            self._stop_watching()
        elif self._sender is not None and not self._sender.ready():
            self._refused = head.get("connection") == "close"
        return head

    def _head_soon(self) -> Head | None:
        """The head of the answer, if it comes soon."""
        timeout = gevent.Timeout.start_new(_QUIET)
        try:
            return self.reader.head()
        except gevent.Timeout as silence:
            if silence is not timeout:
                raise
            return None
        finally:
            timeout.close()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            data = self.reader.read()
        except NoAnswer:
            # The client must notice that this is not all.
            if self._socket is None:
                raise ConnectionResetError("the owner of the session has cut the answer") from None
            shut_down(self._socket)
            data = b""
        if not data:
            raise StopIteration
        return data

    def close(self) -> None:
        """The server is done with the answer (PEP 3333)."""
        self._stop_watching()
        sender, self._sender = self._sender, None
        sent = sender is None or (sender.ready() and bool(sender.value))
        if sender is not None:
            self._end_sending(sender)
        owner, self.owner = self.owner, None
        if owner is None:
            return
        if self.reader.whole and sent and not self.reader.rest:
            self._keep(owner)
        else:
            owner.close()

    def _end_sending(self, sender: gevent.Greenlet) -> None:
        """The client must see the answer, even if it still sends."""
        if self._refused and self._reads_on:
            # They must not miss what a killed reader took.
            sender.join(_QUIET)
        sender.kill()
        if self._refused and self._connection is not None and not self._reads_on:
            self._connection.abandon_input()

    def _stop_watching(self) -> None:
        if self._watch is not None:
            self._watch.stop()
            self._watch = None

    def _hung_up(self) -> None:
        """The client has hung up: the owner must know."""
        self._watch = None
        if self.owner is not None:
            shut_down(self.owner)


def _switch(
    environ: dict[str, Any],
    start_response: Callable[..., Any],
    head: Head,
    answer: RelayedAnswer,
) -> None:
    """Pass a WebSocket on, to its end."""
    connection: Any = connection_of(environ)
    websocket = environ.get("wsgi.websocket")
    if head.status[:3] != "101":
        # The handshake was over before the listener was asked.
        text = answer.reader.read().decode("utf-8", "replace").strip()
        connection.upgrade.refuse(Refusal(head.status, text or head.status))
        return
    if not isinstance(connection, ForeignConnection):
        connection = of_pywsgi(connection)
    socket, owner = connection.socket, answer.owner
    first = answer.reader.rest
    if websocket:
        # An object that is not marked as closed sends a close frame.
        websocket.closed = True
    else:
        # The server needs this for its access log; it must not write the head itself.
        start_response(head.status, head.headers)
        connection.keep_quiet()
        lines = [f"HTTP/1.1 {head.status}"]
        lines += [f"{name}: {value}" for name, value in head.headers]
        first = "\r\n".join([*lines, "", ""]).encode("latin-1") + first
    try:
        socket.sendall(first)
        owner.sendall(read_ahead(socket, connection.reader()))
    except OSError:
        shut_down(socket)
        return
    pipe(socket, owner)
