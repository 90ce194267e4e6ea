"""The plain requests of one connection, read without pywsgi.

If the whole head of a plain request to the resource is there, it is parsed in
one step. This class has no base of gevent, so it can be compiled. The handler of
the connection has all the rest: the first bytes of a request that is not plain,
upgrades, and a plain request that turns out to need more.
"""

from __future__ import annotations

from io import DEFAULT_BUFFER_SIZE, BytesIO
from typing import Any, Final

from gevent.hub import Waiter

from ...hub.gevent_private import unused_read_watcher, wait_readable
from ...hub.time_slice import TimeSlice
from ...wire.http_head import RequestHead, read_request_head
from ..handover.departures import Departure
from ..handover.doors import Doors
from .environ import CONNECTION
from .plain_answer import PlainAnswer
from .timeouts import ConnectionWatch

__all__ = ["PlainConnection"]

_READ_SIZE: Final = DEFAULT_BUFFER_SIZE  # bytes, as pywsgi reads


class PlainConnection(PlainAnswer):
    """A connection while its requests are plain: a :class:`~.environ.ServerConnection`.

    Args:
        handler: see :class:`.PlainAnswer`.
        watch: the same.
        time_slice: the time that its greenlet may run before it lets others run.
        logs: see :class:`.PlainAnswer`.

    Attributes:
        limits_heads: see :class:`~.environ.ServerConnection`.
        served: whether a request was answered.
        socket: the gevent socket.
        upgrade: always ``None``: for upgrades, the handler is the connection.
    """

    __slots__ = (
        "_hands_over",
        "_more",
        "_most_fields",
        "_most_head",
        "_peer",
        "_prefixes",
        "_readable",
        "_time_slice",
        "_unsent",
        "_waiter",
        "limits_heads",
        "served",
        "socket",
        "upgrade",
    )

    def __init__(
        self, handler: Any, watch: ConnectionWatch, time_slice: TimeSlice, logs: bool
    ) -> None:
        super().__init__(handler, watch, logs)
        self._time_slice = time_slice
        self._hands_over: bool = handler.hands_over
        self._prefixes: tuple[str, ...] = handler.plain
        self._most_head: int = handler.max_header_size
        self._most_fields: int = handler.max_header_count
        address = handler.client_address
        self._peer: tuple[str, str] | None = None
        if isinstance(address, tuple):
            self._peer = str(address[0]), str(address[1])
        self._more = False  # whether what follows the request is here already
        self._readable = False  # whether the client has probably sent something
        self._unsent: memoryview | None = None  # the rest of an answer that the hub has begun
        self._waiter: Any = None  # wakes the greenlet that waits for a later answer
        self.limits_heads = True
        self.served = False
        self.socket: Any = handler.socket
        self.upgrade: Any = None

    def serve(self, data: bytes) -> bytes | None:
        """Answer plain requests, until one comes that is not plain or asks for an upgrade.

        Args:
            data: what was read already; if it is empty, the reader of the handler has nothing.

        Returns:
            What was read of that request, or nothing if the reader of the handler may have
            more; ``None`` at the end of the connection.
        """
        while True:
            if data:
                # The client has sent this before the last answer, and may continue for long.
                self._time_slice.pause()
            else:
                try:
                    data = self._receive()
                except OSError:  # the client has gone
                    return None
            if not data:
                return None
            end = self._begin(data)
            if end < 0:
                return data
            data = data[end:]
            self._more = bool(data)
            late = self.body is not None
            self.served = True
            self._watch.head_read()
            try:
                self._respond()
                closes = self.closes or self._is_over()
            finally:
                self.forget()
            if closes:
                return None
            if late:
                return b""
            self._watch.request_awaited()

    def _begin(self, data: bytes) -> int:
        """Begin with a request; return where it ends, and -1 if it is not answered here."""
        head = read_request_head(self._prefixes, data)
        if head is None:
            return -1
        size, fields = head[0], head[6]
        if size > self._most_head or len(fields.environ) > self._most_fields:
            return -1
        environ = self._environ_of(head)
        if environ is None:
            return -1
        self.head = head
        self.environ = environ
        self.closes = fields.closes
        if fields.upgrades:
            self.data = data
            return -1
        if self._hands_over:
            self.data = data
        environ["wsgi.input_terminated"] = True
        environ[CONNECTION] = self
        end = size + (fields.body_size or 0)
        if end > len(data):
            self.body = self._handler.late_body(data[size:], fields.body_size)
            environ["wsgi.input"] = self.body
            return len(data)
        environ["wsgi.input"] = BytesIO(data[size:end])
        return end

    def _receive(self) -> bytes:
        """Wait until the client has sent something, and read what is there."""
        while True:
            # First let the loop serve other clients. The next request is hardly
            # ever there already, so an attempt to read it now would be in vain.
            if not self._readable:
                wait_readable(self.socket)
            self._readable = False
            self._time_slice.restart()
            try:
                data: bytes = self._bare.recv(_READ_SIZE)
                return data
            except BlockingIOError:
                pass

    # --- answers that come later ---

    def _send_later(self) -> None:
        """Wait for the later answer, and send it.

        Mostly the hub has sent it when this greenlet wakes up, and the request is over.
        """
        self._wait_for_answer()
        later = self._later
        if later is None:
            self._readable = not self._more
            return
        unsent, self._unsent = self._unsent, None
        later.watch()
        if unsent is not None:
            self._take().send_all(unsent)
        else:
            # It is long; or the client has hung up, or has sent its next request too early.
            later.wait()
            self._send(later.begin())
        later.sent()

    def _wait_for_answer(self) -> None:
        """Wait until the hub needs this greenlet for the answer, or the client sends something."""
        watcher = unused_read_watcher(self.socket)
        if watcher is None or self._later is None:
            return
        self._waiter = waiter = Waiter()
        self._later.when_there(self._answer_is_there)
        watcher.start(waiter.switch, None)
        try:
            waiter.get()
        finally:
            watcher.stop()
            self._waiter = None

    def _answer_is_there(self) -> None:
        """In the hub: send the later answer, or wake the greenlet if that may take time."""
        waiter, later = self._waiter, self._later
        if waiter is None or later is None:
            return  # the greenlet has woken up already
        try:
            if later.is_short:
                self._unsent = self._send_what_fits(later.begin())
                if self._unsent is None:
                    later.sent()
                    self._later = None
        except Exception as error:
            waiter.throw(type(error), error, error.__traceback__)
            return
        if self._later is not None or self.closes or self._more:
            waiter.switch(None)
        else:
            self._watch.request_awaited()
            self.forget()

    def _environ_of(self, head: RequestHead) -> dict[str, Any] | None:
        """The environ of a request, without its input; ``None`` if pywsgi might make another."""
        _, _, method, _, path, query, fields = head
        environ: dict[str, Any] = self._server.get_environ()
        count = len(environ)
        environ.update(fields.environ)
        if len(environ) != count + len(fields.environ):
            # The server's own environ has some of these names; pywsgi would join the values.
            return None
        environ["REQUEST_METHOD"] = method
        environ["SCRIPT_NAME"] = ""
        environ["PATH_INFO"] = path
        environ["QUERY_STRING"] = query
        environ["SERVER_PROTOCOL"] = "HTTP/1.1"
        peer = self._peer
        if peer is not None:
            environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = peer
        return environ

    # --- the connection of the request, see environ.ServerConnection ---

    def abandon_input(self) -> None:
        """Do not read the rest of a long body."""
        self._take().abandon_input()

    def answer_given(self) -> None:
        """All of the answer is there: from now on the client has so long to take it."""
        self._watch.answer_given()

    def note_door(self, doors: Doors) -> None:
        """Note its server, if that can take connections of other workers."""
        self._handler.note_door(doors)

    def departure(self) -> Departure | None:
        """How the connection can leave this worker; ``None`` if it cannot."""
        handler = self._take()
        handler.begun = self.data
        departure: Departure | None = handler.departure()
        return departure
