"""What the admin page can do to clients: events, rooms, and disconnecting them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..client import Client, Target
from ..monitoring.throttled_log import ThrottledLog
from ..namespace import Namespace
from ..namespaces import Namespaces
from ..target import shown_room

__all__ = ["FEATURES", "Commands"]

#: What the page is told that it can do.
FEATURES = ("EMIT", "JOIN", "LEAVE", "DISCONNECT", "MJOIN", "MLEAVE", "MDISCONNECT")

_EMIT, _JOIN, _LEAVE, _DISCONNECT = "emit", "join", "leave", "_disconnect"
_ELSEWHERE = "sockio admin command"
# How many arguments each needs behind the namespace.
_NEEDED = {_EMIT: 2, _JOIN: 1, _LEAVE: 1, _DISCONNECT: 1}


class Commands:
    """Does what the page says, to the clients of all workers.

    Args:
        admin: the admin namespace.
        namespaces: the namespaces of the listener.
        log: the throttled log of the listener.
    """

    def __init__(self, admin: Namespace, namespaces: Namespaces, log: ThrottledLog) -> None:
        self._admin = admin
        self._namespaces = namespaces
        self._log = log
        for name in _NEEDED:
            admin.on(name, self._handler(name))
        admin.on_server_side(_ELSEWHERE, self._do_here)

    def _handler(self, name: str) -> Any:
        def command(client: Client, *arguments: Any) -> None:
            self._take(client, name, arguments)

        return command

    def _take(self, client: Client, name: str, arguments: Sequence[Any]) -> None:
        """A page has sent a command."""
        try:
            namespace, room, values = _read(name, arguments)
            # Not the arguments of an event: they are for its receivers.
            what = name if name == _DISCONNECT else f"{name} {shown_room(str(values[0]))}"
            whom = "all" if room is None else shown_room(room)
            line = "admin page %s: %s in %.80r, for %s"
            self._log.info(("admin", name), line, client.id[:8], what, namespace, whom)
            self._do(name, namespace, room, values)
        except (TypeError, ValueError) as error:
            line = "admin page %s: %s was refused: %s"
            self._log.warning(("admin", "command"), line, client.id[:8], name, error)

    def _do(self, name: str, namespace: str, room: str | None, values: Sequence[Any]) -> None:
        space = self._namespaces.get(namespace)
        if space is None:
            # One of a pattern, which only other workers have.
            self._admin.server_side_emit(_ELSEWHERE, name, namespace, room, list(values))
        else:
            _apply(name, Target(space, None if room is None else (room,)), values)

    def _do_here(self, name: Any, namespace: Any, room: Any, values: Any) -> None:
        """Another worker has got a command for a namespace that it does not have."""
        space = self._namespaces.get(namespace)
        if space is not None and name in _NEEDED:
            rooms = None if room is None else (str(room),)
            _apply(name, Target(space, rooms, local=True), values)


def _read(name: str, arguments: Sequence[Any]) -> tuple[str, str | None, tuple[Any, ...]]:
    """The namespace, the room or client, and what else a command says.

    Raises:
        TypeError: if it is no command.
    """
    namespace, *rest = arguments or (None,)
    if not isinstance(namespace, str) or len(rest) < _NEEDED[name]:
        raise TypeError("it has too few arguments, or its namespace is no name")
    if name == _EMIT:
        room, *values = rest
    else:
        # The page leaves the room out where all clients are meant.
        value, room = (*rest, None)[:2]
        values = [value]
    if room is not None and not isinstance(room, str):
        raise TypeError("the room is no name")
    return namespace, room or None, tuple(values)


def _apply(name: str, target: Target, values: Sequence[Any]) -> None:
    if name == _EMIT:
        event, *arguments = values
        target.emit(event, *arguments)
    elif name == _JOIN:
        target.join(*values)
    elif name == _LEAVE:
        target.leave(*values)
    else:
        target.disconnect(bool(values[0]))
