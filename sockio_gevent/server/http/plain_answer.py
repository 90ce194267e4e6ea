"""Answers to plain requests, each in one write; pywsgi sends those that are not so simple."""

from __future__ import annotations

from collections.abc import Sequence
from time import time
from typing import Any, Final

from ...hub.gevent_private import bare_socket
from ...wire.http_head import AnswerHead, RequestHead, answer_head
from .later_answer import LaterAnswer
from .timeouts import ConnectionWatch

__all__ = ["PlainAnswer"]

# Bytes of a body that are copied, to be sent together with the head.
_MOST_AT_ONCE: Final = 64 * 1024

_Headers = Sequence[tuple[str, str]]

_NOTHING: Final[dict[str, Any]] = {}


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
        # Not on top: importing the package must not import a server.
        from gevent.pywsgi import format_date_time

        # In this order: a server in another thread may read both in between.
        self.line = b"Date: %b\r\n\r\n" % format_date_time(second)
        self.second = second


_date: Final = _Date()


class PlainAnswer:
    """The answer to one plain request after the other; it is their ``start_response``, too.

    Args:
        handler: the handler of the connection, a :class:`~.fast_path.FastHandler`.
        watch: the deadlines of the connection.
        logs: whether there is an access log.

    Attributes:
        body: the body of the request, if not all of it was here with its head.
        closes: whether no other request follows.
        code: the number of the status of the answer.
        data: what was read of the request, and behind it, if another worker may need it.
        environ: the environ of the request.
        head: the head of the request.
        headers_sent: whether the head of the answer was sent from here.
        result: what the application has returned; ``None`` until then.
        sent: how many bytes of the answer were sent from here.
        since: when the request came, if there is an access log.
        status: the status of the answer; empty if it has not begun.
    """

    __slots__ = (
        "_answer",
        "_bare",
        "_handler",
        "_headers",
        "_later",
        "_logs",
        "_server",
        "_taken",
        "_watch",
        "body",
        "closes",
        "code",
        "data",
        "environ",
        "head",
        "headers_sent",
        "result",
        "sent",
        "since",
        "status",
    )

    def __init__(self, handler: Any, watch: ConnectionWatch, logs: bool) -> None:
        self._handler = handler
        self._watch = watch
        self._logs = logs
        self._server: Any = handler.server
        self._bare: Any = bare_socket(handler.socket)
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
        self._later: LaterAnswer | None = None  # the answer, if it comes later
        self.headers_sent = False
        self.sent = 0
        self.result: Any = None

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

    def _respond(self) -> None:
        """Answer the request; see :meth:`gevent.pywsgi.WSGIHandler.handle_one_response`."""
        if self._logs:
            self.since = time()
        try:
            try:
                application = self._server.application
                self.result = application(self.environ, self)
                if self._answer is not None:
                    self._send_result(self.result)
                elif isinstance(self.result, LaterAnswer) and self.takes_later_answers:
                    self._later, self.result = self.result, None
                    self._send_later()
                else:
                    handler = self._take()
                    handler.result = self.result
                    handler.process_result()
            finally:
                self._end_answer()
        except BaseException as error:
            if self.head is None:
                raise  # the request is over, and this greenlet was waiting for the next one
            handler = self._handler
            sent = self.headers_sent or (self._taken and bool(handler.headers_sent))
            if handler.has_lost_client(error, sent):
                self.closes = True  # an error could not be sent either
            else:
                self._take().fail(error)
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
        if self._later is not None:
            self._later.close()
        if self.body is not None or (self._taken and handler.wsgi_input is not None):
            self._watch.answer_given()
            self._take().discard_input()

    @property
    def takes_later_answers(self) -> bool:
        """Whether the application may return a :class:`.LaterAnswer`."""
        return self.body is None and not self._taken and not self._logs

    def _send_later(self) -> None:
        """Wait for the later answer, and send it."""
        raise NotImplementedError

    def _send_result(self, result: Any) -> None:
        if type(result) is list and len(result) == 1 and result[0]:
            self._send(result[0])
            return
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

    def __call__(self, status: Any, headers: Any, exc_info: Any = None) -> Any:
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

    def _write_early(self, data: Any) -> None:
        """The ``write`` of PEP 3333; from here on, pywsgi sends the answer."""
        handler = self._take()
        if self._answer is not None:
            self._answer = None
            handler.start_response(self.status, self._headers)
        handler.write(data)

    def _send(self, data: Any) -> None:
        """Send the head; a body that is not too long goes in the same write."""
        if len(data) > _MOST_AT_ONCE:
            head = self._next_head()
            handler = self._take()
            handler.note(self)
            handler.send_all(head)
            handler.send_all(data)
            return
        rest = self._send_what_fits(data)
        if rest is not None:
            self._take().send_all(rest)

    def _send_what_fits(self, data: Any) -> memoryview | None:
        """Send as much of the head and the body as the socket takes now; return the rest."""
        whole = self._next_head() + data
        sent = 0
        try:
            sent = self._bare.send(whole)
        except OSError:
            pass  # the socket is full or broken: who sends the rest finds out which
        self.sent = sent
        if self._taken:
            self._handler.note(self)
        return memoryview(whole)[sent:] if sent < len(whole) else None

    def _next_head(self) -> bytes:
        """The head of the answer, which is sent next."""
        answer, self._answer = self._answer, None
        now = int(time())
        if now != _date.second:
            _date.renew(now)
        self.headers_sent = True
        assert answer is not None
        return answer.data + _date.line
