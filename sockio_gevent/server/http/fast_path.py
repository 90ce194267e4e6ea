"""A fast path for plain requests: pywsgi's reading and writing take most of a poll's time.

Plain requests to the resource are read and answered by the :class:`.PlainConnection`
of the handler. Any other request is left to pywsgi before a byte of it is
consumed. So is everything around a request: errors, long bodies, the access log.
"""

from __future__ import annotations

from time import time
from typing import Any

from gevent.socket import socket as GeventSocket  # noqa: N812

from ..handover.handed_socket import HandedSocket
from .access_log import NO_LOG, log_request
from .body import Body, BrokenBody
from .discard_body import abandon_input
from .environ import CONNECTION
from .head_limits import LimitedHandler
from .plain_connection import PlainConnection

__all__ = ["FastHandler"]

_PLAIN = GeventSocket, HandedSocket  # sockets without TLS


class FastHandler(LimitedHandler):
    """Handles the requests of one connection: plain ones on the fast path."""

    #: How the paths of plain requests begin; ``None`` if the fast path is off.
    plain: tuple[str, ...] | None = None

    status: Any

    _fast = False  # whether this connection uses the fast path: not with TLS
    _first_request = True
    _upgrades = False  # whether a request on the fast path asks for a WebSocket
    _connection: PlainConnection | None = None  # if it does, from its first request on

    def handle(self) -> None:
        """Handle the requests of one connection; see :meth:`gevent.pywsgi.WSGIHandler.handle`."""
        self._fast = self.plain is not None and type(self.socket) in _PLAIN
        try:
            super().handle()
        finally:
            self._connection = None  # it refers to this handler

    def handle_one_request(self) -> Any:
        """Handle a request; see :meth:`gevent.pywsgi.WSGIHandler.handle_one_request`."""
        if not self._fast or self.rfile.closed:
            return super().handle_one_request()
        connection = self._connection
        if connection is None:
            no_log = isinstance(self.server.log, NO_LOG)
            logs = not (no_log and type(self).log_request is log_request)
            time_slice = self._push_back.time_slice
            connection = PlainConnection(self, self._watch, time_slice, logs)
            self._connection = connection
        self._watch.request_awaited()
        self._push_back.request_awaited()
        try:
            data = connection.serve(self._take_read())
        except OSError:  # the client has gone
            return None
        if connection.served:
            self._first_request = False
        if data is None:
            return None
        if connection.head is not None:
            return self._answer_upgrade(connection)
        if not data:
            return True
        self._put_back(data)
        return super().handle_one_request()

    def _take_read(self) -> bytes:
        """What the reader has read already; nothing if it is certain that it has nothing."""
        if self._reader_empty:
            return b""
        data = self._await_bytes()
        self.rfile.read(len(data))
        self._reader_empty = True
        return data

    def read_requestline(self) -> str:
        """Read the first line of a head."""
        # The first bytes of it are here already.
        return self._read_begun_line() if self._fast else super().read_requestline()

    def _put_back(self, data: bytes) -> None:
        """Give bytes that were read too early back to the reader."""
        self._push_back.first = data
        self._reader_empty = False

    def _answer_upgrade(self, connection: PlainConnection) -> Any:
        """Answer a request for a WebSocket; pywsgi does, because gevent-websocket extends it."""
        self._watch.head_read()
        self._first_request = False
        self.take(connection)
        self.wsgi_input = Body(self.rfile, None)
        size = connection.head[0]  # type: ignore[index]
        if size < len(connection.data):
            self._put_back(connection.data[size:])
        self._reader_empty = False
        if self.hands_over:
            self.begun = connection.data
        self.application = self.server.application
        # As give_body() does: something other than HTTP follows.
        self.environ["wsgi.input"] = self.rfile
        self.environ["wsgi.input_terminated"] = False
        self.environ[CONNECTION] = self
        self._upgrades = True
        try:
            self.handle_one_response()
        finally:
            self._upgrades = False
            self.begun = b""
            connection.forget()
        return None if self.close_connection or self.rfile.closed else True

    # --- what the plain connection asks for ---

    def late_body(self, begun: bytes, size: int) -> Body:
        """The body of a plain request, of which only the first bytes are here."""
        self._reader_empty = False
        if begun:
            self._put_back(begun)
        return Body(self.rfile, size)

    def take(self, connection: PlainConnection) -> None:
        """Take a plain request, in the state that it has come to."""
        _, line, method, target, _, _, fields = connection.head  # type: ignore[misc]
        self.environ = connection.environ
        self.upgrade = None
        self.requestline = line
        self.command = method
        self.path = target
        self.request_version = "HTTP/1.1"
        self.content_length = fields.body_size
        self.close_connection = False
        self.wsgi_input = connection.body
        self.result = connection.result
        self.status = None
        self._orig_status: Any = None
        self.response_use_chunked = self.connection_upgraded = False
        self.time_start = connection.since
        self.note(connection)

    def note(self, connection: PlainConnection) -> None:
        """Note how far the answer to a plain request is, after :meth:`take`."""
        self.close_connection |= connection.closes
        self.headers_sent = connection.headers_sent
        self.response_length = connection.sent
        if connection.status:
            self.status = self._orig_status = connection.status
            self.code = connection.code

    def send_all(self, data: bytes | memoryview) -> None:
        """Send bytes, and wait until the socket has taken them."""
        self._sendall(data)

    def end_result(self) -> None:
        """Send the end of an answer that pywsgi has begun."""
        if not self.headers_sent:
            self.write(b"")
        if self.response_use_chunked:
            self._sendall(b"0\r\n\r\n")

    def discard_input(self) -> None:
        """Read the rest of a body."""
        try:
            self.wsgi_input._discard()
        except BrokenBody:
            raise
        except OSError:
            pass  # the client has gone, so no next request will come

    def has_lost_client(self, error: BaseException, sent: bool) -> bool:
        """Whether an error of a plain request means that the client has gone.

        Args:
            error: the error.
            sent: whether the head of the answer was sent.
        """
        if not isinstance(error, OSError) or isinstance(error, BrokenBody):
            return False
        return sent or (bool(error.args) and error.args[0] in self.ignored_socket_errors)

    def fail(self, error: BaseException) -> None:
        """Answer a plain request with an error, if that is still possible."""
        if isinstance(error, BrokenBody):
            self.refuse_body(error)
        else:
            self.handle_error(type(error), error, error.__traceback__)

    def log_answer(self) -> None:
        """Write the line to the access log."""
        self.time_finish = time()
        self.log_request()

    def abandon_input(self) -> None:
        """Do not read the rest of a long body."""
        abandon_input(self)
