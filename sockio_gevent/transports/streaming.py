"""The streaming transports: the answer to one GET carries batch after batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from secrets import token_hex
from typing import NamedTuple

from ..monitoring.reasons import CloseReason, End
from ..refusal import Header
from ..server.http.request import Request
from ..wire.packet import Packet
from .carried import Carried
from .classic import ClassicTransport
from .http import Answer
from .http_downlink import HTTPDownlink

__all__ = ["HTMLFileTransport", "ServerEventsTransport", "XHRMultipartTransport"]

_BOUNDARY_SIZE = 24  # random bytes; half of them would be too many to guess
_NOT_TO_BE_CARRIED = End(CloseReason.LOST, "a message has the boundary of the stream in it")
_LARGE = 4 * 1024  # bytes
_SANDBOX: tuple[Header, ...] = (("Content-Security-Policy", "sandbox"),)


class _StreamAnswer(Answer):
    """An answer with batch after batch.

    Args:
        stream: the downlink of the answer.
        chunks: the parts of the body.
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
        content_type: the content type of the answer.
        preamble: the beginning of its body.
        encode: encodes a batch for the body; returns ``None`` if this answer must not
            carry the batch.
        headers: further headers of the answer.
    """

    content_type: str
    preamble: bytes
    encode: Callable[[Sequence[Packet]], bytes | None]
    headers: tuple[Header, ...] = ()


class StreamingTransport(ClassicTransport):
    """The base of the streaming transports."""

    def carrier(self) -> Carrier:
        """How a new answer carries batches."""
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
            # A server keeps a chunk until it gets the next one: free the large one now.
            data = b""
            yield data


def _next(stream: HTTPDownlink, carrier: Carrier) -> bytes:
    """Wait for a batch and encode it; empty at the end of the answer."""
    batch = stream.wait()
    if not batch:
        return b""
    data = carrier.encode(batch)
    if data is None:
        stream.over(_NOT_TO_BE_CARRIED)
        return b""
    # The data, what it is made of, and the chunk that the server makes of it.
    stream.encoded(3 * len(data))
    return data


class ServerEventsTransport(StreamingTransport):
    """One event for each batch. Its data is a JSON string, because a bare CR would end a line."""

    name = "server-events"

    def carrier(self) -> Carrier:
        """Events."""
        return Carrier("text/event-stream", b"", self._event)

    def _event(self, batch: Sequence[Packet]) -> bytes:
        return b"data: %b\n\n" % self.dialect.script(batch)


class HTMLFileTransport(StreamingTransport):
    """A document that never ends, in an iframe: one script element for each batch."""

    name = "htmlfile"
    framed = "GET"

    def carrier(self) -> Carrier:
        """Script elements."""
        return Carrier("text/html; charset=utf-8", _DOCUMENT, self._script, _OWN_SCRIPTS)

    def _script(self, batch: Sequence[Packet]) -> bytes:
        return b"<script>parent.s._(%b, document);</script>" % self.dialect.script(batch)


# Browsers wait for about this much before they start to render.
_DOCUMENT = b"<html><body>" + b" " * 244

# Its scripts call the page around the iframe, so it cannot be sandboxed. Only its own scripts
# run, and it can fetch nothing.
_OWN_SCRIPTS = (("Content-Security-Policy", "default-src 'none'; script-src 'unsafe-inline'"),)


class XHRMultipartTransport(StreamingTransport):
    """A multipart document that never ends: one part for each batch.

    A browser that opens such an answer as a page gives each part its own content
    type: a payload that contains the boundary could begin a part of the type
    text/html. So each answer has a secret boundary. But the client sees the
    boundary, and may bring other clients to send it back in a message. An answer
    ends rather than carry such a message. If the session has a ``close_timeout``,
    it keeps the batch for the next answer, which has another boundary. Otherwise
    the session ends, too.
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
