"""Reads the answers of the owner of a session, one after the other, from one socket.

The owner is another worker with this package, so its answers have the few forms that pywsgi
gives them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ...wire.http_chunks import chunk_size

__all__ = ["AnswerReader", "Head", "NoAnswer"]

_PIECE = 64 * 1024  # bytes that are read at once
_LONGEST_HEAD = 64 * 1024  # bytes
_LONGEST_LINE = 256  # bytes of a line that begins a chunk


class NoAnswer(Exception):
    """The owner has gone before the end of the answer, or it is malformed."""


class Head(NamedTuple):
    """The head of an answer.

    Attributes:
        status: the status, as in WSGI.
        headers: the headers.
    """

    status: str
    headers: list[tuple[str, str]]

    def get(self, name: str) -> str | None:
        """The first header of this name, in small letters."""
        return next((value for each, value in self.headers if each.lower() == name), None)


class AnswerReader:
    """Reads one answer.

    Args:
        socket: the gevent socket.
        bodiless: whether the answer to this method never has a body.

    Attributes:
        rest: the bytes that were read behind what was taken.
        whole: whether all of the answer was read, and another one may follow.
    """

    def __init__(self, socket: Any, bodiless: bool) -> None:
        self._socket = socket
        self._bodiless = bodiless
        self._left = 0  # bytes of the body, or of the chunk; negative if only the end will tell
        self._chunked = False
        self._closes = False
        self.rest = b""
        self.whole = False

    def head(self) -> Head:
        """Wait for the head.

        Raises:
            NoAnswer: if there is none.
        """
        while (end := self.rest.find(b"\r\n\r\n")) < 0:
            if len(self.rest) > _LONGEST_HEAD:
                raise NoAnswer
            self._more()
        first, *lines = self.rest[:end].decode("latin-1").split("\r\n")
        self.rest = self.rest[end + 4 :]
        parted = [line.partition(":") for line in lines]
        head = Head(first.partition(" ")[2], [(name, value.strip()) for name, _, value in parted])
        length, code = head.get("content-length"), head.status[:3]
        self._closes = head.get("connection") == "close"
        self._chunked = head.get("transfer-encoding") == "chunked"
        if self._bodiless or code in ("204", "304") or code[:1] == "1":
            self._left = 0
            self._chunked = False
        elif length is not None and length.isdecimal():
            self._left = int(length)
        elif not self._chunked:
            self._left = -1
        return head

    def read(self) -> bytes:
        """Wait for the next bytes of the body; empty at its end.

        Raises:
            NoAnswer: if it ends too early.
        """
        if self._chunked and not self._left:
            self._begin_chunk()
        if not self._left:
            self.whole = not self._closes
            return b""
        if not self.rest:
            try:
                self._more()
            except NoAnswer:
                if self._left < 0:
                    return b""
                raise
        if self._left < 0:
            data, self.rest = self.rest, b""
            return data
        data, self.rest = self.rest[: self._left], self.rest[self._left :]
        self._left -= len(data)
        if self._chunked and not self._left:
            self._line()
        return data

    def _begin_chunk(self) -> None:
        size = chunk_size(self._line() + b"\r\n")
        if size is None:
            raise NoAnswer
        self._left = size
        if not self._left:
            self._line()
            self._chunked = False

    def _line(self) -> bytes:
        while (end := self.rest.find(b"\r\n")) < 0:
            if len(self.rest) > _LONGEST_LINE:
                raise NoAnswer
            self._more()
        line, self.rest = self.rest[:end], self.rest[end + 2 :]
        return line

    def _more(self) -> None:
        try:
            data = self._socket.recv(_PIECE)
        except OSError:
            data = b""
        if not data:
            raise NoAnswer
        self.rest += data
