"""Handlers as the methods of a class, one class a namespace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .fitting import call_with_fitting

__all__ = ["Namespace"]

_PREFIX = "on_"


class Namespace:
    """The handlers of a namespace: the method ``on_chat`` is that of the event ``chat``.

    Args:
        namespace: its name, ``'/'`` by default.

    Attributes:
        namespace: its name.
        socketio: the :class:`SocketIO` that it was given to.
    """

    def __init__(self, namespace: str | None = None) -> None:
        self.namespace = namespace or "/"
        self.socketio: Any = None

    def events(self) -> Iterator[str]:
        """The names of the events that have a method."""
        return (name.removeprefix(_PREFIX) for name in dir(self) if name.startswith(_PREFIX))

    def handles(self, event: str | int) -> bool:
        """Whether an event has a method, or ``trigger_event`` may take any."""
        overridden = type(self).trigger_event is not Namespace.trigger_event
        return overridden or hasattr(self, f"{_PREFIX}{event}")

    def trigger_event(self, event: str | int, *args: Any) -> Any:
        """Call the method of an event. A subclass may choose another way.

        Args:
            event: its name.
            *args: the id of the client, then the arguments of the event. For ``connect``, these
                are the WSGI environ and what the client has sent.
        """
        handler = getattr(self, f"{_PREFIX}{event}", None)
        if handler is None:
            return None
        if event == "connect":
            return call_with_fitting(handler, args[2:])
        if event == "disconnect":
            return call_with_fitting(handler, args[1:])
        return handler(*args[1:])

    # --- the functions of SocketIO, in this namespace ---

    def emit(
        self,
        event: str,
        data: Any = None,
        room: Any = None,
        include_self: bool = True,
        namespace: str | None = None,
        callback: Any = None,
        to: Any = None,
        skip_sid: Any = None,
    ) -> None:
        """Send an event; see :meth:`SocketIO.emit`."""
        self.socketio.emit(
            event,
            *(() if data is None else (data,)),
            to=to or room,
            include_self=include_self,
            skip_sid=skip_sid,
            namespace=namespace or self.namespace,
            callback=callback,
        )

    def send(
        self,
        data: Any,
        room: Any = None,
        include_self: bool = True,
        namespace: str | None = None,
        callback: Any = None,
        to: Any = None,
        skip_sid: Any = None,
    ) -> None:
        """Send the event ``message``; see :meth:`SocketIO.emit`."""
        self.emit("message", data, room, include_self, namespace, callback, to, skip_sid)

    def call(
        self,
        event: str,
        data: Any = None,
        to: str | None = None,
        namespace: str | None = None,
        timeout: float | None = 60,
    ) -> Any:
        """Send an event to one client, and wait for its answer; see :meth:`SocketIO.call`."""
        arguments = () if data is None else (data,)
        name = namespace or self.namespace
        return self.socketio.call(event, *arguments, to=to, namespace=name, timeout=timeout)

    def enter_room(self, sid: str, room: Any, namespace: str | None = None) -> None:
        """Let a client join a room."""
        self.socketio.enter_room(sid, room, namespace or self.namespace)

    def leave_room(self, sid: str, room: Any, namespace: str | None = None) -> None:
        """Let a client leave a room."""
        self.socketio.leave_room(sid, room, namespace or self.namespace)

    def close_room(self, room: Any, namespace: str | None = None) -> None:
        """Let all clients leave a room."""
        self.socketio.close_room(room, namespace or self.namespace)

    def rooms(self, sid: str, namespace: str | None = None) -> list[str]:
        """The rooms of a client."""
        found: list[str] = self.socketio.rooms(sid, namespace or self.namespace)
        return found

    def disconnect(self, sid: str, namespace: str | None = None) -> None:
        """Disconnect a client."""
        self.socketio.disconnect(sid, namespace or self.namespace)
