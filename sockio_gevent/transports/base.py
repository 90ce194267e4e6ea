"""What a session and its transports ask of each other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, Protocol

from gevent.event import Event

from ..dialects.base import Dialect
from ..hub.time_slice import TimeSlice
from ..monitoring.reasons import NONE_TAKEN, NOT_ALL_TAKEN, End, Limit
from ..options.limits import OverLimit
from ..options.listener_options import Options
from ..server.http.request import Refusal, Request
from ..wire.packet import Packet
from ..wire.websocket import NORMAL

__all__ = ["Carried", "Downlink", "Transport", "Upload"]


class Downlink(ABC):
    """The request or socket that carries a session's messages to its client.

    Args:
        transport: the name of the transport.

    Attributes:
        copied: about how many bytes of memory the form takes that it has made of
            a batch, while that is being written.
        in_pieces: whether it makes no difference to clients in how many pieces it is
            given what waits.
        is_over: whether the request or the socket is done with.
    """

    in_pieces: ClassVar[bool] = False

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
        """Whether a batch is kept that the socket has not taken all of yet."""
        return False

    def offer(self, batch: Sequence[Packet]) -> bool | None:
        """Send a batch in one write, if that can be done now.

        Returns:
            Whether the batch is kept, because the socket has not taken all of
            it yet; or ``None`` if the batch was not taken at all.
        """
        if not self.ready:
            return None
        self.write(batch)
        return self.writing

    @abstractmethod
    def write(self, batch: Sequence[Packet]) -> None:
        """Send a batch in one write. Must not block; only to be called when ready."""

    @abstractmethod
    def close(self, code: int, reason: str, last: Sequence[Packet] = ()) -> None:
        """End it cleanly, without waiting.

        Args:
            code: a WebSocket close code, for transports that can tell.
            reason: the same in words.
            last: what to send before the end, where that is possible.
        """

    @abstractmethod
    def take_back(self) -> Sequence[Packet]:
        """Take back what was written and surely did not arrive; what is left of it is cut off."""

    def has_unread(self) -> bool:
        """Whether the client has sent something over it that nobody has read yet."""
        return False

    def hung_up(self) -> bool:
        """Whether the client has gone without anyone having noticed yet."""
        return False

    @abstractmethod
    def abort(self) -> None:
        """End it at once, whatever is under way, and keep nothing of it."""

    def shut_down(self) -> None:  # noqa: B027, where there is no connection, there is nothing to do
        """Let the client know that nobody serves it any more; any thread may call it."""

    def wait_over(self) -> None:
        """Wait until the client has been told and the request is over."""
        if not self.is_over:
            self._over = self._over or Event()
            self._over.wait()

    def link_over(self, callback: Callable[[Downlink], None]) -> None:
        """Have a function called, in the hub, when the request is over; it is not yet."""
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
    """What a transport may ask of the session that it carries.

    Attributes:
        replaced: what the downlink has replaced, and may not be over yet.
        uploads: the requests whose bodies are being read, if there is any.
    """

    replaced: Sequence[Downlink]
    uploads: set[Upload] | None

    @property
    def handlers(self) -> Backlog:
        """The messages that wait for handlers."""

    @property
    def connected(self) -> bool:
        """Whether the session lives."""

    def attach(self, downlink: Downlink) -> bool:
        """Make this the session's downlink; false if the session has ended."""

    def detach(self, downlink: Downlink, end: End, undelivered: Sequence[Packet] = ()) -> None:
        """The downlink is over; what it could not deliver goes back to the front."""

    def receive(self, payloads: Sequence[str | bytes | bytearray]) -> str:
        """Take payloads from the client, without waiting; return what was wrong with them.

        Raises:
            OverLimit: if there is too much in them; what came before was taken.
        """

    def missed(self, first: int, last: int) -> str:
        """What is wrong with messages that no handler will get; empty if each has one."""

    def run_handlers(self) -> None:
        """Run the handlers for all that has come, in this greenlet."""

    def start_handlers(self) -> None:
        """Run them in a greenlet of their own."""

    def run_handlers_aside(self) -> None:
        """Run them; if they block, they go on while this greenlet does."""

    def end(self, end: End, code: int = NORMAL) -> None:
        """End the session, and close its downlink with this code."""

    def failed(self, what: str) -> None:
        """Log the exception that is being handled, and end the session for it."""

    def drained(self) -> None:
        """The downlink is ready again."""

    def take_in(self, change: int) -> None:
        """Count bytes that have come, and are no whole payload yet, or are being decoded."""

    def settle(self) -> None:
        """Tell the listener how much is held, if that has changed a lot."""


class Backlog(Protocol):
    """The messages that wait for handlers.

    Attributes:
        busy: whether a greenlet runs handlers.
        promised: how many of them are for handlers whatever comes.
    """

    busy: bool
    promised: int

    @property
    def calls(self) -> Sequence[object]:
        """Those that no greenlet has taken to call handlers yet."""

    @property
    def added(self) -> int:
        """How many there have been so far."""

    @property
    def full(self) -> bool:
        """Whether there are so many that no more are to be read."""

    def when_roomy(self, callback: Callable[[], object]) -> None:
        """Call a function once when there is room again. It must not block."""

    def wait_for_room(self) -> None:
        """Wait while it is full."""

    def kill(self) -> None:
        """Have the handler that runs now killed, unless it is what calls this."""


class Transport(ABC):
    """How payloads travel.

    Args:
        options: the options of the listener.
        dialect: how the clients are spoken to that use it.

    Attributes:
        name: the name in addresses and options.
        methods: the HTTP methods that it answers.
        uplink_content_type: the type of the answer to a POST.
        form_expansion: how many bytes of a form one byte of a payload may take.
        framed: the method whose answer is a document for an iframe, if there is one.
        scripted: whether what carries messages runs as a script of the page that
            asks for it, whichever page that is.
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
            Refusal: if it cannot.
        """

    @abstractmethod
    def downlink(self, request: Request, acquire: Callable[[], Carried]) -> Iterable[bytes]:
        """Answer a request that carries messages to the client.

        Args:
            request: a GET whose sender may connect, and that was checked.
            acquire: gives the session, which is opened only now if it is new.
        """

    def accepts_post(self, tail: str) -> bool:
        """Whether messages may be posted to ``<id>/<tail>``."""
        return self.dialect.accepts_post(tail)

    def normalize(self, payload: str, tail: str) -> str:
        """Undo what the way here has done to a payload that was posted to ``<id>/<tail>``."""
        return payload

    def uplink(self, request: Request, session: Carried) -> Iterable[bytes]:
        """Answer a POST that brings messages from the client.

        It waits for handlers only while more waits for them than is to be kept.
        """
        most = self.dialect.largest_body(self.form_expansion)
        body = request.read_body(most, self.options.body_timeout, session)
        handlers = session.handlers
        first = handlers.added
        try:
            problem = self._take(request, session, body)
        finally:
            last = handlers.added
            session.run_handlers_aside()
        handlers.wait_for_room()
        problem = problem or session.missed(first, last)
        if problem is NONE_TAKEN or problem is NOT_ALL_TAKEN:
            # Not "ok": the client may send again, in its next session, what nobody has seen.
            raise Refusal("404 Not Found", problem)
        if problem:
            return request.answer("400 Bad Request", f"bad payload: {problem}\n".encode())
        handlers.promised = last
        return request.answer("200 OK", self.dialect.answer(), self.uplink_content_type)

    def _take(self, request: Request, session: Carried, body: bytes) -> str:
        """Have the session take the payload in a body; return what was wrong with it."""
        limit = self.options.max_message_size
        # Others may go first while it is decoded.
        held = len(body)
        session.take_in(held)
        try:
            try:
                payload = self.dialect.read_body(body, TimeSlice().pause)
                payload = self.normalize(payload, request.tail)
            except ValueError as error:
                raise Refusal("400 Bad Request", str(error)) from None
            if len(payload.encode()) > limit:
                text = f"the payload is over {limit} bytes"
                raise OverLimit(Limit.MESSAGE_SIZE, "413 Content Too Large", text)
            return session.receive((payload,))
        finally:
            session.take_in(-held)
