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

# Handlers are added seldom, so one lock does for all.
_adding = thread_lock()
H = TypeVar("H", bound=Handler)


class Emitter:
    """Something with events that handlers can be added to.

    Attributes:
        EVENTS: the names of the events there are, and of what handlers are called with.
    """

    # Applications set attributes of their own on clients, whatever their names: what
    # is used in here is mangled, or is taken from the class.
    __slots__ = ("__handlers",)

    EVENTS: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def __init__(self) -> None:
        # The lists are replaced, never changed, so that a handler may add and
        # remove handlers while the event goes round.
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
            TypeError: if the handler cannot be called with what the event brings,
                or is ``async``, or a generator.
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
            handler: what was added; one that was not is passed over.

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
            The first of what they have raised.
        """
        failure: BaseException | None = None
        handlers = emitter.__handlers
        if handlers is None:
            return None
        for handler in handlers.get(event, ()):
            try:
                handler(*arguments)
            except (Exception, gevent.Timeout) as error:  # which is no Exception
                failure = failure or error
                # Clients may cause it at will; of each handler's mistakes some are to be seen.
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
    """What a handler is called, which those that are made for each client have in common."""
    named = handler if hasattr(handler, "__qualname__") else type(handler)
    return f"{named.__module__}.{named.__qualname__}"
