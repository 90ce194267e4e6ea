"""What the HTTP transports share: a GET whose answer carries batches to the client."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gevent
from gevent.hub import Waiter

from ..monitoring.reasons import CloseReason, End
from ..server.http.request import Refusal, Request
from ..server.stream.hang_up import HangUpWatch, has_hung_up
from ..server.stream.sockets import shut_down
from ..wire.packet import OVERHEAD, Packet
from ..wire.websocket import NORMAL
from .base import Carried, Downlink, Transport

__all__ = ["Answer", "HTTPDownlink", "HTTPTransport"]

_CUT_OFF = End(CloseReason.LOST, "the connection was lost")
_DONE = End(CloseReason.LOST, "the answer is over")
_HUNG_UP = End(CloseReason.LOST, "the client hung up")


class HTTPDownlink(Downlink):
    """One GET, from its arrival until its answer is over.

    Its greenlet waits for a batch, writes it, and then is either done (a
    poll) or ready for the next (a stream). A batch is kept until it has been
    written, so that it can be given back if the connection breaks.

    Args:
        transport: the name of the transport.
        session: whose messages it waits for.
        socket: the socket of the request, if the server gives it.
        once: whether it is over after one batch.
        timeout: how many seconds its end may take, once it is near; ``None`` for ever.
    """

    __slots__ = (
        "_batch",
        "_ending",
        "_last",
        "_once",
        "_session",
        "_socket",
        "_timeout",
        "_timer",
        "_waiter",
        "_watch",
        "_writing",
    )

    def __init__(
        self, transport: str, session: Carried, socket: Any, once: bool, timeout: float | None
    ) -> None:
        super().__init__(transport)
        self._timeout = timeout
        self._session = session
        self._socket = socket
        self._once = once
        self._waiter: Any = None
        self._writing = False
        self._ending = False
        self._batch: Sequence[Packet] = ()
        self._last: Sequence[Packet] = ()
        self._timer: Any = None
        self._watch = None if socket is None else HangUpWatch(socket, self._hung_up)

    @property
    def ready(self) -> bool:
        """Whether it waits for a batch."""
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
        """What is written of the batch has been made, and takes so many bytes of memory."""
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
        """Take back the batch that is being written, and cut the connection if there is one."""
        # Who has read all of an answer leaves nobody writing it.
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
        """Let the client know that nobody serves it any more."""
        if self._socket is not None:
            shut_down(self._socket)

    def wait(self) -> Sequence[Packet]:
        """Wait for a batch; an empty one is the end of the answer."""
        if not self._writing:
            self._waiter = waiter = Waiter()
            try:
                waiter.get()
            except BaseException:
                self.over()
                raise
        # The hang-up may have come in the same tick as the batch, too late to
        # keep them apart: the last moment to give the batch back.
        if self._batch and self._socket is not None and has_hung_up(self._socket):
            self._hung_up()
        return self._batch

    def written(self) -> None:
        """The batch has been written."""
        self._batch = ()
        self.copied = 0
        if self._once:
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
            end: why, if it is for another reason.
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
        # Before the session is told, which would remember it until then.
        self._set_over()
        self._session.detach(self, end or (_CUT_OFF if batch else _DONE), batch)

    def failed(self) -> None:
        """The exception that is being handled keeps the answer from going on: cut it."""
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

    What iterates over it calls ``downlink.written()`` whenever it is asked to
    go on, because then what it gave before has been written.

    Args:
        downlink: whose answer it is.
    """

    __slots__ = ("_downlink",)

    def __init__(self, downlink: HTTPDownlink) -> None:
        self._downlink = downlink

    def close(self) -> None:
        """The server is done with the body, whether it could write it or not (PEP 3333)."""
        if not self._downlink.is_over:
            try:
                self._downlink.over()
            except Exception:
                self._downlink.failed()


class HTTPTransport(Transport):
    """What all of them share."""

    def check(self, request: Request) -> None:
        """Refuse what has become a WebSocket already."""
        if request.environ.get("wsgi.websocket"):
            raise Refusal("400 Bad Request", f"{self.name} takes no WebSocket")

    def open(self, request: Request, acquire: Callable[[], Carried], once: bool) -> HTTPDownlink:
        """Make the request the downlink of its session."""
        session = acquire()
        timeout = self.options.body_timeout
        downlink = HTTPDownlink(self.name, session, request.socket, once, timeout)
        # Those of a new session. In a greenlet of their own: a handler that takes its time
        # must not keep the client from learning that it is connected. It starts before the
        # flush, so what handlers send at once comes along.
        session.start_handlers()
        if not session.attach(downlink):
            downlink.close(NORMAL, "the session has ended")
        return downlink
