"""Events and their handlers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar, overload

import gevent

from .hub.per_hub import thread_lock
from .monitoring.throttled_log import ThrottledLog
from .monitoring.warn import advise
from .options.callables import callable_problem
from .options.suggestions import did_you_mean, near_miss
from .wire.socketio import RESERVED, ReceivedName

__all__ = [
    "ANY",
    "Emitter",
    "EventName",
    "check_sendable",
    "emit",
    "forget_handlers",
    "handlers_of",
    "log_failure",
    "log_misfit",
]

Handler = Callable[..., Any]

#: The name of an event. Clients may use numbers, too.
EventName = str | int

#: What stands in place of a name for handlers of all events of applications.
ANY = None

# Handlers are added seldom, so one lock is enough for all.
_adding = thread_lock()
# The names that were checked for misspellings, with the classes of their emitters. Handlers
# are added for each client, and a comparison with all names takes long.
_checked: set[tuple[type, EventName]] = set()
_MOST_CHECKED = 10_000
H = TypeVar("H", bound=Handler)


def check_sendable(event: EventName) -> None:
    """Check the name of an event that an application sends.

    Raises:
        TypeError: if it is neither a string nor a number.
        ValueError: if the name is reserved.
    """
    if not isinstance(event, (str, int)) or isinstance(event, bool):
        raise TypeError(f"the name of an event is a str, not {event!r:.80}")
    if event in RESERVED:
        raise ValueError(f"{event!r} is a reserved name, which no event that is sent may have")


class Emitter:
    """An object with events, to which handlers can be added.

    An event of any other name than those in ``EVENTS`` is the application's own.

    Attributes:
        EVENTS: the names of its own events, each with the names of the handlers' arguments.
    """

    # Applications set attributes of their own on clients, whatever their names: what
    # is used in here is mangled, or is taken from the class.
    __slots__ = ("__handlers",)

    EVENTS: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def __init__(self) -> None:
        # The lists are replaced and never changed, so that a handler may add and
        # remove handlers while the handlers of its event run.
        self.__handlers: dict[ReceivedName | None, list[Handler]] | None = None

    @overload
    def on(self, event: EventName) -> Callable[[H], H]: ...

    @overload
    def on(self, event: EventName, handler: H) -> H: ...

    def on(self, event: EventName, handler: H | None = None) -> H | Callable[[H], H]:
        """Call a handler whenever an event happens.

        Works as a call, ``socket.on('connection', connected)``, and as a
        decorator, ``@socket.on('connection')``.

        An event of the application's own has the arguments that the client sends. A handler
        that does not take them is not called, and the log says so.

        Args:
            event: the name of the event.
            handler: the function to call; without it, a decorator is returned.

        Raises:
            ValueError: if the name is reserved.
            TypeError: if the handler does not take the arguments of the event,
                or if it is ``async`` or a generator.
        """
        if handler is None:
            self.__check(event)
            return lambda decorated: self.on(event, decorated)
        self.__add(event, handler)
        return handler

    def add_listener(self, event: EventName, handler: Handler) -> None:
        """Call a handler whenever an event happens; see :meth:`on`."""
        self.__add(event, handler)

    def on_any(self, handler: H) -> H:
        """Call a handler for each event that a client sends, before the handlers of that event.

        The name of the event comes before its arguments. What the handler returns is no
        answer. Works as a call and as a decorator.

        Raises:
            TypeError: if the handler is ``async`` or a generator.
        """
        problem = callable_problem(handler, None)
        if problem:
            raise TypeError(f"{handler!r} cannot be a handler of all events: {problem}")
        self.__put(ANY, handler)
        return handler

    def off_any(self, handler: Handler) -> None:
        """Stop calling a handler of :meth:`on_any`, once if it was added more than once."""
        self.__take(ANY, handler)

    def __add(self, event: EventName, handler: Handler) -> None:
        self.__check(event)
        problem = callable_problem(handler, type(self).EVENTS.get(event))  # type: ignore[arg-type]
        if problem:
            raise TypeError(f"{handler!r} cannot be a handler of {event!r}: {problem}")
        self.__put(event, handler)

    def __put(self, event: EventName | None, handler: Handler) -> None:
        with _adding:
            if self.__handlers is None:
                self.__handlers = {}
            self.__handlers[event] = [*self.__handlers.get(event, ()), handler]

    def remove_listener(self, event: EventName, handler: Handler) -> None:
        """Stop calling a handler, once if it was added more than once.

        Args:
            event: the name of the event.
            handler: the handler; nothing happens if it was not added.

        Raises:
            ValueError: if the name is reserved.
        """
        self.__check(event)
        self.__take(event, handler)

    def __take(self, event: EventName | None, handler: Handler) -> None:
        with _adding:
            handlers = list((self.__handlers or {}).get(event, ()))
            if self.__handlers is not None and handler in handlers:
                handlers.remove(handler)
                self.__handlers[event] = handlers

    def __check(self, event: EventName) -> None:
        # The attribute of the class: on a client, an application may have set one.
        events = type(self).EVENTS
        if event in events:
            return
        if not isinstance(event, (str, int)) or isinstance(event, bool):
            raise TypeError(f"the name of an event is a str, not {event!r:.80}")
        if event in RESERVED:
            raise ValueError(f"no event {event!r} here: {did_you_mean(str(event), tuple(events))}")
        known = type(self), event
        if known in _checked:
            return
        if len(_checked) < _MOST_CHECKED:
            _checked.add(known)
        meant = near_miss(str(event), tuple(events))
        if meant:
            advise(
                f"{event!r} is now an event of your own, which only clients send; "
                f"did you mean {meant!r}?"
            )

    @staticmethod
    def __handlers_of(emitter: Emitter, event: ReceivedName | None) -> Sequence[Handler]:
        """The handlers of an event, in the order in which they were added."""
        handlers = emitter.__handlers
        return () if handlers is None else handlers.get(event, ())

    @staticmethod
    def __forget_handlers(emitter: Emitter) -> None:
        """Let go of all handlers: no event happens any more."""
        emitter.__handlers = None


# No methods: applications are not to call them.
HandlersOf = Callable[[Emitter, ReceivedName | None], Sequence[Handler]]
handlers_of: HandlersOf = Emitter._Emitter__handlers_of  # type: ignore[attr-defined]
forget_handlers: Callable[[Emitter], None] = Emitter._Emitter__forget_handlers  # type: ignore[attr-defined]


def emit(
    emitter: Emitter, log: ThrottledLog, event: str, *arguments: object
) -> BaseException | None:
    """Run the handlers of an event. An exception of one is logged; the others still run.

    Args:
        emitter: the object that has the handlers.
        log: the log for exceptions.
        event: the name of the event.
        *arguments: the arguments of the handlers.

    Returns:
        The first exception.
    """
    failure: BaseException | None = None
    for handler in handlers_of(emitter, event):
        try:
            handler(*arguments)
        except (Exception, gevent.Timeout) as error:  # gevent.Timeout is no Exception
            failure = failure or error
            log_failure(emitter, log, event, handler, error)
    return failure


def log_failure(
    emitter: Emitter, log: ThrottledLog, event: ReceivedName, handler: Handler, error: BaseException
) -> None:
    """Log the exception of a handler, which is being handled."""
    # Clients may cause it again and again; the log shows some of each handler.
    kind = event, _name(handler), type(error).__name__
    log.exception(kind, "a handler of %r failed in %r", event, emitter)


def log_misfit(
    log: ThrottledLog,
    event: ReceivedName,
    handler: Handler,
    arguments: Sequence[object],
    error: BaseException,
) -> bool:
    """Log that a handler does not take the arguments that a client has sent.

    Args:
        log: the log.
        event: the name of the event.
        handler: the handler.
        arguments: the arguments.
        error: the exception that is being handled.

    Returns:
        False if the exception is another one.
    """
    # An exception from inside the handler would have come through the handler's frame, too.
    inside = error.__traceback__ is not None and error.__traceback__.tb_next is not None
    if not isinstance(error, TypeError) or inside:
        return False
    if not callable_problem(handler, [f"argument {i + 1}" for i in range(len(arguments))]):
        return False
    line = "%s cannot take the arguments of a client's event %r, so it is not called: %s"
    log.warning(("arguments", _name(handler)), line, _name(handler), event, error)
    return True


def _name(handler: Handler) -> str:
    """The name of a handler; handlers that are made for each client share theirs."""
    named = handler if hasattr(handler, "__qualname__") else type(handler)
    return f"{named.__module__}.{named.__qualname__}"
