"""The body of a request, which ends where its head or its chunks say.

A malformed or incomplete body is the client's mistake. pywsgi takes some of
these mistakes for failures of the server, and logs a traceback for each request.
After others it keeps the connection, although nobody knows where the next
request begins. Here all of them raise one error, and the connection is closed.
"""

from __future__ import annotations

from errno import ECONNRESET, EPIPE
from typing import Any, NoReturn

from gevent.pywsgi import Input, _InvalidClientInput

from ...wire.http_chunks import LONGEST_LINE, chunk_size, is_trailer

__all__ = ["Body", "BrokenBody", "give_body"]

_PIECE = 256 * 1024  # bytes that are read at once: the reader allocates that many first
_MOST_TRAILERS = 16 * 1024  # bytes

_TOO_EARLY = "the body ended too early"
_INTERRUPTED = "the reading of the body was interrupted"
_MALFORMED = "the chunks of the body are malformed"


class BrokenBody(_InvalidClientInput):  # type: ignore[misc]
    """A body is malformed or incomplete; pywsgi answers with status 400 if it still can.

    Args:
        text: what is wrong.
    """


class Body(Input):  # type: ignore[misc]
    """The ``wsgi.input`` of a request.

    Args:
        rfile: the buffered reader of the connection.
        content_length: how many bytes the body has; ``None`` if nothing says so.
        socket: the socket for a ``100 Continue``, if the client waits for one.
        chunked_input: whether the body is in chunks.
    """

    position: int
    chunk_length: int

    def __init__(
        self,
        rfile: Any,
        content_length: int | None,
        socket: Any = None,
        chunked_input: bool = False,
    ) -> None:
        super().__init__(rfile, content_length, socket, chunked_input)
        self._broken = ""

    def _discard(self) -> None:
        """Read the rest; see :class:`gevent.pywsgi.Input`.

        Raises:
            BrokenBody: if the rest is malformed, or if an earlier read has failed. It
                replaces the exception that the application has raised because of that.
        """
        self._check()
        try:
            super()._discard()
        except BrokenBody:
            if self._broken != _TOO_EARLY:  # then no request can follow anyway
                raise

    def _do_read(self, length: int | None = None, use_readline: bool = False) -> bytes:
        self._check()
        if self.content_length is None:
            return b""
        self._send_100_continue()
        wanted = self.content_length - self.position
        if length is not None:
            wanted = min(wanted, length)
        data = self._take(wanted, use_readline)
        self.position += len(data)
        if len(data) < wanted and not (use_readline and data.endswith(b"\n")):
            self._break(_TOO_EARLY)
        return data

    def _chunked_read(self, length: int | None = None, use_readline: bool = False) -> bytes:
        self._check()
        self._send_100_continue()
        pieces: list[bytes] = []
        while self.chunk_length and (length is None or length > 0):
            # pywsgi's own values: -1 before the first chunk, and 0 after the last.
            wanted = self.chunk_length - self.position
            if wanted <= 0:
                self._begin_chunk()
                continue
            data = self._take(wanted if length is None else min(wanted, length), use_readline)
            if not data:
                self._break(_TOO_EARLY)
            pieces.append(data)
            self.position += len(data)
            if self.position == self.chunk_length:
                self._end_chunk()
            if length is not None:
                length -= len(data)
            if use_readline and data.endswith(b"\n"):
                break
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _take(self, size: int, line: bool) -> bytes:
        """Read so many bytes; fewer at the end of a line, or at the end of the connection."""
        if size <= _PIECE:
            return self._read(size, line)
        pieces: list[bytes] = []
        while size > 0 and (data := self._read(min(size, _PIECE), line)):
            pieces.append(data)
            size -= len(data)
            if line and data.endswith(b"\n"):
                break
        return b"".join(pieces)

    def _begin_chunk(self) -> None:
        size = chunk_size(line := self._line())
        if size is None:
            self._break(_MALFORMED if line.endswith(b"\n") else _TOO_EARLY)
        self.chunk_length, self.position = size, 0
        if not size:
            self._pass_over_trailers()

    def _end_chunk(self) -> None:
        end = self._read(2)
        if end != b"\r\n":
            self._break(_TOO_EARLY if b"\r\n".startswith(end) else _MALFORMED)

    def _pass_over_trailers(self) -> None:
        left = _MOST_TRAILERS
        while (line := self._line()) != b"\r\n":
            left -= len(line)
            if left < 0 or not is_trailer(line):
                self._break(_MALFORMED if line.endswith(b"\n") else _TOO_EARLY)

    def _line(self) -> bytes:
        line = self._read(LONGEST_LINE, line=True)
        if len(line) == LONGEST_LINE:
            self._break(_MALFORMED)
        return line

    def _read(self, size: int, line: bool = False) -> bytes:
        try:
            return bytes(self.rfile.readline(size) if line else self.rfile.read(size))
        except OSError as error:
            if error.errno in (EPIPE, ECONNRESET):
                raise  # the client has hung up; pywsgi does not log that
            self._break(_TOO_EARLY)  # for example, the client has sent bytes that are not TLS
        except BaseException:
            # For example a timeout of the application. The bytes that were read are
            # lost, so nobody knows how many are left.
            self._broken = _INTERRUPTED
            raise

    def _check(self) -> None:
        if self._broken:
            raise BrokenBody(self._broken)

    def _break(self, text: str) -> NoReturn:
        self._broken = text
        self.chunk_length = 0
        raise BrokenBody(text)


def give_body(handler: Any, environ: dict[str, Any], raw: bool) -> None:
    """Put a :class:`Body` in place of the input that a pywsgi handler has made.

    Args:
        handler: the handler, which discards the rest of the body after the answer.
        environ: the WSGI environ of its request. An input that was replaced already,
            or that was read from, stays.
        raw: whether the application gets the reader of the connection instead,
            because something other than HTTP may follow the request.
    """
    given, source = handler.wsgi_input, environ.get("wsgi.input")
    if type(given) is not Input or given.position or given.chunk_length >= 0:
        return
    if source is not given and source is not handler.rfile:
        return
    body = Body(given.rfile, given.content_length, given.socket, given.chunked_input)
    handler.wsgi_input = body
    environ["wsgi.input"] = handler.rfile if raw else body
    environ["wsgi.input_terminated"] = not raw
