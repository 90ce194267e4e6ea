"""A session as applications see it: what they may do with it, and their handlers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from math import inf
from time import monotonic
from typing import Any, ClassVar

import gevent

from .dialects.classic_encoding import encode
from .hub.time_slice import let_others_run, slice_end
from .monitoring.reasons import NONE_TAKEN, NOT_ALL_TAKEN, CloseReason, End, Limit
from .options.limits import OverLimit
from .session.loops import this_thread
from .session.session import Session
from .session.session_host import SessionHost
from .wire import classic as wire
from .wire.packet import Packet
from .wire.websocket import INTERNAL_ERROR, TOO_BIG

__all__ = ["Client"]

_BY_APPLICATION = End(CloseReason.APPLICATION, "disconnected by the application")


class Client(Session):
    """A connected client. Handlers of ``connection`` receive it; applications make none.

    Events: ``message(message)`` for what the client sends, ``disconnect()``
    once, when the session has ended.

    Attributes:
        listener: the :class:`~sockio_gevent.Listener` that it belongs to.
        session_id: the secret by which the client is known; who has it can
            act as this client, so keep it out of logs and other clients' pages.
        transport: the name of the transport in use, or used last.
        environ: the WSGI environ of the request that opened the session, with
            an empty input.
        identity: what the option ``authorize`` has returned, if that was not
            ``True``; ``None`` without that option.
        connections: how many requests have carried the session: one for a
            WebSocket or a stream, one for each poll.
    """

    __slots__ = (
        "__dict__",
        "__weakref__",
        "_allowance",
        "_complained",
        "announced",
        "bound_to",
        "identity",
        "network",
    )

    EVENTS: ClassVar[Mapping[str, tuple[str, ...]]] = {"message": ("message",), "disconnect": ()}

    def __init__(
        self,
        listener: SessionHost,
        session_id: str,
        transport: str,
        environ: dict[str, Any],
        greeting: Packet,
    ) -> None:
        super().__init__(listener, session_id, transport, environ, greeting)
        self.announced = False
        self.identity: Any = None
        self.bound_to: Any = None
        self.network = ""
        self._complained = False
        self._allowance: tuple[float, float] | None = None

    def send(self, message: Any) -> None:
        """Send a message to this client.

        It never blocks: the message leaves when the loop's tick ends, in one
        write with all others of this tick. What the client does not take is
        kept, up to ``max_buffer``; beyond that the session is closed. To a
        session that has ended nothing is sent. Any thread may call it; messages of
        one thread arrive in the order in which it has sent them.

        Args:
            message: a ``str``, or anything with a JSON form.

        Raises:
            TypeError: if the message has no JSON form.
            ValueError: if it is NaN, holds itself, or is over ``max_buffer``.
        """
        packet = encode(message, self.listener.options)
        if this_thread.hub is self.loop.hub:  # as mostly, and this is done for each message
            self._send(packet)
        else:
            self.loop.call(self._send, packet)

    def _send(self, packet: Packet) -> None:
        if self.ending is None:
            self.loop.traffic.messages_out += 1
            self.enqueue(packet)

    def broadcast(self, message: Any) -> None:
        """Send a message to all other clients; see :meth:`send`."""
        self.listener.broadcast(message, exclude=self.session_id)

    def disconnect(self) -> None:
        """End the session. What was sent before goes out if the client is there to take it.

        Does not wait: ``disconnect`` fires in a greenlet of its own, after
        the handler that is running now. Any thread may call it.
        """
        self.loop.call(self.end, _BY_APPLICATION)

    @property
    def disconnect_reason(self) -> str | None:
        """Why the session has ended, one of the names in ``stats()["closes"]``.

        ``None`` while it is connected.
        """
        return None if self.ending is None else self.ending.reason.value

    def announce(self) -> None:
        """Run the handlers of a new session, once."""
        if not self.announced:
            self.announced = True
            with self._handler_lock:
                self._run(self.listener.opened, self)

    def receive(self, payloads: Sequence[str]) -> str:
        """Take payloads from the client, in this greenlet; return what was wrong with them.

        What it returns is :data:`NONE_TAKEN` or :data:`NOT_ALL_TAKEN` if the session has
        ended before that.

        Raises:
            OverLimit: if there are too many messages in one; of that one none was taken.
        """
        problem, taken = "", False
        options = self.listener.options
        most, rate = options.max_payload_messages, options.max_message_rate
        with self._handler_lock:
            due = slice_end()
            for payload in payloads:
                size = len(payload) if payload.isascii() else len(payload.encode())
                self.loop.traffic.bytes_in += size
                messages, error = wire.decode(payload, most)
                if error is wire.TOO_MANY:
                    text = f"the payload has over {len(messages)} messages"
                    status = "413 Content Too Large"
                    raise OverLimit(Limit.PAYLOAD_MESSAGES, status, text, code=TOO_BIG)
                if rate is not None:
                    self._check_rate(len(messages), rate)
                for message in messages:
                    now = monotonic()
                    if now >= due:
                        # Handlers that never block would keep all others waiting.
                        # None runs meanwhile, however long it takes.
                        self._handler_lock.since = inf
                        due = let_others_run()
                        now = monotonic()
                    # Each message has all of ``handler_timeout``.
                    self._handler_lock.since = now
                    if self.ending is not None:
                        return NOT_ALL_TAKEN if taken else NONE_TAKEN
                    taken = True
                    error = self._take(message) or error
                if error:
                    problem = problem or error
                    self._complain(error)
        return problem

    def _check_rate(self, count: int, rate: float) -> None:
        """Check that messages do not come too fast."""
        now = monotonic()
        allowed = max(rate, 1.0)  # at once
        if self._allowance is not None:
            left, then = self._allowance
            allowed = min(allowed, left + (now - then) * rate)
        if count > allowed:
            self._allowance = allowed, now
            text = f"there were more than {rate:g} messages a second"
            status = "429 Too Many Requests"
            raise OverLimit(Limit.MESSAGE_RATE, status, text, ("Retry-After", "1"))
        self._allowance = allowed - count, now

    def _take(self, text: str) -> str:
        """Take one message; return what was wrong with it."""
        message: Any = text
        if text[:1] == "~":
            if text.startswith(wire.HEARTBEAT):
                self._echoed(text[3:])
                return ""
            if text.startswith(wire.JSON):
                try:
                    message = self._decode_json(text[3:])
                except ValueError as error:
                    return f"bad JSON: {error}"
        self.loop.traffic.messages_in += 1
        try:
            if self.listener.context is None:
                self._deliver(message)
            else:
                self._in_context(self._deliver, message)
        except BaseException as error:
            self._broken_off(error)
        return ""

    def _decode_json(self, text: str) -> Any:
        """Decode JSON that is no more than can be decoded at once."""
        options = self.listener.options
        problem = wire.json_excess(text, options.max_json_elements, options.max_json_depth)
        if problem:
            limit = Limit.JSON_DEPTH if problem is wire.TOO_DEEP else Limit.JSON_ELEMENTS
            raise OverLimit(limit, "413 Content Too Large", problem, code=TOO_BIG)
        return wire.decode_json(text)

    def _deliver(self, message: Any) -> BaseException | None:
        failure = self._emit(self.listener.throttled_log, "message", message)
        return self.listener.received(message, self) or failure

    def _complain(self, problem: str) -> None:
        line = "session %s (%s, %s) sent a bad payload: %s"
        log = self.listener.throttled_log
        # A warning once: a client that sends nothing else must not hide what others do.
        if self._complained:
            log.debug("more bad payloads", line, *self._named(), problem)
        else:
            log.warning("bad payload", line, *self._named(), problem)
        self._complained = True

    def farewell(self) -> None:
        """Run the handlers of the end, once the handler that is running now is done."""
        with self._handler_lock:
            # From here on it is looked at, too.
            self._set_deadline(None)
            self._run(self._depart)
        self.loop.deadlines.forget(self)
        # Handlers mostly close over their client; without them it is free at once.
        self._handlers = None

    def _depart(self) -> BaseException | None:
        failure = self._emit(self.listener.throttled_log, "disconnect")
        return self.listener.gone(self) or failure

    def _run(self, run: Callable[..., BaseException | None], *arguments: Any) -> None:
        """Run handlers, inside what the option ``context`` gives."""
        try:
            self._in_context(run, *arguments)
        except BaseException as error:
            self._broken_off(error)

    def _broken_off(self, error: BaseException) -> None:
        """A handler was ended by what is no ``Exception``, and so meant for more than the handler.

        ``SystemExit`` and ``KeyboardInterrupt`` go to the main greenlet, as
        from any greenlet, and ``GreenletExit`` ends this one.
        """
        if isinstance(error, gevent.GreenletExit):
            self.end(End(CloseReason.FAILURE, "its handler was killed"), INTERNAL_ERROR)
            raise error
        self.failed("a handler")
        hub = gevent.get_hub()
        if isinstance(error, hub.SYSTEM_ERROR):
            hub.handle_system_error(type(error), error, error.__traceback__)

    def failed(self, what: str) -> None:
        """Log the exception that is being handled, and end the session for it.

        Args:
            what: what has failed.
        """
        kind = "failed", what, type(sys.exc_info()[1]).__name__
        self.listener.throttled_log.exception(kind, "%s failed for %r, and ends it", what, self)
        self.end(End(CloseReason.FAILURE, f"{what} failed"), INTERNAL_ERROR)

    def _in_context(self, run: Callable[..., BaseException | None], *arguments: Any) -> None:
        """Run handlers inside what the option ``context`` gives."""
        context = self.listener.context
        if context is None:
            run(*arguments)
            return
        failure: BaseException | None = None
        try:
            with context():
                failure = run(*arguments)
                if failure is not None:
                    # It has been logged; the context is to know that things went wrong.
                    raise failure
        except (Exception, gevent.Timeout) as error:
            if error is not failure:
                line = "the context of a handler failed for %r"
                self.listener.throttled_log.exception("context", line, self)
