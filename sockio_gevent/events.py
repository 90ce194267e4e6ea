"""Events and their handlers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar, overload

import gevent

from .hub.per_hub import thread_lock
from .monitoring.throttled_log import ThrottledLog
from .options.callables import callable_problem
from .options.suggestions import did_you_mean

__all__ = ["Emitter", "emit", "forget_handlers"]

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
    def __emit(
        emitter: Emitter, log: ThrottledLog, event: str, *arguments: object
    ) -> BaseException | None:
        """Run the handlers of an event; what one raises is logged, and the others go on.

        Args:
            emitter: whose handlers.
            log: where it is said that one has failed.
            event: the name of the event.
            *arguments: what the handlers are called with.

        Returns:
            The first exception.
        """
        failure: BaseException | None = None
        handlers = emitter.__handlers
        if handlers is None:
            return None
        for handler in handlers.get(event, ()):
            try:
                handler(*arguments)
            except (Exception, gevent.Timeout) as error:  # gevent.Timeout is no Exception
                failure = failure or error
                # Clients may cause it again and again; the log shows some of each handler.
                kind = event, _name(handler), type(error).__name__
                log.exception(kind, "a handler of %r failed in %r", event, emitter)
        return failure

    @staticmethod
    def __forget_handlers(emitter: Emitter) -> None:
        """Let go of all handlers: no event happens any more."""
        emitter.__handlers = None


# No methods: applications are not to call them.
emit: Callable[..., BaseException | None] = Emitter._Emitter__emit  # type: ignore[attr-defined]
forget_handlers: Callable[[Emitter], None] = Emitter._Emitter__forget_handlers  # type: ignore[attr-defined]


def _name(handler: Handler) -> str:
    """The name of a handler; handlers that are made for each client share theirs."""
    named = handler if hasattr(handler, "__qualname__") else type(handler)
    return f"{named.__module__}.{named.__qualname__}"
