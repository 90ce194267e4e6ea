"""What other servers of the stream want of this worker's clients is done here, and answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gevent

from ..acknowledgements import answer_of
from ..client import Target
from ..events import check_sendable
from ..monitoring.throttled_log import ThrottledLog
from ..namespaces import Namespaces
from ..options.listener_options import Context
from ..server_side import run_server_side
from ..wire import node_messages as node
from ..wire.node_messages import NodeMessage
from .bus_bodies import target_of
from .calls import GRACE

__all__ = ["PATTERN", "Incoming"]

#: The flag of a broadcast to all namespaces of a pattern, which is in the place of the name.
PATTERN = "pattern"

_LONGEST_WAIT = 3600.0  # seconds that answers of clients are passed on at most


class Incoming:
    """What other servers want of one listener.

    Args:
        namespaces: the namespaces of the listener.
        answer: answers a message; see :meth:`Requests.answer`.
        facts: tells what others may know of a client.
        log: the throttled log of the listener.
    """

    def __init__(
        self,
        namespaces: Namespaces,
        answer: Callable[..., None],
        facts: Callable[[Any], list[Any]],
        log: ThrottledLog,
    ) -> None:
        self._namespaces = namespaces
        self._answer = answer
        self._facts = facts
        self._log = log

    def do(self, message: NodeMessage, context: Context | None) -> None:
        """Do it.

        Args:
            message: what it wants.
            context: the option ``context``, or that of the framework.

        Raises:
            ValueError: if it makes no sense.
        """
        data = message.data
        if message.type == node.BROADCAST and _is_for_pattern(data):
            event, *arguments = data["packet"]["data"]
            check_sendable(event)
            for each in self._namespaces.of_pattern(message.namespace):
                Target(each, local=True).relay(event, arguments)
            return
        space = self._namespaces.get(message.namespace)
        if space is None:
            return
        if message.type == node.SERVER_SIDE_EMIT:
            self._happen(message, space, context)
            return
        target = _target_of(space, data.get("opts"))
        if message.type == node.BROADCAST:
            event, *arguments = data["packet"]["data"]
            check_sendable(event)
            if data.get("requestId") is None:
                target.relay(event, arguments)
            else:
                self._ask_for(message, target, event, arguments)
        elif message.type == node.SOCKETS_JOIN:
            target.join(*data["rooms"])
        elif message.type == node.SOCKETS_LEAVE:
            target.leave(*data["rooms"])
        elif message.type == node.DISCONNECT_SOCKETS:
            target.disconnect(bool(data.get("close")))
        elif message.type == node.FETCH_SOCKETS:
            sockets = [self._socket(client) for client in target.clients()]
            self._answer(message, node.FETCH_SOCKETS_RESPONSE, sockets=sockets)

    def _socket(self, client: Any) -> dict[str, Any]:
        """A client, as ``fetchSockets()`` of Node's servers shows it."""
        client_id, rooms, auth, data, dialect, transport = self._facts(client)
        handshake = {"auth": auth, "dialect": dialect, "transport": transport, "headers": {}}
        return {"id": client_id, "handshake": handshake, "rooms": rooms, "data": data}

    def _ask_for(
        self, message: NodeMessage, target: Target, event: str | int, arguments: list[Any]
    ) -> None:
        """Ask the clients of this worker for another server; tell it each answer as it comes."""
        tell = self._answer

        def begin(ids: list[str]) -> None:
            tell(message, node.CLIENT_COUNT, clientCount=len(ids), clients=ids)

        def answered(client_id: str, values: list[Any]) -> None:
            packet = values[0] if len(values) == 1 else values or None
            tell(message, node.BROADCAST_ACK, packet=packet, client=client_id, values=values)

        stop = target.ask_each(event, arguments, begin, answered)
        timeout = message.data["opts"].get("flags", {}).get("timeout")
        seconds = timeout / 1000 if isinstance(timeout, (int, float)) else _LONGEST_WAIT
        gevent.spawn_later(min(seconds, _LONGEST_WAIT) + GRACE, stop)

    def _happen(self, message: NodeMessage, space: Any, context: Context | None) -> None:
        """Let an event of another server happen here."""
        event, *arguments = message.data["packet"]

        def answer(values: Sequence[Any]) -> None:
            if message.data.get("requestId") is not None:
                packet = answer_of(values)
                self._answer(message, node.SERVER_SIDE_EMIT_RESPONSE, packet=packet)

        handlers = space.namespace._server_side
        gevent.spawn(run_server_side, handlers, self._log, context, event, arguments, answer)


def _is_for_pattern(data: dict[str, Any]) -> bool:
    """Whether the namespace is a pattern of names."""
    flags = data["opts"].get("flags")
    return isinstance(flags, dict) and flags.get(PATTERN) is True


def _target_of(space: Any, options: Any) -> Target:
    """The clients of this worker that are meant.

    Raises:
        ValueError: if the options make no sense.
    """
    rooms, without, flags = options.get("rooms"), options.get("except"), options.get("flags") or {}
    sessions = flags.get("sessions") or ()
    if not isinstance(rooms, list | tuple):
        raise ValueError("a list of names is malformed")
    volatile = flags.get("volatile")
    return target_of(space, rooms or None, without, sessions, volatile)
