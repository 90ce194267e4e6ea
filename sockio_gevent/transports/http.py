"""The base of the HTTP transports: a GET whose answer carries one batch, or several."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import gevent
from gevent.hub import Waiter

from ..monitoring.reasons import ANSWERED, CloseReason, End
from ..server.http.request import Refusal, Request
from ..server.stream.hang_up import HangUpWatch, has_hung_up
from ..server.stream.sockets import shut_down
from ..wire.packet import OVERHEAD, Packet
from ..wire.websocket import NORMAL
from .base import Transport
from .carried import Carried
from .downlink import Downlink

__all__ = ["Answer", "HTTPDownlink", "HTTPTransport", "PollAnswer"]

_LARGE = 4 * 1024  # bytes; a smaller copy of a batch is not counted

_CUT_OFF = End(CloseReason.LOST, "the connection was lost")
_HUNG_UP = End(CloseReason.LOST, "the client hung up")


class HTTPDownlink(Downlink):
    """One GET, from its arrival until its answer is over.

    Its greenlet waits for a batch and writes it. After that a poll is over, and
    a stream is ready for the next batch. A batch is kept until it has been
    written, so that it can be taken back if the connection breaks.

    Args:
        transport: the name of the transport.
        session: the session that it carries.
        socket: the socket of the request; ``None`` if the server does not give it.
        once: whether it is over after one batch.
        timeout: how many seconds the end of the answer may take after :meth:`close`;
            ``None`` for no limit.
    """

    __slots__ = (
        "_batch",
        "_ending",
        "_last",
        "_session",
        "_socket",
        "_timeout",
        "_timer",
        "_waiter",
        "_watch",
        "_writing",
        "once",
    )

    def __init__(
        self, transport: str, session: Carried, socket: Any, once: bool, timeout: float | None
    ) -> None:
        super().__init__(transport)
        self._timeout = timeout
        self._session = session
        self._socket = socket
        self.once = once
        self._waiter: Any = None
        self._writing = False
        self._ending = False
        self._batch: Sequence[Packet] = ()
        self._last: Sequence[Packet] = ()
        self._timer: Any = None
        self._watch = None if socket is None else HangUpWatch(socket, self._hung_up)

    @property
    def ready(self) -> bool:
        """Whether it can take a batch."""
        return not self._writing and not self._ending

    @property
    def writing(self) -> bool:
        """Whether the greenlet has a batch that it has not written yet."""
        return self._writing

    def write(self, batch: Sequence[Packet]) -> None:
        """Hand a batch to the greenlet that writes it."""
        self._writing = True
        self._batch = batch
        if batch:
            self.copied = sum([packet.cost - OVERHEAD for packet in batch])
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.hub.loop.run_callback(waiter.switch, None)

    def encoded(self, copied: int) -> None:
        """Note how many bytes of memory the encoded copy of the batch takes."""
        self.copied = copied
        self._session.settle()

    def close(self, code: int, reason: str, last: Sequence[Packet] = ()) -> None:
        """End the answer, after the batch that is being written."""
        if self._ending:
            return
        self._ending = True
        if self._timeout is not None:
            self._timer = gevent.get_hub().loop.timer(self._timeout)
            self._timer.start(self.abort)
        if self._writing:
            self._last = last
        else:
            self.write(last)

    def take_back(self) -> Sequence[Packet]:
        """Take back the batch that is being written; if there is one, cut the connection."""
        # If the client has read the whole answer, no batch is being written any more.
        batch, self._batch = self._batch, ()
        if batch:
            self.abort()
        return batch

    def abort(self) -> None:
        """Cut the connection, if the server gives it, and end the wait for a batch."""
        self._last = ()
        if self._socket is not None:
            shut_down(self._socket)
        if not self._writing:
            self._ending = True
            self.write(())

    def shut_down(self) -> None:
        """Shut the socket down, if the server gives it, so that the client notices."""
        if self._socket is not None:
            shut_down(self._socket)

    def wait(self) -> Sequence[Packet]:
        """Wait for a batch; an empty one means the end of the answer."""
        if not self._writing:
            self._waiter = waiter = Waiter()
            try:
                waiter.get()
            except BaseException:
                self.over()
                raise
        # The client may have hung up in the same iteration of the loop in which the batch
        # came. This is the last moment to give the batch back.
        if self._batch and self._socket is not None and has_hung_up(self._socket):
            self._hung_up()
        return self._batch

    def written(self) -> None:
        """The batch has been written."""
        self._batch = ()
        self.copied = 0
        if self.once:
            return
        self._writing = False
        if self._last or self._ending:
            last, self._last = self._last, ()
            self.write(last)
        else:
            self._session.drained()

    def over(self, end: End | None = None) -> None:
        """The answer is over: all of it has been written, or the connection is lost.

        Args:
            end: another reason, if there is one.
        """
        self._ending = True
        if self._watch is not None:
            self._watch.stop()
            self._watch = None
        if self._timer is not None:
            self._timer.stop()
            self._timer.close()
            self._timer = None
        batch, self._batch = self._batch, ()
        # Before the session is told, because a session remembers downlinks that are not over.
        self._set_over()
        self._session.detach(self, end or (_CUT_OFF if batch else ANSWERED), batch)

    def failed(self) -> None:
        """Cut the answer, because of the exception that is being handled."""
        self._session.failed("an answer")
        self.abort()

    def _hung_up(self) -> None:
        self._ending = True
        batch, self._batch = self._batch, ()
        self._session.detach(self, _HUNG_UP, batch)
        if self._writing:
            self.abort()
        else:
            self.write(())


class Answer:
    """The body of an answer; tells the downlink when the server is done with it.

    When the server asks an iterator for more, it has written the part before. So the
    iterators of subclasses call ``downlink.written()`` then.

    Args:
        downlink: the downlink of the answer.
    """

    __slots__ = ("_downlink",)

    def __init__(self, downlink: HTTPDownlink) -> None:
        self._downlink = downlink

    def close(self) -> None:
        """The server is done with the body, even if it could not write all of it (PEP 3333)."""
        if not self._downlink.is_over:
            try:
                self._downlink.over()
            except Exception:
                self._downlink.failed()


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


class HTTPTransport(Transport):
    """The base of the transports over HTTP."""

    def check(self, request: Request) -> None:
        """Refuse a request whose connection has become a WebSocket already."""
        if request.environ.get("wsgi.websocket"):
            raise Refusal("400 Bad Request", f"{self.name} takes no WebSocket")

    def open(self, request: Request, acquire: Callable[[], Carried], once: bool) -> HTTPDownlink:
        """Make the request the downlink of its session."""
        session = acquire()
        timeout = self.options.body_timeout
        downlink = HTTPDownlink(self.name, session, request.socket, once, timeout)
        # A new session has handlers to run. They run in another greenlet: a slow handler must
        # not delay the greeting of the client. That greenlet starts before the flush, so that
        # messages which handlers send at once go out together with the greeting.
        session.start_handlers()
        if not session.attach(downlink):
            downlink.close(NORMAL, "the session has ended")
        return downlink

    # --- polls ---

    def answer_poll(self, request: Request, acquire: Callable[[], Carried]) -> Iterable[bytes]:
        """Wait for one batch and answer with it."""
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
        """Begin the answer to a poll; return its body."""
        request.start("200 OK", len(body), content_type)
        return body

    def encode(self, tail: str, batch: Sequence[Packet]) -> tuple[bytes, str]:
        """The body of the answer that carries a batch, and its content type.

        Args:
            tail: the rest of the address of the request.
            batch: the batch.
        """
        raise NotImplementedError  # a stream has no such answer
