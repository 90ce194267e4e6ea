"""A fast path for plain requests: pywsgi's reading and writing take most of a poll's time.

If the whole head of a plain request to the resource is there, it is parsed in
one step, and an answer of known length is written in one step. Any other
request is left to pywsgi before a byte of it is consumed. So is everything
around a request: keep-alive, errors, the access log.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from io import DEFAULT_BUFFER_SIZE, BytesIO
from re import Pattern
from time import time
from typing import Any

from gevent import pywsgi
from gevent.socket import socket as GeventSocket  # noqa: N812

from ...hub.gevent_private import bare_socket, wait_readable
from ...wire.http_head import RequestHead, answer_head, read_request_head
from ..handover.handed_socket import HandedSocket
from .access_log import NO_LOG, log_request
from .body import Body, BrokenBody
from .discard_body import abandon_input
from .environ import CONNECTION
from .head_limits import LimitedHandler

__all__ = ["FastHandler"]

_PLAIN = GeventSocket, HandedSocket  # sockets without TLS
_READ_SIZE = DEFAULT_BUFFER_SIZE  # bytes, as pywsgi reads
_MOST_AT_ONCE = 64 * 1024  # bytes of a body that are copied, to be sent together with the head


class _Date:
    """The header ``Date``, which changes only once a second.

    Attributes:
        second: the time of the header, in seconds since the epoch.
        line: the header, and the end of the head.
    """

    __slots__ = ("line", "second")

    def __init__(self) -> None:
        self.second = 0
        self.line = b""

    def renew(self, second: int) -> None:
        """Make the header for another second."""
        # In this order: a server in another thread may read both in between.
        self.line = b"Date: %b\r\n\r\n" % pywsgi.format_date_time(second)
        self.second = second


_date = _Date()


class FastHandler(LimitedHandler):
    """Handles the requests of one connection: plain ones on the fast path."""

    #: The pattern of the first line of plain requests; ``None`` if the fast path is off.
    plain: Pattern[str] | None = None

    status: Any

    _fast = False  # whether this connection uses the fast path: not with TLS
    _first_request = True
    _logs = True  # whether there is an access log
    _upgrades = False  # whether the request asks for a WebSocket
    # The head of an answer that was not sent yet, of the type AnswerHead | None. While the
    # application runs it changes, which type checkers do not see.
    _head: Any = None
    _begun: tuple[str, Sequence[tuple[str, str]]] = "", ()  # its status and headers, as given

    def handle(self) -> None:
        """Handle the requests of one connection; see :meth:`gevent.pywsgi.WSGIHandler.handle`."""
        if self.plain is not None and type(self.socket) in _PLAIN:
            self._fast = True
            no_log = isinstance(self.server.log, NO_LOG)
            self._logs = not (no_log and type(self).log_request is log_request)
        super().handle()

    def abandon_input(self) -> None:
        """Do not read the rest of a long body."""
        abandon_input(self)

    def handle_one_request(self) -> Any:
        """Handle a request; see :meth:`gevent.pywsgi.WSGIHandler.handle_one_request`."""
        if not self._fast or self.rfile.closed:
            return super().handle_one_request()
        self._watch.request_awaited()
        self._push_back.request_awaited()
        try:
            data = self._read_ahead()
        except OSError:  # the client has gone
            return None
        head = read_request_head(self.plain, data)  # type: ignore[arg-type]
        if head is None or not self._begin(head, data):
            self._put_back(data)
            return super().handle_one_request()
        self._watch.head_read()
        self._first_request = False
        if self._upgrades:
            # pywsgi answers, because gevent-websocket extends that.
            self.application = self.server.application
            try:
                self.handle_one_response()
            finally:
                self.begun = b""
                self._upgrades = False
        else:
            self._respond()
        return None if self.close_connection or self.rfile.closed else True

    def _read_ahead(self) -> bytes:
        """Wait until the client has sent something, and read what is there."""
        if not self._reader_empty:
            data = self._await_bytes()
            self.rfile.read(len(data))
            self._reader_empty = True
            return data
        socket = self.socket
        while True:
            # First let the loop serve other clients. The next request is hardly
            # ever there already, so an attempt to read it now would be in vain.
            wait_readable(socket)
            self._push_back.time_slice.restart()
            try:
                return bytes(bare_socket(socket).recv(_READ_SIZE))
            except BlockingIOError:
                pass

    def read_requestline(self) -> str:
        """Read the first line of a head."""
        # _read_ahead() has already waited for it.
        return self._read_begun_line() if self._fast else super().read_requestline()

    def _put_back(self, data: bytes) -> None:
        """Give bytes that were read too early back to the reader."""
        self._push_back.first = data
        self._reader_empty = False

    def _begin(self, head: RequestHead, data: bytes) -> bool:
        """Begin to handle a request; false if pywsgi might handle it in another way.

        Args:
            head: its head.
            data: the bytes that were read from the connection so far.
        """
        size, line, method, target, path, query, (fields, body_size, closes, upgrades) = head
        if size > self.max_header_size or len(fields) > self.max_header_count:
            return False
        environ = self.server.get_environ()
        count = len(environ)
        environ.update(fields)
        if len(environ) != count + len(fields):
            # The server's own environ has some of these names; pywsgi would join the values.
            return False
        environ["REQUEST_METHOD"] = method
        environ["SCRIPT_NAME"] = ""
        environ["PATH_INFO"] = path
        environ["QUERY_STRING"] = query
        environ["SERVER_PROTOCOL"] = "HTTP/1.1"
        address = self.client_address
        if isinstance(address, tuple):
            environ["REMOTE_ADDR"] = str(address[0])
            environ["REMOTE_PORT"] = str(address[1])
        end = size + (body_size or 0)
        self._upgrades = upgrades
        if upgrades:
            # As give_body() does: something other than HTTP follows.
            environ["wsgi.input"] = self.rfile
            self.wsgi_input = Body(self.rfile, None)
            self._reader_empty = False
        elif end <= len(data):
            environ["wsgi.input"] = BytesIO(data[size:end])
            self.wsgi_input = None
        else:
            end = size
            environ["wsgi.input"] = self.wsgi_input = Body(self.rfile, body_size)
            self._reader_empty = False
        if end < len(data):
            self._put_back(data[end:])
        environ["wsgi.input_terminated"] = not upgrades
        environ[CONNECTION] = self
        self.upgrade = None
        if self.hands_over:
            self.begun = data
        self.environ = environ
        self.requestline = line
        self.command = method
        self.path = target
        self.request_version = "HTTP/1.1"
        self.content_length = body_size
        self.close_connection = closes
        return True

    def _respond(self) -> None:
        """Answer a plain request; see :meth:`gevent.pywsgi.WSGIHandler.handle_one_response`."""
        self.time_start = time()
        self.status = self.result = self._head = None
        self.headers_sent = self.response_use_chunked = self.connection_upgraded = False
        self.response_length = 0
        self.application = self.server.application
        try:
            try:
                self.result = self.application(self.environ, self._start)
                if self._head is None:
                    self.process_result()
                else:
                    self._send_result(self.result)
            finally:
                result: Any = self.result
                self.result = self._head = None
                self.begun = b""
                if hasattr(result, "close"):
                    result.close()
                if self.wsgi_input is not None:
                    self._watch.answer_given()
                    self._discard_input()
        except BrokenBody as broken:
            self.refuse_body(broken)
        except OSError as error:
            ignored = error.args[:1] and error.args[0] in self.ignored_socket_errors
            if ignored or self.headers_sent:
                # The client has gone, so an error could not be sent either.
                self.close_connection = True
            else:
                self.handle_error(*sys.exc_info())
        except BaseException:
            self.handle_error(*sys.exc_info())
        finally:
            if self._logs:
                self.time_finish = time()
                self.log_request()

    def _discard_input(self) -> None:
        try:
            self.wsgi_input._discard()
        except BrokenBody:
            raise
        except OSError:
            pass  # the client has gone, so no next request will come

    def _send_result(self, result: Iterable[bytes]) -> None:
        for chunk in result:
            if not chunk:
                continue
            if self._head is None:
                self.write(chunk)
            else:
                self._send_head(chunk)
        if self._head is not None:
            self._send_head(b"")
        elif not self.headers_sent:
            self.write(b"")
        if self.response_use_chunked:
            self._sendall(b"0\r\n\r\n")

    def _start(
        self, status: str, headers: Sequence[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], Any]:
        """The ``start_response`` of plain requests, PEP 3333."""
        if self.result is None and exc_info is None and not self.status:
            try:
                head = answer_head(status, tuple(headers))
            except (AttributeError, TypeError, ValueError):
                head = None
            if head is not None:
                self._head = head
                self._begun = status, headers
                self.status = self._orig_status = status
                self.code = head.code
                if head.closes:
                    self.close_connection = True
                return self._write_early
        self._head = None
        return self.start_response(status, headers, exc_info)  # type: ignore[no-any-return]

    def _write_early(self, data: bytes) -> None:
        """The ``write`` of PEP 3333; from here on, pywsgi sends the answer."""
        if self._head is not None:
            self._head = None
            self.start_response(*self._begun)
        self.write(data)

    def _send_head(self, data: bytes) -> None:
        """Send the head; a body that is not too long goes in the same write."""
        now = int(time())
        if now != _date.second:
            _date.renew(now)
        head = self._head.data + _date.line
        self._head = None
        self.headers_sent = True
        if len(data) > _MOST_AT_ONCE:
            self._sendall(head)
            self._sendall(data)
            return
        data = head + data
        sent = 0
        try:
            sent = bare_socket(self.socket).send(data)
        except OSError:
            pass  # the socket is full or broken: the next lines find out which
        self.response_length += sent
        if sent < len(data):
            self._sendall(memoryview(data)[sent:])
