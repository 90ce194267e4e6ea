"""The messages from the client of a session, and the handlers that get them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import monotonic
from typing import Any, Final

import gevent

from ..dialects.base import Dialect
from ..hub.runners import run_aside
from ..monitoring.log import short_id
from ..monitoring.reasons import NONE_TAKEN, NOT_ALL_TAKEN, NOT_READ, CloseReason, End, Limit
from ..options.limits import OverLimit
from ..options.serializer import LoadsFailed
from ..server.http.environ import peer_name
from ..wire.websocket import INTERNAL_ERROR
from .loops import this_thread
from .outbox import Outbox
from .session_host import SessionHost

__all__ = ["Inbox"]

# Bytes that wait for handlers. The listener is told of more than this, even if handlers may
# take all of them at once.
_MUCH: Final = 16 * 1024


class Inbox(Outbox):
    """The part of a session that takes what its client sends.

    Args:
        host: the sessions of the listener.
        dialect: the dialect of its client.
        session_id: its id, a secret.
        transport: the name of the transport of its first request.
        environ: the part of that request's WSGI environ that is kept.

    Attributes:
        client: its client in the main namespace; ``None`` if there is none.
        others: its clients in other namespaces, by the names of these; ``None`` if there
            are none.
        dialect, environ, session_id: the same as given.
        transport: the name of the transport in use, or of the last one.
    """

    __slots__ = (
        "_allowance",
        "_complained",
        "client",
        "dialect",
        "environ",
        "others",
        "session_id",
        "transport",
    )

    def __init__(
        self,
        host: SessionHost,
        dialect: Dialect,
        session_id: str,
        transport: str,
        environ: dict[str, Any],
    ) -> None:
        super().__init__(host, dialect.greeting(session_id, transport))
        self.dialect = dialect
        self.session_id = session_id
        self.transport = transport
        self.environ = environ
        self.client: Any = None
        self.others: dict[str, Any] | None = None
        self._allowance: tuple[float, float] | None = None
        self._complained = False
        if dialect.connects_itself:
            self.handlers.put(host.receiver.connect, ("/", None), 0)

    def __repr__(self) -> str:
        return f"<Session {short_id(self.session_id)} {self.transport} {self.state}>"

    @property
    def state(self) -> str:
        """One of ``open``, ``away`` and ``closed``."""
        if self.ending is not None:
            return "closed"
        return "away" if self.downlink is None else "open"

    @property
    def connected(self) -> bool:
        """Whether the session is alive; also true while the client is away for a moment."""
        return self.ending is None

    def client_in(self, namespace: str) -> Any:
        """Its client in a namespace; ``None`` if it has none there."""
        if namespace == "/":
            return self.client
        return None if self.others is None else self.others.get(namespace)

    @property
    def clients(self) -> dict[str, Any]:
        """Its clients by the names of their namespaces, that of the main one first."""
        main = {} if self.client is None else {"/": self.client}
        return {**main, **(self.others or {})}

    # --- what comes in ---

    def receive(self, payloads: list[str | bytes]) -> str:
        """Take payloads from the client; does not block.

        The dialect handles what belongs to the protocol. Messages are put into the
        handler queue; the caller has to call :meth:`run_handlers`.

        Args:
            payloads: the payloads in order; a binary message is bytes.

        Returns:
            The first mistake in them; empty if there is none, :data:`NONE_TAKEN` if the
            session has ended, and :data:`NOT_READ` if it ends by a mistake of the server.

        Raises:
            OverLimit: if they are over a limit; the messages before that were taken.
        """
        if self.ending is not None:
            return NONE_TAKEN
        problem = ""
        for payload in payloads:
            try:
                error = self.dialect.receive(self, payload)
            except LoadsFailed:
                return self._not_read()
            if error:
                problem = problem or error
                self._complain(error)
        # Not by _settle_receipt(): every message comes here.
        if self._counted or self.handlers.waiting > _MUCH:
            self.settle()
        return problem

    def _not_read(self) -> str:
        """End the session: the application's function that decodes JSON has failed."""
        self.failed("the option 'serializer'")
        return NOT_READ

    def _settle_receipt(self) -> None:
        """Tell the listener what waits for handlers, if it is much."""
        if self._counted or self.handlers.waiting > _MUCH:
            self.settle()

    def count_in(self, size: int, messages: int) -> None:
        """Count a payload that has come.

        Args:
            size: its size in bytes.
            messages: how many messages are in it.

        Raises:
            OverLimit: if messages come too fast.
        """
        self.loop.traffic.bytes_in += size
        rate = self.host.options.max_message_rate
        if rate is not None:
            self._check_rate(messages, rate)

    def _check_rate(self, count: int, rate: float) -> None:
        now = monotonic()
        allowed = max(rate, 1.0)  # as many may come at once
        if self._allowance is not None:
            left, then = self._allowance
            allowed = min(allowed, left + (now - then) * rate)
        if count > allowed:
            self._allowance = allowed, now
            text = f"there were more than {rate:g} messages a second"
            status = "429 Too Many Requests"
            raise OverLimit(Limit.MESSAGE_RATE, status, text, ("Retry-After", "1"))
        self._allowance = allowed - count, now

    def deliver(self, message: Any, cost: int) -> None:
        """Put a message into the handler queue.

        Args:
            message: the message.
            cost: how many bytes of memory it takes there.
        """
        handlers = self.handlers  # not by put(): every message comes here
        handlers.calls.append((self.host.message_received, message, cost))
        handlers.waiting += cost

    def missed(self, first: int, last: int) -> str:
        """Check whether messages of the client were dropped before handlers got them.

        Args:
            first: how many calls were put into the handler queue before these messages.
            last: the same, with these messages.

        Returns:
            An error for the client; empty if no message was dropped.
        """
        dropped = self.handlers.dropped_after
        if dropped is None or dropped >= last:
            return ""
        return NOT_ALL_TAKEN if dropped > first else NONE_TAKEN

    def _complain(self, problem: str) -> None:
        line = "session %s (%s, %s) sent a bad payload: %s"
        log = self.host.throttled_log
        # One warning for each session: a client must not crowd out the warnings about others.
        if self._complained:
            log.debug("more bad payloads", line, *self.named(), problem)
        else:
            log.warning("bad payload", line, *self.named(), problem)
        self._complained = True

    # --- what goes out ---

    def send_message(self, namespace: str, message: Any) -> None:
        """Send the event ``message`` with one argument; any thread may call it.

        Args:
            namespace: the name of the namespace.
            message: the argument.

        Raises:
            TypeError, ValueError: if it has no form in the dialect.
        """
        packets = self.dialect.event(namespace, "message", (message,))
        loop = self.loop
        if this_thread.hub is loop.hub:  # the usual case
            self.enqueue_all(packets)
        else:
            loop.call(self.enqueue_all, packets)

    # --- its handlers ---

    def run_handlers(self) -> None:
        """Run handlers for all messages in the queue, in this greenlet; they may block.

        Returns at once if another greenlet runs them: that one goes on with the rest.
        """
        try:
            self.handlers.run(self)
        except BaseException:
            # A handler has raised an error that ends this greenlet. Calls may be left.
            self.start_handlers()
            raise
        if self._counted:
            self.settle()

    def start_handlers(self) -> None:
        """Run the handlers in another greenlet, if there is something in the queue."""
        if self.handlers.is_left_alone:
            gevent.spawn(self.run_handlers)

    def run_handlers_aside(self) -> None:
        """Run the handlers; if they block, this greenlet goes on without them."""
        if self.handlers.is_left_alone:
            run_aside(self.run_handlers)
            if self.handlers.waiting:
                self.settle()

    def broken_off(self, error: BaseException) -> None:
        """End the session, because a handler has raised what is not an ``Exception``.

        ``SystemExit`` and ``KeyboardInterrupt`` go to the main greenlet, as
        from any greenlet. ``GreenletExit`` ends this greenlet.
        """
        if isinstance(error, gevent.GreenletExit):
            self.end(End(CloseReason.FAILURE, "its handler was killed"), INTERNAL_ERROR)
            raise error
        self.failed("a handler")
        hub = gevent.get_hub()
        if isinstance(error, hub.SYSTEM_ERROR):
            hub.handle_system_error(type(error), error, error.__traceback__)

    def failed(self, what: str) -> None:
        """Log the exception that is being handled, and end the session.

        Args:
            what: what has failed, for the log.
        """
        kind = "failed", what, type(sys.exc_info()[1]).__name__
        line = "%s failed for %r, whose session ends"
        self.host.throttled_log.exception(kind, line, what, self.client or self)
        self.end(End(CloseReason.FAILURE, f"{what} failed"), INTERNAL_ERROR)

    def _log_end(self, log: Callable[..., None], line: str, end: End) -> None:
        if end.limit is None:
            log(line, *self.named(), end.text)
        else:
            self.host.limits.note(end.limit, line, *self.named(), end.limit.of(end.text))

    def named(self) -> tuple[str, str, str]:
        """Its names in log lines: the start of its id, its dialect and transport, its peer."""
        spoken = self.dialect.described(self.transport)
        return short_id(self.session_id), spoken, peer_name(self.environ)
