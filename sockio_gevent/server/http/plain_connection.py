"""The plain requests of one connection, read and answered without pywsgi.

If the whole head of a plain request to the resource is there, it is parsed in
one step, and an answer of known length is written in one step. This class has
no base of gevent, so it can be compiled. The handler of the connection has all
the rest: the first bytes of a request that is not plain, upgrades, and, as soon
as it is asked for, a plain request that turns out to need more.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from io import DEFAULT_BUFFER_SIZE, BytesIO
from re import Pattern
from time import time
from typing import Any

from gevent import pywsgi

from ...hub.gevent_private import bare_socket, wait_readable
from ...hub.time_slice import TimeSlice
from ...wire.http_head import AnswerHead, RequestHead, answer_head, read_request_head
from ..handover.departures import Departure
from ..handover.doors import Doors
from .body import BrokenBody
from .environ import CONNECTION
from .timeouts import ConnectionWatch

__all__ = ["PlainConnection"]

_READ_SIZE = DEFAULT_BUFFER_SIZE  # bytes, as pywsgi reads
_MOST_AT_ONCE = 64 * 1024  # bytes of a body that are copied, to be sent together with the head

_Headers = Sequence[tuple[str, str]]

_NOTHING: dict[str, Any] = {}


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


class PlainConnection:
    """A connection while its requests are plain: a :class:`~.environ.ServerConnection`.

    It is also the ``start_response`` of its requests.

    Args:
        handler: the handler of the connection, a :class:`~.fast_path.FastHandler`.
        watch: the deadlines of the connection.
        time_slice: the time that its greenlet may run before it lets others run.
        logs: whether there is an access log.

    Attributes:
        body: the body of the request, if not all of it was here with its head.
        closes: whether no other request follows.
        code: the number of the status of the answer.
        data: what was read of the request, and behind it.
        environ: the environ of the request.
        head: the head of the request; that of an upgrade, after :meth:`serve` has left it.
        headers_sent: whether the head of the answer was sent from here.
        limits_heads: see :class:`~.environ.ServerConnection`.
        result: what the application has returned; ``None`` until then.
        sent: how many bytes of the answer were sent from here.
        served: whether a request was answered.
        since: when the request came, if there is an access log.
        socket: the gevent socket.
        status: the status of the answer; empty if it has not begun.
        upgrade: always ``None``: for upgrades, the handler is the connection.
    """

    __slots__ = (
        "_answer",
        "_bare",
        "_handler",
        "_headers",
        "_logs",
        "_most_fields",
        "_most_head",
        "_pattern",
        "_peer",
        "_server",
        "_taken",
        "_time_slice",
        "_watch",
        "body",
        "closes",
        "code",
        "data",
        "environ",
        "head",
        "headers_sent",
        "limits_heads",
        "result",
        "sent",
        "served",
        "since",
        "socket",
        "status",
        "upgrade",
    )

    def __init__(
        self, handler: Any, watch: ConnectionWatch, time_slice: TimeSlice, logs: bool
    ) -> None:
        self._handler = handler
        self._watch = watch
        self._time_slice = time_slice
        self._logs = logs
        self._server: Any = handler.server
        self._pattern: Pattern[str] = handler.plain
        self._most_head: int = handler.max_header_size
        self._most_fields: int = handler.max_header_count
        self._bare: Any = bare_socket(handler.socket)
        address = handler.client_address
        self._peer: tuple[str, str] | None = None
        if isinstance(address, tuple):
            self._peer = str(address[0]), str(address[1])
        self.limits_heads = True
        self.socket: Any = handler.socket
        self.upgrade: Any = None
        self.served = False
        self.since = 0.0
        self.code = 0
        self.forget()

    def forget(self) -> None:
        """Forget a request that has been answered."""
        self.data = b""
        self.head: RequestHead | None = None
        self.environ = _NOTHING
        self.body: Any = None
        self.closes = False
        self._taken = False  # whether the handler has the request
        self.status = ""
        self._headers: _Headers = ()  # of the answer, as given
        self._answer: AnswerHead | None = None  # its head, until it is sent
        self.headers_sent = False
        self.sent = 0
        self.result: Any = None

    # --- requests ---

    def serve(self, data: bytes) -> bytes | None:
        """Answer plain requests, until one comes that is not plain or asks for an upgrade.

        Args:
            data: what was read already; if it is empty, the reader of the handler has nothing.

        Returns:
            What was read of that request, or nothing if the reader of the handler may have
            more; ``None`` at the end of the connection.
        """
        while True:
            if data:
                # The client has sent this before the last answer, and may continue for long.
                self._time_slice.pause()
            else:
                try:
                    data = self._receive()
                except OSError:  # the client has gone
                    return None
            if not data:
                return None
            head = read_request_head(self._pattern, data)
            if head is None:
                return data
            size, fields = head[0], head[6]
            if size > self._most_head or len(fields.environ) > self._most_fields:
                return data
            environ = self.environ_of(head)
            if environ is None:
                return data
            self.head = head
            self.data = data
            self.environ = environ
            self.closes = fields.closes
            if fields.upgrades:
                return data
            end = size + (fields.body_size or 0)
            if end <= len(data):
                environ["wsgi.input"] = BytesIO(data[size:end])
            else:
                self.body = self._handler.late_body(data[size:], fields.body_size)
                environ["wsgi.input"] = self.body
            environ["wsgi.input_terminated"] = True
            environ[CONNECTION] = self
            self._watch.head_read()
            self.served = True
            late = self.body is not None
            try:
                self._respond()
                closes = self.closes or self._is_over()
            finally:
                self.forget()
            if closes:
                return None
            data = data[end:]
            if late:
                return b""
            self._watch.request_awaited()

    def _receive(self) -> bytes:
        """Wait until the client has sent something, and read what is there."""
        while True:
            # First let the loop serve other clients. The next request is hardly
            # ever there already, so an attempt to read it now would be in vain.
            wait_readable(self.socket)
            self._time_slice.restart()
            try:
                return bytes(self._bare.recv(_READ_SIZE))
            except BlockingIOError:
                pass

    def environ_of(self, head: RequestHead) -> dict[str, Any] | None:
        """The environ of a request, without its input; ``None`` if pywsgi might make another."""
        _, _, method, _, path, query, fields = head
        environ: dict[str, Any] = self._server.get_environ()
        count = len(environ)
        environ.update(fields.environ)
        if len(environ) != count + len(fields.environ):
            # The server's own environ has some of these names; pywsgi would join the values.
            return None
        environ["REQUEST_METHOD"] = method
        environ["SCRIPT_NAME"] = ""
        environ["PATH_INFO"] = path
        environ["QUERY_STRING"] = query
        environ["SERVER_PROTOCOL"] = "HTTP/1.1"
        peer = self._peer
        if peer is not None:
            environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = peer
        return environ

    def _is_over(self) -> bool:
        """Whether the handler, which may have the request, does not go on."""
        handler = self._handler
        return self._taken and bool(handler.close_connection or handler.rfile.closed)

    def _take(self) -> Any:
        """Give the request to the handler, in the state that it has come to."""
        handler = self._handler
        if not self._taken:
            self._taken = True
            handler.take(self)
        return handler

    # --- answers ---

    def _respond(self) -> None:
        """Answer the request; see :meth:`gevent.pywsgi.WSGIHandler.handle_one_response`."""
        if self._logs:
            self.since = time()
        try:
            try:
                application = self._server.application
                self.result = result = application(self.environ, self)
                if self._answer is None:
                    handler = self._take()
                    handler.result = result
                    handler.process_result()
                elif type(result) is list and len(result) == 1 and result[0]:
                    self._send(result[0])
                else:
                    self._send_result(result)
            finally:
                self._end_answer()
        except BrokenBody as broken:
            self._take().refuse_body(broken)
        except OSError as error:
            handler = self._handler
            ignored = error.args[:1] and error.args[0] in handler.ignored_socket_errors
            if ignored or self.headers_sent or (self._taken and handler.headers_sent):
                # The client has gone, so an error could not be sent either.
                self.closes = True
            else:
                self._take().handle_error(*sys.exc_info())
        except BaseException:
            self._take().handle_error(*sys.exc_info())
        finally:
            if self._logs:
                self._take().log_answer()

    def _end_answer(self) -> None:
        """Close what the application has returned, and read the rest of the body."""
        result, self.result = self.result, None
        self._answer = None
        handler = self._handler
        if self._taken:
            handler.result = None
            handler.begun = b""
        if type(result) is not list and hasattr(result, "close"):
            result.close()
        if self.body is not None or (self._taken and handler.wsgi_input is not None):
            self._watch.answer_given()
            self._take().discard_input()

    def _send_result(self, result: Iterable[bytes]) -> None:
        for chunk in result:
            if not chunk:
                continue
            if self._answer is None:
                self._take().write(chunk)
            else:
                self._send(chunk)
        if self._answer is not None:
            self._send(b"")
        elif self._taken:
            self._handler.end_result()

    def __call__(self, status: str, headers: _Headers, exc_info: Any = None) -> Any:
        """The ``start_response`` of the request, PEP 3333."""
        if self.result is None and exc_info is None and not self.status:
            try:
                answer = answer_head(status, tuple(headers))
            except (AttributeError, TypeError, ValueError):
                answer = None
            if answer is not None:
                self._headers = headers
                self.begin(status, answer)
                return self._write_early
        self._answer = None
        return self._take().start_response(status, headers, exc_info)

    def begin(self, status: str, answer: AnswerHead) -> None:
        """Begin the answer, as ``start_response`` does."""
        self._answer = answer
        self.status = status
        self.code = answer.code
        if answer.closes:
            self.closes = True
        if self._taken:
            self._handler.note(self)

    def _write_early(self, data: bytes) -> None:
        """The ``write`` of PEP 3333; from here on, pywsgi sends the answer."""
        handler = self._take()
        if self._answer is not None:
            self._answer = None
            handler.start_response(self.status, self._headers)
        handler.write(data)

    def _send(self, data: bytes) -> None:
        """Send the head; a body that is not too long goes in the same write."""
        answer, self._answer = self._answer, None
        now = int(time())
        if now != _date.second:
            _date.renew(now)
        self.headers_sent = True
        assert answer is not None
        if len(data) > _MOST_AT_ONCE:
            handler = self._take()
            handler.note(self)
            handler.send_all(answer.data + _date.line)
            handler.send_all(data)
            return
        whole = b"".join((answer.data, _date.line, data))
        sent = 0
        try:
            sent = self._bare.send(whole)
        except OSError:
            pass  # the socket is full or broken: the next lines find out which
        self.sent = sent
        if self._taken:
            self._handler.note(self)
        if sent < len(whole):
            self._take().send_all(memoryview(whole)[sent:])

    # --- the connection of the request, see environ.ServerConnection ---

    def abandon_input(self) -> None:
        """Do not read the rest of a long body."""
        self._take().abandon_input()

    def answer_given(self) -> None:
        """All of the answer is there: from now on the client has so long to take it."""
        self._watch.answer_given()

    def note_door(self, doors: Doors) -> None:
        """Note its server, if that can take connections of other workers."""
        self._handler.note_door(doors)

    def departure(self) -> Departure | None:
        """How the connection can leave this worker; ``None`` if it cannot."""
        handler = self._take()
        if handler.hands_over:
            handler.begun = self.data
        departure: Departure | None = handler.departure()
        return departure
