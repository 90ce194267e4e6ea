"""The downlink over HTTP: a GET whose answer carries one batch, or several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import gevent
from gevent.hub import Waiter

from ..monitoring.reasons import ANSWERED, CloseReason, End
from ..server.stream.hang_up import HangUpWatch, has_hung_up
from ..server.stream.sockets import shut_down
from ..wire.packet import OVERHEAD, Packet
from .carried import Carried
from .downlink import Downlink

__all__ = ["HTTPDownlink"]

_CUT_OFF = End(CloseReason.LOST, "the connection was lost")
_HUNG_UP = End(CloseReason.LOST, "the client hung up")


class HTTPDownlink(Downlink):
    """One GET, from its arrival until its answer is over.

    Its greenlet, or the hub for it, waits for a batch and writes it. After that a
    poll is over, and a stream is ready for the next batch. A batch is kept until it
    has been written, so that it can be taken back if the connection breaks.

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
        "_wake",
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
        self._wake: Callable[[], object] | None = None
        self._writing = False
        self._ending = False
        self._batch: Sequence[Packet] = ()
        self._last: Sequence[Packet] = ()
        self._timer: Any = None
        self._watch: HangUpWatch | None = None

    @property
    def ready(self) -> bool:
        """Whether it can take a batch."""
        return not self._writing and not self._ending

    @property
    def writing(self) -> bool:
        """Whether there is a batch that is not written yet."""
        return self._writing

    def write(self, batch: Sequence[Packet]) -> None:
        """Hand a batch to whoever writes it."""
        self._writing = True
        self._batch = batch
        if batch:
            self.copied = sum([packet.cost - OVERHEAD for packet in batch])
        wake, self._wake = self._wake, None
        if wake is not None:
            gevent.get_hub().loop.run_callback(wake)

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

    def watch(self) -> None:
        """Notice from now on if the client hangs up, if the server gives the socket."""
        if self._socket is not None and self._watch is None:
            self._watch = HangUpWatch(self._socket, self._hung_up)

    def wait(self) -> Sequence[Packet]:
        """Wait for a batch; an empty one means the end of the answer."""
        if not self._writing:
            waiter = Waiter()
            self._wake = partial(waiter.switch, None)
            try:
                waiter.get()
            except BaseException:
                self.over()
                raise
        return self.batch()

    def when_there(self, call: Callable[[], None]) -> None:
        """Call a function in the hub when there is a batch, or the end of the answer."""
        if self._writing:
            gevent.get_hub().loop.run_callback(call)
        else:
            self._wake = call

    def batch(self) -> Sequence[Packet]:
        """The batch that is to be written; an empty one means the end of the answer."""
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

    def fail(self) -> None:
        """End the session, because of the exception that is being handled."""
        self._session.failed("an answer")

    def failed(self) -> None:
        """Cut the answer, because of the exception that is being handled."""
        self.fail()
        self.abort()

    def _hung_up(self) -> None:
        self._ending = True
        batch, self._batch = self._batch, ()
        self._session.detach(self, _HUNG_UP, batch)
        if self._writing:
            self.abort()
        else:
            self.write(())
