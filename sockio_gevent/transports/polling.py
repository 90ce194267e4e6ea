"""How a poll is answered: with one batch, at once or as soon as there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from ..server.http.later_answer import LaterAnswer
from ..server.http.request import Refusal, Request
from .carried import Carried
from .http import Answer, HTTPTransport, end_answer
from .http_downlink import HTTPDownlink

__all__ = ["answer_poll"]

_LARGE: Final = 4 * 1024  # bytes; a smaller copy of a batch is not counted


def answer_poll(
    transport: HTTPTransport, request: Request, acquire: Callable[[], Carried]
) -> Iterable[bytes]:
    """Answer a poll with one batch, as soon as there is one.

    Args:
        transport: the transport of the poll.
        request: its request.
        acquire: returns the session.
    """
    comes_later = request.may_be_answered_later
    poll = transport.open(request, acquire, True, watched=not comes_later)
    if comes_later and not poll.writing:
        return WaitingPoll(transport, request, poll)
    poll.wait()
    return PollAnswer(poll, _begin(transport, request, poll))


def _begin(transport: HTTPTransport, request: Request, poll: HTTPDownlink) -> bytes:
    """Begin the answer to a poll that has its batch; return its body."""
    try:
        body, content_type = transport.encode(request.tail, poll.batch())
        if len(body) > _LARGE:
            poll.encoded(2 * len(body))
        return transport.start(request, body, content_type)
    except BaseException:
        poll.over()
        raise


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


class WaitingPoll(LaterAnswer):
    """The answer to a poll that has no batch yet.

    Args:
        transport: the transport of the poll.
        request: its request.
        poll: its downlink.
    """

    __slots__ = ("_poll", "_request", "_transport")

    def __init__(self, transport: HTTPTransport, request: Request, poll: HTTPDownlink) -> None:
        self._transport = transport
        self._request = request
        self._poll = poll

    def when_there(self, call: Callable[[], None]) -> None:
        """Call a function once, in the hub, when there is a batch or the end."""
        self._poll.when_there(call)

    def watch(self) -> None:
        """Notice from now on if the client hangs up."""
        self._poll.watch()

    def wait(self) -> None:
        """Wait until there is a batch, or the client has hung up."""
        self._poll.wait()

    @property
    def is_short(self) -> bool:
        """Whether there is a batch, so short that its encoding takes no time; or the end."""
        return self._poll.writing and self._poll.copied < _LARGE

    def begin(self) -> bytes:
        """Begin the answer with the batch that is there; return its body."""
        try:
            return _begin(self._transport, self._request, self._poll)
        except Exception:
            # The gateway has returned, and cannot answer for this. A batch that has no form
            # would fail at each poll.
            self._poll.fail()
            refusal = Refusal("500 Internal Server Error", "an error has occurred in the server")
            return b"".join(self._request.fail(refusal))

    def sent(self) -> None:
        """All of the answer was sent."""
        try:
            self._poll.written()
        except Exception:
            self._poll.failed()
        self.close()

    def pieces(self) -> Iterable[bytes]:
        """Wait for the batch, and begin the answer by ``start_response``."""
        self._poll.watch()
        self._poll.wait()
        self._request.use_start_response()
        return PollAnswer(self._poll, self.begin())

    def close(self) -> None:
        """The server is done with it, whether it was sent or not."""
        end_answer(self._poll)
