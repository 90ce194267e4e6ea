"""The streaming transports: the answer to a GET goes on, batch after batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from secrets import token_hex
from typing import NamedTuple

from ..monitoring.reasons import CloseReason, End
from ..refusal import Header
from ..server.http.request import Request
from ..wire.packet import Packet, script_string
from .base import Carried
from .http import Answer, HTTPDownlink, HTTPTransport

__all__ = ["HTMLFileTransport", "ServerEventsTransport", "XHRMultipartTransport"]

_BOUNDARY_SIZE = 24  # bytes; nobody guesses half of them
_NOT_TO_BE_CARRIED = End(CloseReason.LOST, "a message has the boundary of the stream in it")
_LARGE = 4 * 1024  # bytes
_SANDBOX: tuple[Header, ...] = (("Content-Security-Policy", "sandbox"),)


class _StreamAnswer(Answer):
    """Batch after batch.

    Args:
        stream: whose answer it is.
        chunks: the body.
    """

    __slots__ = ("_chunks",)

    def __init__(self, stream: HTTPDownlink, chunks: Iterable[bytes]) -> None:
        super().__init__(stream)
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._chunks
        except Exception:
            self._downlink.failed()
        self.close()


class Carrier(NamedTuple):
    """How one answer carries batches.

    Attributes:
        content_type: the type of the answer.
        preamble: what it begins with.
        encode: makes what carries a batch; ``None`` if this answer must not carry it.
        headers: what goes with the answer besides.
    """

    content_type: str
    preamble: bytes
    encode: Callable[[Sequence[Packet]], bytes | None]
    headers: tuple[Header, ...] = ()


class StreamingTransport(HTTPTransport):
    """What the streaming transports share."""

    def carrier(self) -> Carrier:
        """How a new answer is to carry batches."""
        raise NotImplementedError

    def downlink(self, request: Request, acquire: Callable[[], Carried]) -> Iterable[bytes]:
        """Answer with batches until the session or the connection ends."""
        stream = self.open(request, acquire, once=False)
        carrier = self.carrier()
        try:
            request.start_stream(carrier.content_type, carrier.headers)
        except BaseException:
            stream.over()
            raise
        return _StreamAnswer(stream, _chunks(stream, carrier))


def _chunks(stream: HTTPDownlink, carrier: Carrier) -> Iterator[bytes]:
    if carrier.preamble:
        yield carrier.preamble
    while data := _next(stream, carrier):
        yield data
        stream.written()
        if len(data) > _LARGE:
            # A server keeps what it was given until it is given something else.
            data = b""
            yield data


def _next(stream: HTTPDownlink, carrier: Carrier) -> bytes:
    """Wait for a batch, and make what carries it; nothing at the end."""
    batch = stream.wait()
    if not batch:
        return b""
    data = carrier.encode(batch)
    if data is None:
        stream.over(_NOT_TO_BE_CARRIED)
        return b""
    # The forms that it is made of, and a chunk that the server makes of it, are as large.
    stream.encoded(3 * len(data))
    return data


class ServerEventsTransport(StreamingTransport):
    """One event for each batch; its data is a JSON string, since a bare CR would end a line."""

    name = "server-events"

    def carrier(self) -> Carrier:
        """Events."""
        return _EVENTS


def _event(batch: Sequence[Packet]) -> bytes:
    return b"data: %b\n\n" % script_string(batch)


_EVENTS = Carrier("text/event-stream", b"", _event)


class HTMLFileTransport(StreamingTransport):
    """A document that never ends, in an iframe: one script element for each batch."""

    name = "htmlfile"
    framed = "GET"

    def carrier(self) -> Carrier:
        """Script elements."""
        return _SCRIPTS


def _script(batch: Sequence[Packet]) -> bytes:
    return b"<script>parent.s._(%b, document);</script>" % script_string(batch)


_SCRIPTS = Carrier(
    "text/html; charset=utf-8",
    # Browsers wait for about so much before they start to render.
    b"<html><body>" + b" " * 244,
    _script,
    # It has to reach the page that it is framed by, so it cannot be sandboxed:
    # its own scripts run, and it can fetch nothing.
    (("Content-Security-Policy", "default-src 'none'; script-src 'unsafe-inline'"),),
)


class XHRMultipartTransport(StreamingTransport):
    """A multipart document that never ends: one part for each batch.

    A browser that is led to such an answer reads it as a page, and each part
    has a type of its own: a payload with the boundary in it could begin a part
    of the type text/html. So each answer has a boundary that nobody else
    knows. The client itself sees it, and may have others send it back: then
    the answer ends. The session ends with it, or keeps the batch for the next
    answer, which has another boundary, if it has a ``close_timeout``.
    """

    name = "xhr-multipart"

    def carrier(self) -> Carrier:
        """Parts between boundaries of this answer only."""
        boundary = token_hex(_BOUNDARY_SIZE)
        mark = boundary.encode()
        between = b"\n--%b\n" % mark
        payload_of = self.dialect.payload

        def part(batch: Sequence[Packet]) -> bytes | None:
            payload = payload_of(batch)
            if mark in payload:
                return None
            return b"Content-Type: text/plain\n\n%b%b" % (payload, between)

        content_type = f'multipart/x-mixed-replace;boundary="{boundary}"'
        return Carrier(content_type, between[1:], part, _SANDBOX)
