"""The polling transports: a GET waits for a batch and is answered with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from socket import SHUT_RDWR
from typing import Any, ClassVar

import gevent
from gevent.queue import SimpleQueue

from ..server.connection import HangUpWatch, has_hung_up
from ..server.request import Request
from ..wire.payload import Packet
from .base import Downlink, Session, Transport

__all__ = ["XHRPollingTransport"]


class Poll(Downlink):
    """One GET, from its arrival until its answer has been written.

    Args:
        transport: the name of the transport.
        session: whose messages it waits for.
        socket: the socket of the request, if the server gives it.
    """

    __slots__ = ("_batch", "_queue", "_session", "_socket", "_taken", "_watch")

    def __init__(self, transport: str, session: Session, socket: Any) -> None:
        super().__init__(transport)
        self._session = session
        self._socket = socket
        self._queue: SimpleQueue = SimpleQueue()
        self._taken = False
        self._batch: Sequence[Packet] = ()
        self._watch = None if socket is None else HangUpWatch(socket, self._hung_up)

    @property
    def ready(self) -> bool:
        return not self._taken

    def write(self, batch: Sequence[Packet]) -> None:
        self._taken = True
        self._batch = batch
        self._queue.put(None)

    def close(self, code: int, reason: str, last: Sequence[Packet] = ()) -> None:
        if not self._taken:
            self.write(last)

    def replace(self) -> Sequence[Packet]:
        if not self._taken:
            self.write(())
        elif self._batch:
            # The answer is still being written, and the client has given it
            # up: it does not poll again before it has read all of an answer.
            self.abort()
        batch, self._batch = self._batch, ()
        return batch

    def abort(self) -> None:
        if self._socket is not None:
            try:
                self._socket.shutdown(SHUT_RDWR)
            except OSError:
                pass  # gone already

    def wait(self) -> bytes:
        """Wait for the batch; return its payload, which may be empty."""
        try:
            self._queue.get()
        except BaseException:
            self.end(delivered=False)
            raise
        if self._watch is not None:
            self._watch.stop()
            # The hang-up may have come in the same tick as the batch, too late
            # to keep them apart: the last moment to give the batch back.
            if self._batch and has_hung_up(self._socket):
                self._hung_up()
        return b"".join([packet.payload for packet in self._batch])

    def end(self, delivered: bool) -> None:
        """The answer has been written, or could not be."""
        if self._watch is not None:
            self._watch.stop()
        batch, self._batch = self._batch, ()
        reason = "the poll was answered" if delivered else "the poll's connection was lost"
        self._session.detach(self, reason, () if delivered else batch)
        self._set_over()

    def _hung_up(self) -> None:
        batch, self._batch = self._batch, ()
        self._session.detach(self, "the poll was given up by the client", batch)
        if not self._taken:
            self.write(())


class Answer:
    """The body of a poll's answer, which knows whether it was written."""

    def __init__(self, poll: Poll, body: bytes) -> None:
        self._poll: Poll | None = poll
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        yield self._body
        self._end(delivered=True)

    def close(self) -> None:
        """The server is done with the response, PEP 3333."""
        self._end(delivered=False)

    def _end(self, delivered: bool) -> None:
        poll, self._poll = self._poll, None
        if poll is not None:
            poll.end(delivered)


class XHRPollingTransport(Transport):
    """GETs that wait, answered with a bare payload."""

    name = "xhr-polling"
    content_type: ClassVar[str] = "text/plain; charset=UTF-8"

    def downlink(self, request: Request, acquire: Callable[[], Session]) -> Iterable[bytes]:
        """Wait for a batch and answer with it."""
        session = acquire()
        poll = Poll(self.name, session, request.socket)
        if not session.announced:
            # In a greenlet of its own: a handler that takes its time must not
            # keep the client from learning that it is connected. It starts
            # before the flush, so what handlers send at once comes along.
            gevent.spawn(session.announce)
        session.attach(poll)
        body = poll.wait()
        request.start("200 OK", len(body), self.content_type)
        return Answer(poll, body)
