"""The functions for handlers: they mean the client and the namespace of the event."""

from __future__ import annotations

from typing import Any

import flask

__all__ = ["call", "close_room", "disconnect", "emit", "join_room", "leave_room", "rooms", "send"]


def _socketio() -> Any:
    return flask.current_app.extensions["socketio"]


def _request() -> Any:
    request: Any = flask.request
    if not hasattr(request, "sid"):
        raise RuntimeError(
            "this function is for handlers of Socket.IO events, which have a client; elsewhere "
            "call the method of the same name of SocketIO"
        )
    return request


def _namespace() -> str | None:
    """The namespace of the event."""
    return getattr(flask.request, "namespace", None)


def _here(options: dict[str, Any]) -> dict[str, Any]:
    """Options in which the client and the namespace of the event stand for those not given."""
    options.setdefault("namespace", _namespace())
    to = options.pop("to", None)
    room = options.pop("room", None)
    options["to"] = room if to is None else to
    if options["to"] is None and not options.get("broadcast"):
        options["to"] = _request().sid
    return options


def emit(event: str, *args: Any, **options: Any) -> None:
    """Send an event to the client whose handler runs.

    Args:
        event: its name.
        *args: its arguments; a tuple stands for several of them.
        **options: ``broadcast=True`` means all clients, ``to`` or ``room`` those of a room;
            ``namespace``, ``include_self``, ``skip_sid`` and ``callback`` are those of
            :meth:`SocketIO.emit`.
    """
    _socketio().emit(event, *args, **_here(options))


def send(message: Any, **options: Any) -> None:
    """Send the event ``message`` to the client whose handler runs; see :func:`emit`.

    Args:
        message: its argument.
        **options: see :func:`emit`; ``json=True`` sends the event ``json``.
    """
    _socketio().send(message, **_here(options))


def call(event: str, *args: Any, **options: Any) -> Any:
    """Send an event to the client whose handler runs, and wait for its answer.

    Args:
        event: its name.
        *args: its arguments.
        **options: see :meth:`SocketIO.call`.
    """
    return _socketio().call(event, *args, **_here(options))


def join_room(room: Any, sid: str | None = None, namespace: str | None = None) -> None:
    """Let the client whose handler runs, or the one with this id, join a room."""
    _socketio().enter_room(sid or _request().sid, room, namespace or _namespace())


def leave_room(room: Any, sid: str | None = None, namespace: str | None = None) -> None:
    """Let the client whose handler runs, or the one with this id, leave a room."""
    _socketio().leave_room(sid or _request().sid, room, namespace or _namespace())


def close_room(room: Any, namespace: str | None = None) -> None:
    """Let all clients leave a room."""
    _socketio().close_room(room, namespace or _namespace())


def rooms(sid: str | None = None, namespace: str | None = None) -> list[str]:
    """The rooms of the client whose handler runs, or of the one with this id."""
    found: list[str] = _socketio().rooms(sid or _request().sid, namespace or _namespace())
    return found


def disconnect(sid: str | None = None, namespace: str | None = None, silent: bool = False) -> None:
    """Disconnect the client whose handler runs, or the one with this id.

    Args:
        sid: the id.
        namespace: the name of the namespace; by default that of the event.
        silent: without effect.
    """
    _socketio().disconnect(sid or _request().sid, namespace or _namespace())
