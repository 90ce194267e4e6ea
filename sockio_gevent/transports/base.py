"""What a session and its transports ask of each other."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Protocol

from gevent.event import Event

from ..compiled import mypyc_attr
from ..dialects.base import Dialect
from ..monitoring.reasons import NONE_TAKEN, NOT_ALL_TAKEN, NOT_READ, End, Limit
from ..options.limits import OverLimit
from ..options.listener_options import Options
from ..refusal import Reason
from ..server.http.request import Refusal, Request
from ..wire.packet import Packet
from ..wire.websocket import NORMAL

__all__ = ["Carried", "Downlink", "Transport", "Upload"]


@mypyc_attr(allow_interpreted_subclasses=True)
class Downlink:
    """The request or socket that carries a session's messages to its client.

    Args:
        transport: the name of the transport.

    Attributes:
        copied: about how many bytes of memory the encoded copy of a batch takes while
            it is being written.
        in_pieces: whether the outbox may be written in several batches without a
            difference to clients.
        is_over: whether it is over: nothing is written or read any more.
        once: whether it is over after one batch.
    """

    in_pieces: ClassVar[bool] = False
    once = False

    __slots__ = ("_over", "copied", "is_over", "transport")

    def __init__(self, transport: str) -> None:
        self.transport = transport
        self.copied = 0
        self.is_over = False
        self._over: Event | None = None

    @property
    @abstractmethod
    def ready(self) -> bool:
        """Whether a batch can be written now."""

    @property
    def writing(self) -> bool:
        """Whether it keeps a batch that the socket has not taken completely."""
        return False

    def offer(self, batch: Sequence[Packet]) -> bool | None:
        """Send a batch in one write, if it is ready.

        Returns:
            Whether it keeps the batch because the socket has not taken all of it
            yet; ``None`` if it is not ready and the batch was not taken.
        """
        if not self.ready:
            return None
        self.write(batch)
        return self.writing

    @abstractmethod
    def write(self, batch: Sequence[Packet]) -> None:
        """Send a batch in one write. Must not block; call it only when ready."""

    @abstractmethod
    def close(self, code: int, reason: str, last: Sequence[Packet] = ()) -> None:
        """End it cleanly, without waiting.

        Args:
            code: a WebSocket close code, for transports that can send it.
            reason: the reason in words.
            last: the messages to send before the end, where that is possible.
        """

    @abstractmethod
    def take_back(self) -> Sequence[Packet]:
        """Take back the messages that certainly did not arrive, and stop sending them."""

    def has_unread(self) -> bool:
        """Whether the client has sent something over it that was not read yet."""
        return False

    def hung_up(self) -> bool:
        """Whether the client has hung up, and this was not noticed yet."""
        return False

    @abstractmethod
    def abort(self) -> None:
        """End it at once, even in the middle of a write, and keep no batch."""

    def shut_down(self) -> None:
        """Shut the socket down, so that the client notices; any thread may call it."""

    def wait_over(self) -> None:
        """Wait until it is over."""
        if not self.is_over:
            self._over = self._over or Event()
            self._over.wait()

    def link_over(self, callback: Callable[[Downlink], None]) -> None:
        """Call a function, in the hub, when it is over. Call this only while it is not."""
        self._over = self._over or Event()
        self._over.rawlink(lambda _: callback(self))

    def _set_over(self) -> None:
        self.is_over = True
        if self._over is not None:
            self._over.set()


class Upload(Protocol):
    """A request whose body is being read."""

    def cut(self) -> None:
        """Cut its connection."""


class Carried(Protocol):
    """The part of a session that its transports use.

    Attributes:
        replaced: earlier downlinks that may not be over yet.
        uploads: the requests whose bodies are being read; may be ``None`` if there are none.
    """

    replaced: Sequence[Downlink]
    uploads: set[Upload] | None

    @property
    def handlers(self) -> Backlog:
        """Its handler queue."""

    @property
    def connected(self) -> bool:
        """Whether the session is alive."""

    def attach(self, downlink: Downlink) -> bool:
        """Make this the session's downlink; false if the session has ended."""

    def detach(self, downlink: Downlink, end: End, undelivered: Sequence[Packet] = ()) -> None:
        """The downlink is over; messages that did not arrive go back to the front of the outbox."""

    def receive(self, payloads: Sequence[str | bytes | bytearray]) -> str:
        """Take payloads from the client, without waiting; return the first mistake in them.

        Raises:
            OverLimit: if they are over a limit; the messages before that were taken.
        """

    def missed(self, first: int, last: int) -> str:
        """Return an error if messages were dropped before handlers got them."""

    def run_handlers(self) -> None:
        """Run handlers for all messages in the queue, in this greenlet."""

    def start_handlers(self) -> None:
        """Run the handlers in another greenlet."""

    def run_handlers_aside(self) -> None:
        """Run the handlers; if they block, this greenlet goes on without them."""

    def end(self, end: End, code: int = NORMAL) -> None:
        """End the session, and close its downlink with this code."""

    def failed(self, what: str) -> None:
        """Log the exception that is being handled, and end the session."""

    def drained(self) -> None:
        """The downlink has written everything, and is ready again."""

    def take_in(self, change: int) -> None:
        """Count bytes that are part of an incomplete payload, or are being decoded."""

    def settle(self) -> None:
        """Tell the listener how much the session holds, if the change is large enough."""


class Backlog(Protocol):
    """The handler queue, as far as transports use it.

    Attributes:
        bound: the client is not read from while so many bytes wait.
        busy: whether a greenlet runs the calls.
        calls: the calls that wait.
        promised: how many calls, counted from the first, are made even if others are
            dropped.
        waiting: how many bytes of memory the calls take that have not begun.
    """

    bound: int
    busy: bool
    calls: list[Any]
    promised: int
    waiting: int

    @property
    def is_left_alone(self) -> bool:
        """Whether calls wait, and no greenlet makes them."""

    @property
    def added(self) -> int:
        """How many calls were put in so far."""

    @property
    def full(self) -> bool:
        """Whether so much waits that the client must not be read from."""

    def when_roomy(self, callback: Callable[[], object]) -> None:
        """Call a function once, when there is room again. It must not block."""

    def wait_for_room(self) -> None:
        """Wait while it is full."""

    def kill(self) -> None:
        """Kill the running handler soon, unless the handler calls this itself."""


class Transport:
    """How payloads travel.

    Args:
        options: the options of the listener.
        dialect: the dialect of the clients that use it.

    Attributes:
        name: the name in addresses and options.
        methods: the HTTP methods that it answers.
        uplink_content_type: the content type of the answer to a POST.
        form_expansion: how many bytes of a form one byte of a payload may take.
        framed: the method whose answer is a document for an iframe; empty if there is none.
        scripted: whether the answer with messages is a script, which runs in any page
            that loads it.
    """

    name: ClassVar[str]
    methods: ClassVar[tuple[str, ...]] = ("GET", "POST")
    uplink_content_type: ClassVar[str] = "text/plain; charset=UTF-8"
    form_expansion: ClassVar[int] = 3
    framed: ClassVar[str] = ""
    scripted: ClassVar[bool] = False

    def __init__(self, options: Options, dialect: Dialect) -> None:
        self.options = options
        self.dialect = dialect

    @abstractmethod
    def check(self, request: Request) -> None:
        """Refuse a GET that cannot be answered, before it has a session.

        Raises:
            Refusal: if the GET cannot be answered.
        """

    @abstractmethod
    def downlink(self, request: Request, acquire: Callable[[], Carried]) -> Iterable[bytes]:
        """Answer a request that carries messages to the client.

        Args:
            request: a GET that has passed :meth:`check`, from a client that may connect.
            acquire: returns the session. It opens a new one only when it is called.
        """

    def uplink(self, request: Request, session: Carried) -> Iterable[bytes]:
        """Answer a POST that brings messages from the client.

        It waits for handlers only while the handler queue is full.
        """
        most = self.dialect.largest_body(self.form_expansion)
        body = request.read_body(most, self.options.body_timeout, session)
        handlers = session.handlers
        first = handlers.added
        try:
            problem = self._take(request, session, body)
        finally:
            last = handlers.added
            body = b""  # nobody counts it any more
            session.run_handlers_aside()
        handlers.wait_for_room()
        problem = problem or session.missed(first, last)
        if problem is NONE_TAKEN or problem is NOT_ALL_TAKEN:
            # Not "ok": some messages were not taken. The client may send them again in its next
            # session.
            raise self.not_taken(problem)
        if problem is NOT_READ:
            raise Refusal("500 Internal Server Error", problem).counted_as(Reason.FAILURE)
        if problem:
            return self.bad_payload(request, problem)
        # Another POST may have come behind this one, and be answered already.
        handlers.promised = max(handlers.promised, last)
        return request.answer("200 OK", b"ok", self.uplink_content_type)

    @abstractmethod
    def _take(self, request: Request, session: Carried, body: bytes) -> str:
        """Give the payload in a body to the session; return the first mistake in it."""

    def check_size(self, size: int) -> None:
        """Check the size of a payload.

        Raises:
            OverLimit: if it is over the option ``max_message_size``.
        """
        most = self.options.max_message_size
        if size > most:
            text = f"the payload is over {most} bytes"
            raise OverLimit(Limit.MESSAGE_SIZE, "413 Content Too Large", text)

    def not_taken(self, problem: str) -> Refusal:
        """The refusal of a POST whose messages were not all taken."""
        return Refusal("404 Not Found", problem)

    def bad_payload(self, request: Request, problem: str) -> Iterable[bytes]:
        """The answer to a POST with a mistake in it."""
        return request.answer("400 Bad Request", f"bad payload: {problem}\n".encode())
