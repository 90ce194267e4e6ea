"""The base of all transports."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import ClassVar, Final

from ..dialects.base import Dialect
from ..monitoring.reasons import NONE_TAKEN, NOT_ALL_TAKEN, NOT_READ, Limit
from ..options.limits import OverLimit
from ..options.listener_options import Options
from ..refusal import Reason
from ..server.http.request import Refusal, Request
from .carried import Carried

__all__ = ["SHORT", "Transport"]

SHORT: Final = 16 * 1024  # bytes; a shorter body is decoded at once, and not counted meanwhile


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
        # Other greenlets may run while a long body is decoded, so it is counted.
        held = len(body) if len(body) > SHORT else 0
        if held:
            session.take_in(held)
        try:
            problem = self._take(request, session, body)
        finally:
            if held:
                session.take_in(-held)
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
