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
from ..wire.node_checks import broadcast_of, names_of, options_of, server_side_of, timeout_of
from ..wire.node_messages import NodeMessage
from .bus_bodies import target_of
from .calls import GRACE
from .streams_requests import TOLD_OF_LEAVING

__all__ = ["PATTERN", "Incoming"]

#: The flag of a broadcast to all namespaces of a pattern, which is in the place of the name.
PATTERN = "pattern"

# What other servers want of clients.
_OF_CLIENTS = (
    node.BROADCAST,
    node.SOCKETS_JOIN,
    node.SOCKETS_LEAVE,
    node.DISCONNECT_SOCKETS,
    node.FETCH_SOCKETS,
)

_LONGEST_WAIT = 3600.0  # seconds that answers of clients are passed on at most


class Incoming:
    """What other servers want of one listener.

    Args:
        namespaces: the namespaces of the listener.
        answer: answers a message; see :meth:`Requests.answer`.
        facts: tells what others may know of clients.
        log: the throttled log of the listener.
    """

    def __init__(
        self,
        namespaces: Namespaces,
        answer: Callable[..., None],
        facts: Callable[[Sequence[Any]], list[list[Any]]],
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
            event, *arguments = broadcast_of(data)
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
        if message.type not in _OF_CLIENTS:
            return  # of a version to come
        target = _target_of(space, options_of(data))
        if message.type == node.BROADCAST:
            event, *arguments = broadcast_of(data)
            check_sendable(event)
            if data.get("requestId") is None:
                target.relay(event, arguments)
            else:
                self._ask_for(message, target, event, arguments)
        elif message.type == node.SOCKETS_JOIN:
            target.join(*names_of(data.get("rooms"), "rooms"))
        elif message.type == node.SOCKETS_LEAVE:
            target.leave(*names_of(data.get("rooms"), "rooms"))
        elif message.type == node.DISCONNECT_SOCKETS:
            target.disconnect(bool(data.get("close")))
        elif message.type == node.FETCH_SOCKETS:
            sockets = [_socket(each) for each in self._facts(target.clients())]
            self._answer(message, node.FETCH_SOCKETS_RESPONSE, sockets=sockets)

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

        def left(client_id: str) -> None:
            # A server of Node would take it for an answer.
            if message.data.get(TOLD_OF_LEAVING):
                tell(message, node.BROADCAST_ACK, packet=None, client=client_id, left=True)

        seconds = timeout_of(message.data)
        stop = target.ask_each(event, arguments, begin, answered, left)
        longest = _LONGEST_WAIT if seconds is None else min(seconds, _LONGEST_WAIT)
        gevent.spawn_later(longest + GRACE, stop)

    def _happen(self, message: NodeMessage, space: Any, context: Context | None) -> None:
        """Let an event of another server happen here."""
        event, *arguments = server_side_of(message.data)

        def answer(values: Sequence[Any]) -> None:
            if message.data.get("requestId") is not None:
                packet = answer_of(values)
                self._answer(message, node.SERVER_SIDE_EMIT_RESPONSE, packet=packet)

        handlers = space.namespace._server_side
        gevent.spawn(run_server_side, handlers, self._log, context, event, arguments, answer)


def _is_for_pattern(data: dict[str, Any]) -> bool:
    """Whether the namespace is a pattern of names."""
    options = data.get("opts")
    flags = options.get("flags") if isinstance(options, dict) else None
    return isinstance(flags, dict) and flags.get(PATTERN) is True


def _target_of(space: Any, options: dict[str, Any]) -> Target:
    """The clients of this worker that are meant."""
    rooms = options["rooms"] or None
    return target_of(space, rooms, options["except"], options["sessions"], options["volatile"])


def _socket(facts: list[Any]) -> dict[str, Any]:
    """A client, as ``fetchSockets()`` of Node's servers shows it."""
    client_id, rooms, auth, data, dialect, transport = facts
    handshake = {"auth": auth, "dialect": dialect, "transport": transport, "headers": {}}
    return {"id": client_id, "handshake": handshake, "rooms": rooms, "data": data}
