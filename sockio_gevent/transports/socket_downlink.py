"""One WebSocket as the downlink of a session: batches go out, and payloads come in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

import gevent

from ..dialects.base import BinaryRefused
from ..monitoring.reasons import CloseReason, End
from ..options.limits import OverLimit
from ..server.http.request import Request
from ..server.stream.sending import Owner
from ..wire.packet import Packet
from ..wire.websocket import INTERNAL_ERROR, UNSUPPORTED_DATA
from ..wire.websocket_connection import WebSocketConnection
from .carried import Carried
from .downlink import Downlink

if TYPE_CHECKING:
    from ..server.stream.websocket import WebSocket

__all__ = ["SocketDownlink"]

_KILLED = End(CloseReason.FAILURE, "its greenlet was killed")
_LOST = End(CloseReason.LOST, "the connection was lost")


class SocketDownlink(Downlink, Owner):
    """One WebSocket, for as long as it is open.

    Args:
        transport: the name of the transport.
        websocket: the WebSocket.
        session: the session that it carries.

    Attributes:
        carried: the session that it carries.
    """

    in_pieces = True  # each message is a frame of its own

    __slots__ = (
        "_batch",
        "_connection",
        "_context",
        "_data",
        "_incoming",
        "_state",
        "_websocket",
        "carried",
    )

    def __init__(self, transport: str, websocket: WebSocket, session: Carried) -> None:
        super().__init__(transport)
        self._websocket = websocket
        self._connection = websocket.connection
        self._state: WebSocketConnection = websocket.state
        self.carried = session
        # The greenlets that run handlers serve all connections. The context variables that a
        # handler sets are for this connection alone.
        self._context = copy_context()
        # The last batch and its bytes, until the socket has taken all of them.
        self._batch: Sequence[Packet] = ()
        self._data = b""
        self._incoming = 0
        websocket.connection.owner = self

    def serve(self, request: Request) -> None:
        """Serve the connection. If the server lets the socket go, the request ends soon."""
        self._websocket.forget_request()
        upgrade: Any = request.upgrade
        file = upgrade.release()
        self._connection.serve(file)
        if file is not None:
            self.run_handlers()
        else:
            try:
                self._run_handlers()
                self.wait_over()
            except BaseException:
                # The greenlet of the request was ended: its handler must end, too.
                self.carried.handlers.kill()
                raise

    def received(self, data: bytes | None) -> None:
        """Bytes have come, or the end of the connection; or bytes are left from a pause."""
        try:
            self._take(data)
        except gevent.GreenletExit:
            # This greenlet reads other connections, too, so it must not end.
            self.carried.end(_KILLED, INTERNAL_ERROR)
        except Exception:
            self.carried.failed("the reading of its connection")
            self.over()
        except BaseException:
            self.over()
            raise

    def run_handlers(self) -> None:
        """Run handlers for the messages in the queue."""
        try:
            self._run_handlers()
        except gevent.GreenletExit:
            pass  # the session has ended; this greenlet reads other connections, too

    def _run_handlers(self) -> None:
        handlers = self.carried.handlers
        # If another greenlet runs them, it is inside the context already.
        # The same as is_left_alone, without its call: every message comes here.
        if handlers.calls and not handlers.busy:
            try:
                self._context.run(self.carried.run_handlers)
            except gevent.GreenletExit:
                raise
            except BaseException:
                self.over()
                raise

    def _run_handlers_aside(self) -> None:
        """Run handlers for the messages that came before an end; continue when they block."""
        if self.carried.handlers.is_left_alone:
            self._context.run(self.carried.run_handlers_aside)

    @property
    def choked(self) -> bool:
        """Whether so much waits for handlers that the client must not be read from."""
        handlers = self.carried.handlers
        return handlers.waiting >= handlers.bound  # the same as full, without its call

    def when_roomy(self, callback: Callable[[], object]) -> None:
        """Call a function once when more can be read. It must not block."""
        self.carried.handlers.when_roomy(callback)

    def _take(self, data: bytes | None) -> None:
        # The same as websocket.take(), without its call: every message comes here.
        websocket, session, state = self._websocket, self.carried, self._state
        batch = state.take(data)
        choked = False
        if state.closed or state.pongs:
            websocket.answer(data)
            choked = websocket.choked > 0
        held = state.protocol.held
        if held or self._incoming:
            self._take_in(held)
            self._connection.has_rest = state.protocol.paused
        if batch:
            try:
                session.receive(batch)
            except OverLimit as excess:
                self._run_handlers_aside()
                session.end(End(CloseReason.LIMIT, excess.text, excess.limit), excess.code)
            except BinaryRefused as mistake:
                self._run_handlers_aside()
                end = End(CloseReason.PROTOCOL, f"protocol error: {mistake}")
                session.end(end, UNSUPPORTED_DATA)
        if state.discarding and websocket.end is not None:
            self._run_handlers_aside()
            session.end(websocket.end)
        if choked:
            self._wait_for_pongs()
        if state.finished:
            self._run_handlers_aside()
            websocket.wait()
            self.over()

    def _wait_for_pongs(self) -> None:
        """Wait until the client has taken its pongs. It is not read from meanwhile."""
        self._run_handlers_aside()
        pongs = self._websocket.choked
        self.carried.take_in(pongs)
        try:
            self._websocket.wait()
        finally:
            self.carried.take_in(-pongs)

    def _take_in(self, held: int) -> None:
        """Tell the session how many bytes of an incomplete message there are."""
        self.carried.take_in(held - self._incoming)
        self._incoming = held

    def drained(self) -> None:
        """The socket has taken all that was written."""
        self._forget_batch()
        # A closing frame is written, too. Then the session may have another downlink.
        if not self._state.closed:
            self.carried.drained()

    def _forget_batch(self) -> None:
        self._batch, self._data = (), b""
        self.copied = 0

    def broken(self) -> None:
        """A write to the socket has failed."""
        self.carried.detach(self, _LOST, self.take_back())

    @property
    def ready(self) -> bool:
        """Whether a batch can be written now."""
        connection = self._connection
        # No data may follow a close frame (RFC 6455 section 5.5.1).
        return not (connection.pending or connection.broken or self._state.closed)

    @property
    def writing(self) -> bool:
        """Whether the socket has not taken all of the last batch yet."""
        return self._connection.pending > 0

    def offer(self, batch: Sequence[Packet]) -> bool | None:
        """Send a batch; see :meth:`Downlink.offer`, which does the same with more calls."""
        connection = self._connection
        if connection.pending or connection.broken or self._state.closed:
            return None
        self.write(batch)
        return connection.pending > 0

    def write(self, batch: Sequence[Packet]) -> None:
        """Write the frames of a batch; keep what the socket does not take."""
        data = self._state.protocol.frames(batch)
        connection = self._connection
        connection.write(data)
        if connection.pending or connection.broken:
            self._batch, self._data = batch, data
            # The frame of a single packet may be that packet's own.
            own = len(batch) == 1 and self._state.protocol.shares_frames
            self.copied = 0 if own else len(data)

    def close(self, code: int, reason: str, last: Sequence[Packet] = ()) -> None:
        """Send the last messages and a close frame."""
        if last and not self._state.closed:
            self.write(last)
        self._websocket.close(code, reason)

    def take_back(self) -> Sequence[Packet]:
        """Take back the messages whose frames the socket has not taken whole."""
        batch, unsent = self._batch, self._connection.unsent(self._data)
        if unsent:
            self.abort()
        count = 0
        for size in reversed(self._state.protocol.sizes(batch)):
            if unsent <= 0:
                break
            unsent -= size
            count += 1
        return batch[len(batch) - count :]

    def has_unread(self) -> bool:
        """Whether the client has sent something that was not read yet."""
        # A client that does not take its pongs is not read from: it gets no more time.
        return not self._websocket.choked and self._connection.has_unread()

    def hung_up(self) -> bool:
        """Whether the client has hung up, and this was not noticed yet."""
        return self._connection.hung_up()

    def abort(self) -> None:
        """Cut the connection, and keep no batch."""
        self._websocket.abort()
        self._connection.forget_pending()
        self._forget_batch()

    def shut_down(self) -> None:
        """Shut the socket down, so that the client notices."""
        self._connection.shut_down()

    def over(self) -> None:
        """The connection is over. Every end of it comes here."""
        if self.is_over:
            return
        end = self._websocket.end or End(CloseReason.LOST, "the server gave the connection up")
        try:
            self.carried.detach(self, end, self.take_back())
        finally:
            self.abort()
            self._connection.release()
            self._state.protocol.discard()
            if self._incoming:
                self._take_in(0)
            self._set_over()
