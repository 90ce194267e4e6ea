"""gevent's HTTP handler with limits for the size of a head and the time that it may take."""

from __future__ import annotations

from collections.abc import Iterator
from io import DEFAULT_BUFFER_SIZE, BufferedReader
from typing import Any

from gevent.pywsgi import WSGIHandler

from ...monitoring.reasons import Limit
from ...monitoring.throttled_log import ThrottledLog
from ...options.limits import Limits
from ...wire.http_malformed import head_problem, line_problem, sound_head_lines
from ...wire.http_target import split_url
from ..handover.handed_socket import HandedSocket
from ..stream.sockets import read_ahead
from .access_log import AccessLogHandler
from .body import BrokenBody, give_body
from .push_back import PushBack
from .timeouts import ConnectionWatch, HTTPTimeouts
from .upgrade import may_upgrade

__all__ = ["LimitedHandler"]

_END = b"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large" + _END
_MALFORMED = b"HTTP/1.1 400 Bad Request" + _END

_NO_PREFIX = ("CONTENT_TYPE", "CONTENT_LENGTH")  # as an environ names headers


class _HeadTooLarge(Exception):
    def __init__(self, limit: Limit, text: str) -> None:
        super().__init__(text)
        self.limit = limit


class _Head:
    """Replaces the reader of a connection while the lines of a head are read.

    Args:
        reader: the reader.
        size: how many bytes of the head were already read.
        max_size: how many bytes it may have.
        max_count: how many header lines it may have.

    Attributes:
        lines: the lines that were read.
        whole: whether the end of the head was read.
    """

    def __init__(self, reader: Any, size: int, max_size: int, max_count: int) -> None:
        self._reader = reader
        self._left = max_size - size
        self._max_size = max_size
        self._max_count = max_count
        self.lines: list[bytes] = []
        self.whole = False

    def readline(self, size: int = -1) -> bytes:
        """Read a line."""
        most = max(self._left, 0) + 1
        line = bytes(self._reader.readline(most if size < 0 else min(size, most)))
        self._left -= len(line)
        if self._left < 0:
            raise _HeadTooLarge(Limit.HEADER_SIZE, f"a head has over {self._max_size} bytes")
        if line == b"\r\n":
            self.whole = True
        elif line:
            # The parser also stops at a bare line feed; head_problem() refuses that later.
            self.whole = line == b"\n"
            self.lines.append(line)
            if len(self.lines) > self._max_count:
                text = f"a head has over {self._max_count} header lines"
                raise _HeadTooLarge(Limit.HEADER_COUNT, text)
        return line


class LimitedHandler(AccessLogHandler):
    """Handles the requests of one connection, within limits of size and time."""

    #: How long the server waits for clients; set for each server.
    timeouts: HTTPTimeouts

    #: Counts the heads that are too large; set for each server.
    limits: Limits
    #: Of a connection, see :class:`~.environ.ServerConnection`.
    limits_heads = True
    upgrade: Any = None

    #: The log for malformed requests; set for each server.
    throttled_log: ThrottledLog

    #: The largest head, in bytes, and the most header lines.
    max_header_size = 16 * 1024
    max_header_count = 80

    rfile: Any
    headers: Any
    path: str
    command: str
    requestline: str
    close_connection: bool
    wsgi_input: Any

    _watch: ConnectionWatch
    _push_back: PushBack  # the raw stream below the reader
    _reader_empty = True  # whether it is certain that the reader holds nothing

    #: Whether connections may be handed over to other workers; set for each server.
    hands_over = False

    #: The bytes that a request on the fast path has begun with, if its connection may be handed
    #: over; empty on the slow path.
    begun = b""

    def __init__(self, sock: Any, address: Any, server: Any, rfile: Any = None) -> None:
        base: Any = super().__init__
        self._may_be_begun = rfile is not None or base.__func__ is not WSGIHandler.__init__
        base(sock, address, server, rfile)

    def handle(self) -> None:
        """Handle the requests of one connection; see :meth:`gevent.pywsgi.WSGIHandler.handle`."""
        self._watch = ConnectionWatch(self.timeouts, self.socket, self.client_address)
        self._push_back = raw = PushBack(self.socket)
        if type(self.socket) is HandedSocket:
            raw.first = self.socket.take_begun()
            self._reader_empty = not raw.first
        elif self._may_be_begun:
            # The server or the handler class may have read from it already, for
            # example the client's address that a proxy sends first.
            raw.first = read_ahead(self.socket, self.rfile)
            self._reader_empty = not raw.first
        self.rfile = BufferedReader(raw, max(DEFAULT_BUFFER_SIZE, len(raw.first)))
        try:
            super().handle()
        except OSError:
            pass  # the client has hung up before it got the error
        finally:
            self._watch.stop()

    def handle_one_request(self) -> Any:
        """Handle a request; see :meth:`gevent.pywsgi.WSGIHandler.handle_one_request`."""
        self._watch.request_awaited()
        self._push_back.request_awaited()
        result = super().handle_one_request()
        # A client that was cut off gets no answer, and no second log line.
        return None if self._watch.expired else result

    def read_requestline(self) -> str:
        """Read the first line of a head."""
        self._await_bytes()
        return self._read_begun_line()

    def _await_bytes(self) -> bytes:
        """Wait until the client has sent something; return it without consuming it."""
        reads = self._push_back.reads
        data = bytes(self.rfile.peek(1))
        if data and self._push_back.reads == reads:
            # The client has sent this before the last answer, and may continue for long.
            self._push_back.time_slice.pause()
        return data

    def _read_begun_line(self) -> str:
        self.rfile.peek(1)
        self._watch.head_begun()
        return super().read_requestline()  # type: ignore[no-any-return]

    def read_request(self, raw_requestline: str) -> Any:
        """Read a head; see :meth:`gevent.pywsgi.WSGIHandler.read_request`.

        Raises:
            ValueError: if something is wrong with it.
        """
        if problem := line_problem(raw_requestline):
            self.requestline = raw_requestline.rstrip()  # for the access log
            raise ValueError(problem)
        reader, size = self.rfile, len(raw_requestline)
        # Usually the whole head is here, and nothing is odd about it.
        lines, sound_size = sound_head_lines(reader.peek(1))
        if 0 < lines <= self.max_header_count and size + sound_size <= self.max_header_size:
            done = super().read_request(raw_requestline)
        else:
            head = _Head(reader, size, self.max_header_size, self.max_header_count)
            self.rfile = head
            try:
                done = super().read_request(raw_requestline)
            finally:
                self.rfile = reader
                if head.whole and (problem := head_problem(head.lines, self.request_version)):
                    # Clearer than the exception that pywsgi may have raised.
                    raise ValueError(problem)
            if not head.whole:
                raise ValueError("its head has no end")
        if not self.path.startswith("/") and (url := split_url(self.path, self.command)):
            host, self.path = url
            del self.headers["Host"]
            self.headers["Host"] = host
        self._watch.head_read()
        return done

    def get_environ(self) -> dict[str, Any]:
        """Make the environ of a request; see :meth:`gevent.pywsgi.WSGIHandler.get_environ`."""
        environ: dict[str, Any] = super().get_environ()
        # If a request asks for any upgrade, pywsgi gives the application the bare reader
        # instead of a body. Later it discards as many bytes, even if the body was read.
        give_body(self, environ, raw=may_upgrade(environ))
        return environ

    def _headers(self) -> Iterator[tuple[str, str]]:
        """Name and value of each header, as :meth:`gevent.pywsgi.WSGIHandler.get_environ` asks."""
        inherited: Any = super()._headers
        changed = inherited.__func__ is not WSGIHandler._headers
        return inherited() if changed else self._exact_headers()

    def _exact_headers(self) -> Iterator[tuple[str, str]]:
        """The same, but only spaces and tabs are stripped from values: UTF-8 may end in 0xA0."""
        for line in self.headers.headers:
            name, _, value = line.partition(":")
            key = name.replace("-", "_").upper()
            if "_" not in name and key not in _NO_PREFIX:
                yield f"HTTP_{key}", value.strip("\t\r\n ")

    @property
    def pushed_back(self) -> bytes:
        """What comes behind the bytes in the reader, and was read from the socket already."""
        return self._push_back.first

    def answer_given(self) -> None:
        """All of the answer is there: from now on the client has so long to take it."""
        self._watch.answer_given()

    def run_application(self) -> None:
        """Call the application; see :meth:`gevent.pywsgi.WSGIHandler.run_application`."""
        super().run_application()
        # The answer is complete; only the rest of the body is left to read.
        self._watch.answer_given()

    def refuse_body(self, error: BrokenBody) -> None:
        """Refuse a request with a broken body, unless the answer has begun; end the connection."""
        self._handle_client_error(error)
        self.close_connection = True
        self._send_error_response_if_possible(400)

    def _handle_client_error(self, error: Exception) -> tuple[str, bytes]:
        """Answer a request that cannot be read; pywsgi would log each of them in full."""
        if isinstance(error, _HeadTooLarge):
            line = "refused a request from %s (431): %s"
            limit = error.limit
            self.limits.note(limit, line, self._peer, limit.of(str(error)))
            return "431", _TOO_LARGE
        if not self._watch.expired:
            # Without the client's own text, which may be a session id.
            what = str(error).partition(":")[0] or type(error).__name__
            self.throttled_log.warning("malformed", "a bad request from %s: %s", self._peer, what)
        return "400", _MALFORMED

    @property
    def _peer(self) -> Any:
        address = self.client_address
        return address[0] if isinstance(address, tuple) else "a local client"
