"""The body of a request, which ends where its head or its chunks say.

What is malformed in it, or missing, is the client's doing. pywsgi takes some of
that for a failure of the server, and logs a traceback for each request; and it
goes on with a connection of which nobody knows where the next request begins.
Here all of it is one kind of error, and the connection ends.
"""

from __future__ import annotations

from errno import ECONNRESET, EPIPE
from typing import Any, NoReturn

from gevent.pywsgi import Input, _InvalidClientInput

from ..wire.chunks import LONGEST_LINE, chunk_size, is_trailer

__all__ = ["Body", "BrokenBody", "give_body"]

_PIECE = 256 * 1024  # bytes that are asked for at once: memory is taken for all of them
_MOST_TRAILERS = 16 * 1024  # bytes

_TOO_EARLY = "the body ended too early"
_MALFORMED = "the chunks of the body are malformed"


class BrokenBody(_InvalidClientInput):  # type: ignore[misc]
    """A body is malformed, or not all of it came: pywsgi answers with status 400 if it can.

    Args:
        text: what is wrong.
    """


class Body(Input):  # type: ignore[misc]
    """The ``wsgi.input`` of a request.

    Args:
        rfile: the buffered reader of the connection.
        content_length: how many bytes the body has; ``None`` if nothing says so.
        socket: where a client is told to go on, if it waits for that.
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
            BrokenBody: if it is malformed, or if the application was told that it is
                broken: then this is why it failed, if it did.
        """
        self._check()
        try:
            super()._discard()
        except BrokenBody:
            if self._broken != _TOO_EARLY:  # otherwise the connection is at its end
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
            # Before the first chunk pywsgi has a length of -1 here, and at the end 0.
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
        """Wait for so many bytes, or the end of a line, or that of the connection."""
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
                raise  # pywsgi says nothing of clients that have gone
            self._break(_TOO_EARLY)  # where there is no TLS any more, say

    def _check(self) -> None:
        if self._broken:
            raise BrokenBody(self._broken)

    def _break(self, text: str) -> NoReturn:
        self._broken = text
        self.chunk_length = 0
        raise BrokenBody(text)


def give_body(handler: Any, environ: dict[str, Any], raw: bool) -> None:
    """Put a body into an environ, in place of what a handler of pywsgi has put there.

    Args:
        handler: the handler, which passes over the rest of the same body afterwards.
        environ: the WSGI environ of its request. If somebody else has put something
            there, or has read from it, it is left alone.
        raw: whether the request may become something else than HTTP, which is read from
            the bare reader.
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
