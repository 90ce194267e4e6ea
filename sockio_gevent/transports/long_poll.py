"""The base of the polling transports: a GET waits for one batch and is answered with it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence

from ..server.http.request import Request
from ..wire.packet import Packet
from .base import Carried
from .http import Answer, HTTPDownlink, HTTPTransport

__all__ = ["LongPollTransport"]

_LARGE = 4 * 1024  # bytes; a smaller copy of a batch is not counted


class PollAnswer(Answer):
    """An answer with one batch. No generator, because every poll would pay for it.

    Args:
        poll: the downlink of the answer.
        body: the whole body.
    """

    __slots__ = ("_body",)

    def __init__(self, poll: HTTPDownlink, body: bytes) -> None:
        super().__init__(poll)
        self._body: bytes | None = body

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        body, self._body = self._body, None
        if body is None:
            try:
                self._downlink.written()
            except Exception:
                self._downlink.failed()
            self.close()
            raise StopIteration
        return body


class LongPollTransport(HTTPTransport):
    """Each GET carries one batch."""

    def downlink(self, request: Request, acquire: Callable[[], Carried]) -> Iterable[bytes]:
        """Wait for a batch and answer with it."""
        poll = self.open(request, acquire, once=True)
        body, content_type = self.encode(request.tail, poll.wait())
        if len(body) > _LARGE:
            poll.encoded(2 * len(body))
        try:
            body = self.start(request, body, content_type)
        except BaseException:
            poll.over()
            raise
        return PollAnswer(poll, body)

    def start(self, request: Request, body: bytes, content_type: str) -> bytes:
        """Begin the answer; return its body."""
        request.start("200 OK", len(body), content_type)
        return body

    @abstractmethod
    def encode(self, tail: str, batch: Sequence[Packet]) -> tuple[bytes, str]:
        """The body of the answer that carries a batch, and its content type.

        Args:
            tail: the rest of the address of the request.
            batch: the batch.
        """
