"""How the handlers of events that clients send are run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import gevent

from .acknowledgements import arguments_of
from .client import Client
from .client_facts import is_outside, session_of, space_of
from .events import ANY, Emitter, log_failure, log_misfit
from .monitoring.throttled_log import ThrottledLog
from .options.listener_options import Context as HandlerContext
from .session.session import Session
from .session.session_host import Receiver
from .space import Space
from .wire.socketio import ReceivedName

__all__ = ["EventHandlers", "Handler"]

Run = Callable[..., "BaseException | None"]
Handler = Callable[..., Any]

_ANY: Final = ANY  # the compiled form looks an imported name up each time

# What an emitter has.
_Handlers = dict[ReceivedName | None, list[Handler]]
_NO_HANDLERS: _Handlers = {}


def _handlers_of(emitter: Any, event: ReceivedName | None) -> Sequence[Handler]:
    """The same as ``handlers_of`` of :mod:`.events`, which is not compiled."""
    handlers: _Handlers | None = emitter._Emitter__handlers
    return () if handlers is None else handlers.get(event, ())


class _Outcome:
    """What the handlers of one event have done.

    Attributes:
        answer: the first value other than ``None`` that one has returned.
        failure: the first exception.
        handled: whether one has taken the arguments.
    """

    __slots__ = ("answer", "failure", "handled")

    def __init__(self) -> None:
        self.answer: Any = None
        self.failure: BaseException | None = None
        self.handled = False


class EventHandlers(Receiver):
    """Runs the handlers of the events that clients send.

    Attributes:
        context: the option ``context``: handlers run inside it. ``None`` if there is none.
        log: the throttled log, for handlers that fail.
        main: the main namespace.
    """

    __slots__ = ("context", "log", "main")

    def __init__(self) -> None:
        self.context: HandlerContext | None = None
        self.log: ThrottledLog
        self.main: Any

    def received(self, session: Any, message: Any) -> None:
        """A client of the main namespace has sent a message."""
        # The compiled form reads attributes of a known type in a fraction of the time.
        its: Session = session
        its.loop.traffic.messages_in += 1
        try:
            client = its.client
            if client is None:
                return
            main = self.main
            # Every message comes here, and nothing else is as fast as these two attributes.
            mine: _Handlers | None = client._Emitter__handlers
            those: _Handlers = main._Emitter__handlers or _NO_HANDLERS
            if self.context is not None:
                self._in_context(self._received, client, "message", [message], None)
                return
            if _ANY in those or "message" in those or (mine and _ANY in mine):
                self._received(client, "message", [message], None)
                return
            # The same as _received, without its calls.
            handlers = mine.get("message") if mine else None
            if handlers is not None:
                for handler in handlers:
                    try:
                        handler(message)
                    except (Exception, gevent.Timeout) as error:
                        log_failure(client, self.log, "message", handler, error)
            handlers = those.get("clientMessage")
            if handlers is not None:
                for handler in handlers:
                    try:
                        handler(message, client)
                    except (Exception, gevent.Timeout) as error:
                        log_failure(main, self.log, "clientMessage", handler, error)
        except BaseException as broken:
            session.broken_off(broken)

    def event(self, session: Any, event: tuple[str, ReceivedName, list[Any], int | None]) -> None:
        """A client has sent an event; one of a namespace that it is not in is dropped."""
        name, event_name, arguments, ack_id = event
        try:
            client = session.client_in(name)
            if client is not None:
                session.loop.traffic.messages_in += 1
                if self.context is None:
                    self._received(client, event_name, arguments, ack_id)
                else:
                    self._in_context(self._received, client, event_name, arguments, ack_id)
        except BaseException as error:
            session.broken_off(error)

    def _received(
        self, client: Client, event: ReceivedName, arguments: list[Any], ack_id: int | None
    ) -> BaseException | None:
        # Not by space_of(): every event comes here, and attributes are faster than calls.
        space: Space = client._ClientFacts__space  # type: ignore[attr-defined]
        emitters = space.emitters
        failure = self._call_for_any(client, emitters, event, arguments)
        outcome = _Outcome()
        # Clients can send any name, but cannot cause the events of the library.
        if event == "message" or event not in Client.EVENTS:
            handlers = _handlers_of(client, event)
            if handlers:
                self._call(client, event, handlers, arguments, outcome)
        for emitter in emitters:
            handlers = _handlers_of(emitter, event)
            if handlers and event not in type(emitter).EVENTS:
                self._call(emitter, event, handlers, (client, *arguments), outcome)
            if event == "message":
                handlers = _handlers_of(emitter, "clientMessage")
                if handlers:
                    message = arguments[0] if arguments else None
                    self._call(emitter, "clientMessage", handlers, (message, client), outcome)
        failure = failure or outcome.failure
        if ack_id is not None and (
            outcome.answer is not None or (outcome.handled and outcome.failure is None)
        ):
            failure = self._acknowledge(client, event, ack_id, outcome.answer) or failure
        return failure

    def _call_for_any(
        self, client: Client, emitters: Sequence[Any], event: ReceivedName, arguments: list[Any]
    ) -> BaseException | None:
        """Call the handlers of all events, before those of the event; they give no answer."""
        failure: BaseException | None = None
        for emitter in (client, *emitters):
            handlers = _handlers_of(emitter, ANY)
            if handlers:
                outcome = _Outcome()
                first = (event,) if emitter is client else (client, event)
                self._call(emitter, event, handlers, (*first, *arguments), outcome)
                failure = failure or outcome.failure
        return failure

    def _call(
        self,
        emitter: Emitter,
        event: ReceivedName,
        handlers: Sequence[Handler],
        arguments: Sequence[Any],
        outcome: _Outcome,
    ) -> None:
        """Call some handlers of one emitter."""
        for handler in handlers:
            try:
                answer = handler(*arguments)
            except (Exception, gevent.Timeout) as error:
                if log_misfit(self.log, event, handler, arguments, error):
                    continue
                outcome.failure = outcome.failure or error
                log_failure(emitter, self.log, event, handler, error)
            else:
                if outcome.answer is None:
                    outcome.answer = answer
            outcome.handled = True

    def _acknowledge(
        self, client: Client, event: ReceivedName, ack_id: int, answer: Any
    ) -> BaseException | None:
        """Send an answer to an event, if the client is still there."""
        session, space = session_of(client), space_of(client)
        if space.client_of(session) is not client or is_outside(client):
            return None
        try:
            packets = session.dialect.acknowledgement(space.name, ack_id, arguments_of(answer))
        except Exception as error:
            kind = "answer", event in Client.EVENTS, type(error).__name__
            self.log.exception(kind, "the answer to %r of %r cannot be sent", event, client)
            return error
        for packet in packets:
            session.enqueue(packet)
        return None

    def _in_context(self, run: Run, client: Emitter, *arguments: Any) -> None:
        """Run handlers inside the option ``context``."""
        if self.context is None:
            run(client, *arguments)
            return
        failure: BaseException | None = None
        try:
            with self.context():
                failure = run(client, *arguments)
                if failure is not None:
                    # It has been logged; the context must see it, too.
                    raise failure
        except (Exception, gevent.Timeout) as error:
            if error is not failure:
                self.log.exception("context", "the context of a handler failed for %r", client)
