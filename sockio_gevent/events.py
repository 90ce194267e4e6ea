"""Events and their handlers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar, overload

import gevent

from .hub.per_hub import thread_lock
from .monitoring.throttled_log import ThrottledLog
from .options.callables import callable_problem
from .options.suggestions import did_you_mean

__all__ = ["Emitter", "emit", "forget_handlers", "handlers_of", "log_failure"]

Handler = Callable[..., Any]

# Handlers are added seldom, so one lock is enough for all.
_adding = thread_lock()
H = TypeVar("H", bound=Handler)


class Emitter:
    """An object with events, to which handlers can be added.

    Attributes:
        EVENTS: the names of the events, each with the names of the handlers' arguments.
    """

    # Applications set attributes of their own on clients, whatever their names: what
    # is used in here is mangled, or is taken from the class.
    __slots__ = ("__handlers",)

    EVENTS: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def __init__(self) -> None:
        # The lists are replaced and never changed, so that a handler may add and
        # remove handlers while the handlers of its event run.
        self.__handlers: dict[str, list[Handler]] | None = None

    @overload
    def on(self, event: str) -> Callable[[H], H]: ...

    @overload
    def on(self, event: str, handler: H) -> H: ...

    def on(self, event: str, handler: H | None = None) -> H | Callable[[H], H]:
        """Call a handler whenever an event happens.

        Works as a call, ``socket.on('connection', connected)``, and as a
        decorator, ``@socket.on('connection')``.

        Args:
            event: the name of the event.
            handler: the function to call; without it, a decorator is returned.

        Raises:
            ValueError: if there is no such event.
            TypeError: if the handler does not take the arguments of the event,
                or if it is ``async`` or a generator.
        """
        if handler is None:
            self.__check(event)
            return lambda decorated: self.on(event, decorated)
        self.__add(event, handler)
        return handler

    def add_listener(self, event: str, handler: Handler) -> None:
        """Call a handler whenever an event happens; see :meth:`on`."""
        self.__add(event, handler)

    def __add(self, event: str, handler: Handler) -> None:
        self.__check(event)
        problem = callable_problem(handler, type(self).EVENTS[event])
        if problem:
            raise TypeError(f"{handler!r} cannot be a handler of {event!r}: {problem}")
        with _adding:
            if self.__handlers is None:
                self.__handlers = {}
            self.__handlers[event] = [*self.__handlers.get(event, ()), handler]

    def remove_listener(self, event: str, handler: Handler) -> None:
        """Stop calling a handler, once if it was added more than once.

        Args:
            event: the name of the event.
            handler: the handler; nothing happens if it was not added.

        Raises:
            ValueError: if there is no such event.
        """
        self.__check(event)
        with _adding:
            handlers = list((self.__handlers or {}).get(event, ()))
            if self.__handlers is not None and handler in handlers:
                handlers.remove(handler)
                self.__handlers[event] = handlers

    def __check(self, event: str) -> None:
        # The attribute of the class: on a client, an application may have set one.
        events = type(self).EVENTS
        if event not in events:
            raise ValueError(f"no event {event!r}: {did_you_mean(str(event), tuple(events))}")

    @staticmethod
    def __handlers_of(emitter: Emitter, event: str) -> Sequence[Handler]:
        """The handlers of an event, in the order in which they were added."""
        handlers = emitter.__handlers
        return () if handlers is None else handlers.get(event, ())

    @staticmethod
    def __forget_handlers(emitter: Emitter) -> None:
        """Let go of all handlers: no event happens any more."""
        emitter.__handlers = None


# No methods: applications are not to call them.
handlers_of: Callable[[Emitter, str], Sequence[Handler]] = Emitter._Emitter__handlers_of  # type: ignore[attr-defined]
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
    emitter: Emitter, log: ThrottledLog, event: str, handler: Handler, error: BaseException
) -> None:
    """Log the exception of a handler, which is being handled."""
    # Clients may cause it again and again; the log shows some of each handler.
    kind = event, _name(handler), type(error).__name__
    log.exception(kind, "a handler of %r failed in %r", event, emitter)


def _name(handler: Handler) -> str:
    """The name of a handler; handlers that are made for each client share theirs."""
    named = handler if hasattr(handler, "__qualname__") else type(handler)
    return f"{named.__module__}.{named.__qualname__}"
