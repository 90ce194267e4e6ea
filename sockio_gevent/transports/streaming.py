"""The streaming transports: the answer to a GET goes on, batch after batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import ClassVar

from ..server.request import Request
from ..wire.packet import Packet, script_string
from .base import Session
from .http import Answer, HTTPDownlink, HTTPTransport

__all__ = ["HTMLFileTransport", "ServerEventsTransport", "XHRMultipartTransport"]


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


class StreamingTransport(HTTPTransport):
    """What the streaming transports share.

    Attributes:
        preamble: what the answer begins with.
    """

    preamble: ClassVar[bytes] = b""

    def downlink(self, request: Request, acquire: Callable[[], Session]) -> Iterable[bytes]:
        """Answer with batches until the session or the connection ends."""
        stream = self.open(request, acquire, once=False)
        try:
            request.start_stream(self.content_type)
        except BaseException:
            stream.over()
            raise
        return _StreamAnswer(stream, self._chunks(stream))

    def _chunks(self, stream: HTTPDownlink) -> Iterator[bytes]:
        if self.preamble:
            yield self.preamble
        while batch := stream.wait():
            yield self.encode(batch)
            stream.written()

    def encode(self, batch: Sequence[Packet]) -> bytes:
        """What carries a batch."""
        raise NotImplementedError


class ServerEventsTransport(StreamingTransport):
    """One event for each batch; its data is a JSON string, since a bare CR would end a line."""

    name = "server-events"
    content_type = "text/event-stream"

    def encode(self, batch: Sequence[Packet]) -> bytes:
        """An event."""
        return b"data: %b\n\n" % script_string(batch)


class HTMLFileTransport(StreamingTransport):
    """A document that never ends, in an iframe: one script element for each batch."""

    name = "htmlfile"
    content_type = "text/html; charset=utf-8"
    # Browsers wait for about so much before they start to render.
    preamble = b"<html><body>" + b" " * 244

    def encode(self, batch: Sequence[Packet]) -> bytes:
        """A script element."""
        return b"<script>parent.s._(%b, document);</script>" % script_string(batch)


class XHRMultipartTransport(StreamingTransport):
    """A multipart document that never ends: one part for each batch."""

    name = "xhr-multipart"
    content_type = 'multipart/x-mixed-replace;boundary="socketio"'
    preamble = b"--socketio\n"

    def encode(self, batch: Sequence[Packet]) -> bytes:
        """A part, and the boundary behind it."""
        payload = b"".join([packet.payload for packet in batch])
        return b"Content-Type: text/plain\n\n%b\n--socketio\n" % payload
