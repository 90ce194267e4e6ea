"""The handlers of an application: which one an event of a namespace has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from .namespaces import Namespace

__all__ = ["ANY", "CONNECT", "DISCONNECT", "Found", "Handler", "Registry", "full_name"]

Handler = Callable[..., Any]

#: In place of the name of an event or of a namespace: all that have no handler of their own.
ANY = "*"
CONNECT = "connect"
DISCONNECT = "disconnect"


def full_name(namespace: str | None) -> str:
    """The name of a namespace with its slash; the main one by default, ``'*'`` as it is."""
    if not namespace:
        return "/"
    return namespace if namespace.startswith(("/", ANY)) else f"/{namespace}"


class Found(NamedTuple):
    """The handler of an event.

    Attributes:
        handler: a function, or the namespace whose method it is.
        takes_name: whether it gets the name of the event before its arguments.
    """

    handler: Handler | Namespace
    takes_name: bool = False


class Registry:
    """The handlers of all namespaces. An event has one handler: the last that was given.

    Attributes:
        classes: the objects whose methods are handlers, by the names of their namespaces.
        errors: the handlers of exceptions, by the names of the namespaces.
        default_error: the handler of the other exceptions; ``None`` for none.
    """

    def __init__(self) -> None:
        self._functions: dict[str, dict[str | int, Handler]] = {}
        self.classes: dict[str, Namespace] = {}
        self.errors: dict[str, Handler] = {}
        self.default_error: Handler | None = None

    def add(self, namespace: str, event: str | int, handler: Handler) -> None:
        """Set the handler of an event."""
        self._functions.setdefault(namespace, {})[event] = handler

    def namespaces(self) -> set[str]:
        """The namespaces that have handlers."""
        return {*self._functions, *self.classes}

    def events(self, namespace: str) -> Iterator[str | int]:
        """The names of the events that have a handler in this namespace."""
        for name in (namespace, ANY):
            yield from self._functions.get(name, {}).keys() - {ANY}
            if name in self.classes:
                yield from self.classes[name].events()

    def find(self, namespace: str, event: str | int) -> Found | None:
        """The handler of an event; ``None`` if it has none."""
        for name in (namespace, ANY):
            functions = self._functions.get(name, {})
            if event in functions:
                return Found(functions[event])
            if ANY in functions and event not in (CONNECT, DISCONNECT):
                return Found(functions[ANY], takes_name=True)
        for name in (namespace, ANY):
            methods = self.classes.get(name)
            if methods is not None and methods.handles(event):
                return Found(methods)
        return None

    def error_handler(self, namespace: str) -> Handler | None:
        """The handler of exceptions of handlers in this namespace."""
        return self.errors.get(namespace, self.default_error)
