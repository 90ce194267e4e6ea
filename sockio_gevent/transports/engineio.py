"""The transports of Engine.IO: polling, JSONP polling, and WebSockets that may follow polls."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

import gevent

from ..dialects.engineio import BINARY_PAYLOAD, EngineIO
from ..dialects.engineio_errors import BAD_REQUEST, UNKNOWN_SESSION, EngineIORefusal
from ..hub.time_slice import TimeSlice
from ..monitoring.reasons import CloseReason, End
from ..options.limits import OverLimit
from ..options.listener_options import Options
from ..refusal import Header
from ..server.http.request import Refusal, Request
from ..wire.accept_encoding import accepts_gzip
from ..wire.packet import Packet
from .carried import Carried
from .http import HTTPTransport
from .polling import answer_poll

__all__ = ["JSONPTransport", "PollingTransport"]

_WORTH_ZIPPING = 1024  # bytes
_PIECE = 64 * 1024  # bytes that are compressed without a pause
_GZIPPED: tuple[Header, ...] = (("Content-Encoding", "gzip"),)


class PollingTransport(HTTPTransport):
    """A GET waits for a payload, and a POST brings one.

    Args:
        options: the options of the listener.
        dialect: the dialect of the clients that use it.

    Attributes:
        engineio: the dialect.
    """

    name = "xhr-polling"
    # Old browsers offer to save anything else.
    uplink_content_type = "text/html; charset=UTF-8"
    form_expansion: ClassVar[int] = 1

    def __init__(self, options: Options, dialect: EngineIO) -> None:
        super().__init__(options, dialect)
        self.engineio = dialect

    def downlink(self, request: Request, acquire: Callable[[], Carried]) -> Iterable[bytes]:
        """Wait for a batch and answer with it."""
        return answer_poll(self, request, acquire)

    def farewell(self, request: Request, batch: Sequence[Packet]) -> Iterable[bytes]:
        """Answer a poll that comes after the end of its session with what was left for it."""
        request.answer_given()
        return [self.start(request, *self.encode(request.tail, batch))]

    def start(self, request: Request, body: bytes, content_type: str) -> bytes:
        """Begin the answer; return its body, which may be compressed."""
        headers: tuple[Header, ...] = ()
        if len(body) > _WORTH_ZIPPING and _takes_gzip(request):
            body, headers = _gzip(body), _GZIPPED
        request.start("200 OK", len(body), content_type, headers)
        return body

    def encode(self, tail: str, batch: Sequence[Packet]) -> tuple[bytes, str]:
        """The body of the answer that carries a batch, and its content type."""
        data = None if tail == "b64" else self.engineio.binary_payload(batch)
        if data is not None:
            return data, BINARY_PAYLOAD
        return self.engineio.payload(batch), "text/plain; charset=UTF-8"

    def _take(self, request: Request, session: Carried, body: bytes) -> str:
        """Give the packets in a body to the session; return the first mistake in it."""
        try:
            packets = self._packets(request, body)
            problem = session.receive(packets)
        except ValueError as error:
            problem = f"bad payload: {error}"
            session.end(End(CloseReason.PROTOCOL, problem))
        except OverLimit as excess:
            # The limit counts once: with the refusal of this request.
            session.end(End(CloseReason.LIMIT, excess.text), excess.code)
            raise
        return problem

    def _packets(self, request: Request, body: bytes) -> list[str | bytes]:
        self.check_size(len(body))
        content_type = request.environ.get("CONTENT_TYPE", "")
        return self.engineio.packets(body, content_type)

    def not_taken(self, problem: str) -> Refusal:
        """The refusal of a POST whose messages were not all taken."""
        return EngineIORefusal(UNKNOWN_SESSION, problem)

    def bad_payload(self, request: Request, problem: str) -> Iterable[bytes]:
        """The answer to a POST with a mistake in it."""
        refusal = EngineIORefusal(BAD_REQUEST, problem)
        refusal.is_in_log = True  # it has ended the session
        raise refusal


class JSONPTransport(PollingTransport):
    """A GET is answered with a script that calls a function of the page; a POST is a form."""

    name = "jsonp-polling"
    framed = "POST"
    scripted = True
    form_expansion = 6

    def check(self, request: Request) -> None:
        """Refuse an index that is no number, before it becomes part of a script."""
        super().check(request)
        if not request.tail:
            raise EngineIORefusal(BAD_REQUEST, "the index 'j' is no number")

    def encode(self, tail: str, batch: Sequence[Packet]) -> tuple[bytes, str]:
        """The call of ``___eio[<index>]``."""
        body = b"___eio[%d](%b);" % (int(tail), self.engineio.script(batch))
        return body, "text/javascript; charset=UTF-8"

    def _packets(self, request: Request, body: bytes) -> list[str | bytes]:
        payload = self.engineio.form(body, TimeSlice().pause)
        self.check_size(len(payload))
        return self.engineio.packets(payload, "")


def _takes_gzip(request: Request) -> bool:
    return accepts_gzip(request.environ.get("HTTP_ACCEPT_ENCODING", ""))


def _gzip(body: bytes) -> bytes:
    """Compress a body; other greenlets run meanwhile if it is long."""
    compressor = zlib.compressobj(1, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    pieces = []
    for start in range(0, len(body), _PIECE):
        if start:
            gevent.sleep(0)
        pieces.append(compressor.compress(body[start : start + _PIECE]))
    return b"".join((*pieces, compressor.flush()))
