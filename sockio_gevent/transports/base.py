"""What a session and its transports may ask of each other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from sys import getsizeof
from typing import Any, ClassVar, Protocol

from gevent.event import Event

from ..hub.time_slice import TimeSlice
from ..monitoring.log import Log
from ..monitoring.reasons import NONE_TAKEN, NOT_ALL_TAKEN, End, Limit
from ..options.limits import OverLimit
from ..options.listener_options import Options
from ..server.http.request import Refusal, Request
from ..wire.classic_form import decode_form
from ..wire.packet import Packet
from ..wire.websocket import NORMAL

__all__ = ["Downlink", "Session", "Transport"]


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


class Session(Protocol):
    """What a transport may ask of a session.

    Attributes:
        announced: whether the handlers of the new session were called.
        identity: who the client is, as the application says.
        bound_to: what tells that a request comes from who opened the session.
        posts: how many POSTs of the session are under way.
        replaced: what the downlink has replaced, and may not be over yet.
        uploads: the requests whose bodies are being read, if there is any.
    """

    announced: bool
    identity: Any
    bound_to: Any
    posts: int
    replaced: Sequence[Downlink]
    uploads: set[Upload] | None

    @property
    def connected(self) -> bool:
        """Whether the session lives."""

    @property
    def is_here(self) -> bool:
        """Whether this is the thread that it lives in."""

    def attach(self, downlink: Downlink) -> bool:
        """Make this the session's downlink; false if the session has ended."""

    def detach(self, downlink: Downlink, end: End, undelivered: Sequence[Packet] = ()) -> None:
        """The downlink is over; what it could not deliver goes back to the front."""

    def announce(self) -> None:
        """Run the handlers of a new session; does nothing for an older one."""

    def receive(self, payloads: Sequence[str]) -> str:
        """Take payloads from the client and run the handlers; return what was wrong with them.

        Raises:
            OverLimit: if there is too much in them; what came before was taken.
        """

    def end(self, end: End, code: int = NORMAL) -> None:
        """End the session, and close its downlink with this code."""

    def failed(self, what: str) -> None:
        """Log the exception that is being handled, and end the session for it."""

    def drained(self) -> None:
        """The downlink is ready again."""

    def take_in(self, change: int) -> None:
        """Count bytes that have come, and are no whole payload yet or wait for their turn."""

    def settle(self) -> None:
        """Tell the listener how much is held, if that has changed a lot."""


class Transport(ABC):
    """How payloads travel.

    Args:
        options: the options of the listener.
        log: the log of the listener.

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

    def __init__(self, options: Options, log: Log) -> None:
        self.options = options
        self.log = log

    @abstractmethod
    def check(self, request: Request) -> None:
        """Refuse a GET that cannot be answered, before it has a session.

        Raises:
            Refusal: if it cannot.
        """

    @abstractmethod
    def downlink(self, request: Request, acquire: Callable[[], Session]) -> Iterable[bytes]:
        """Answer a request that carries messages to the client.

        Args:
            request: a GET whose sender may connect, and that was checked.
            acquire: gives the session, which is opened only now if it is new.
        """

    def accepts_post(self, tail: str) -> bool:
        """Whether messages may be posted to ``<id>/<tail>``."""
        return tail == "send"

    def normalize(self, payload: str, tail: str) -> str:
        """Undo what the way here has done to a payload that was posted to ``<id>/<tail>``."""
        return payload

    def uplink(self, request: Request, session: Session) -> Iterable[bytes]:
        """Answer a POST that brings messages from the client."""
        limit = self.options.max_message_size
        most = self.options.max_body_size or self.form_expansion * limit + len("data=")
        body = request.read_body(most, self.options.body_timeout, session)
        # Others may go first while it is decoded, and it may wait for handlers.
        held = len(body)
        session.take_in(held)
        try:
            try:
                payload = self.normalize(decode_form(body, TimeSlice().pause), request.tail)
            except ValueError as error:
                raise Refusal("400 Bad Request", str(error)) from None
            if len(payload.encode()) > limit:
                text = f"the payload is over {limit} bytes"
                raise OverLimit(Limit.MESSAGE_SIZE, "413 Content Too Large", text)
            del body
            size = getsizeof(payload)
            session.take_in(size - held)
            held = size
            problem = session.receive((payload,))
        finally:
            session.take_in(-held)
        if problem is NONE_TAKEN or problem is NOT_ALL_TAKEN:
            # Not "ok": the client may send again, in its next session, what nobody has seen.
            raise Refusal("404 Not Found", problem)
        if problem:
            return request.answer("400 Bad Request", f"bad payload: {problem}\n".encode())
        return request.answer("200 OK", b"ok", self.uplink_content_type)
