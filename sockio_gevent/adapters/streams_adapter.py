"""The adapter over Redis: it writes and reads what Node's servers do, in a stream and in channels.

What is for all clients goes through the stream: events, and clients that join, leave or have to
go. Questions go over a channel of the namespace, and answers over a channel of whoever has asked.
So servers of Node with ``@socket.io/redis-streams-adapter`` have the same rooms and broadcasts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gevent

from ..cluster.names import owner_of
from ..cluster.redis_bus import RedisBus
from ..elsewhere import Scope
from ..errors import AckTimeout
from ..monitoring.throttled_log import ThrottledLog
from ..namespaces import Namespaces
from ..options.listener_options import Context
from ..options.serializer import Serializer
from ..remote_client import RemoteClient
from ..wire import node_messages as node
from ..wire.node_checks import check_answer
from ..wire.node_messages import NodeMessage
from .adapter import Adapter
from .calls import GRACE, answers_elsewhere, answers_here, answers_of_all
from .streams_incoming import PATTERN, Incoming
from .streams_messages import EVENT, LONGEST, new_messages
from .streams_order import Order
from .streams_requests import (
    ANSWERS,
    TOLD_OF_LEAVING,
    Channels,
    Request,
    Requests,
    all_clients_answered,
)

__all__ = ["StreamsAdapter"]

_LISTING = 5.0  # seconds in which servers list their clients


class StreamsAdapter(Adapter):
    """What one listener does at the other servers, and they at it; see :class:`Adapter`."""

    def __init__(
        self,
        bus: RedisBus,
        namespaces: Namespaces,
        log: ThrottledLog,
        serializer: Serializer,
    ) -> None:
        super().__init__(bus, namespaces, log, serializer)
        self._redis = bus
        self._messages = new_messages(serializer)
        self._last: dict[str, int] = {}
        self._channels = Channels(bus.prefix)
        self._requests = Requests(bus, self._messages, self._channels)
        self._incoming = Incoming(namespaces, self._requests.answer, self._listed, log)
        self._order = Order(bus, lambda message: self._incoming.do(message, self._context), log)
        bus.on_entry = self._entry
        bus.on_channel = self._heard
        namespaces.watch(self._begins, self._ends)

    def use(self, serializer: Serializer, context: Context | None) -> None:
        """Use what belongs to the application; see :meth:`Adapter.use`."""
        super().use(serializer, context)
        self._messages = new_messages(serializer)
        self._requests.messages = self._messages

    # --- channels ---

    def _channels_of(self, namespace: str) -> tuple[str, str]:
        mine = self._channels.of_one(namespace, self._bus.name)
        return self._channels.of_all(namespace), mine

    def _begins(self, namespace: str) -> None:
        """There is a namespace from now on."""
        self._redis.subscribe(*self._channels_of(namespace))

    def _ends(self, namespace: str) -> None:
        """A namespace is forgotten."""
        self._redis.unsubscribe(*self._channels_of(namespace))

    # --- to the others ---

    def _write(self, namespace: str, kind: int, data: dict[str, Any]) -> None:
        """Write an entry of the stream."""
        if self._bus.alone:
            return
        message = NodeMessage(self._bus.name, namespace, kind, data)
        self._redis.write_entry(self._messages.fields(message), LONGEST)

    def _options(self, scope: Scope) -> dict[str, Any] | None:
        """A scope as others write it; ``None`` if nobody is meant."""
        if scope.rooms is not None and not scope.rooms:
            return None
        flags: dict[str, Any] = {"volatile": True} if scope.volatile else {}
        # Nobody else has the sessions of this worker, and their ids are secrets.
        excluded = [each for each in scope.excluded if owner_of(each) != self._bus.name]
        if excluded:
            flags["sessions"] = excluded
        return {"rooms": list(scope.rooms or ()), "except": list(scope.without), "flags": flags}

    def emit(self, scope: Scope, event: str | int, arguments: Sequence[Any]) -> None:
        """Send an event to clients."""
        options = self._options(scope)
        if options is not None:
            packet = {"type": EVENT, "data": [event, *arguments], "nsp": scope.namespace}
            self._write(scope.namespace, node.BROADCAST, {"packet": packet, "opts": options})

    def emit_matching(self, pattern: str, event: str | int, arguments: Sequence[Any]) -> None:
        """Send an event to all clients of the namespaces of a pattern."""
        packet = {"type": EVENT, "data": [event, *arguments], "nsp": pattern}
        options = {"rooms": [], "except": [], "flags": {PATTERN: True}}
        self._write(pattern, node.BROADCAST, {"packet": packet, "opts": options})

    def _change(self, scope: Scope, kind: int, **more: Any) -> None:
        options = self._options(scope)
        if options is not None:
            self._write(scope.namespace, kind, {"opts": options, **more})

    def join(self, scope: Scope, rooms: Sequence[str]) -> None:
        """Put clients into rooms."""
        self._change(scope, node.SOCKETS_JOIN, rooms=list(rooms))

    def leave(self, scope: Scope, rooms: Sequence[str]) -> None:
        """Take clients out of rooms."""
        self._change(scope, node.SOCKETS_LEAVE, rooms=list(rooms))

    def disconnect(self, scope: Scope, close: bool) -> None:
        """Disconnect clients."""
        self._change(scope, node.DISCONNECT_SOCKETS, close=close)

    def server_side_emit(self, namespace: str, event: str | int, arguments: Sequence[Any]) -> None:
        """Let an event happen in a namespace of the other servers."""
        self._pack(event, *arguments)  # raises if a value has no form
        if not self._bus.alone:
            data = {"packet": [event, *arguments]}
            self._requests.tell_all(namespace, node.SERVER_SIDE_EMIT, data)

    # --- questions ---

    def clients(self, scope: Scope) -> list[Any]:
        """The clients of the other servers."""
        space, options = self._namespaces.get(scope.namespace), self._options(scope)
        if space is None or options is None or self._bus.alone:
            return []
        data = {"opts": options}
        request = self._requests.ask_all(scope.namespace, node.FETCH_SOCKETS, data, _LISTING)
        if request.silent:
            text = "%d servers have not listed their clients within %g s"
            self._log.warning("listing", text, request.silent, _LISTING)
        return [
            RemoteClient(space, server, _facts_of(each))
            for server, answer in request.answers
            for each in answer.get("sockets") or ()
        ]

    def call(
        self,
        scope: Scope,
        event: str | int,
        arguments: Sequence[Any],
        timeout: float | None,
        here: Callable[[], dict[str, Any]],
    ) -> dict[str, Any]:
        """Send an event to clients, and wait for the answers of all."""
        options = self._options(scope)
        if options is None or self._bus.alone:
            return here()
        self._pack(event, *arguments)  # raises if a value has no form
        packet = {"type": EVENT, "data": [event, *arguments], "nsp": scope.namespace}
        if timeout is not None:
            options["flags"]["timeout"] = timeout * 1000
        data = {"packet": packet, "opts": options, TOLD_OF_LEAVING: True}
        longest = None if timeout is None else timeout + GRACE
        space = self._namespaces.get(scope.namespace)
        gathering = gevent.spawn(
            self._requests.ask_all,
            scope.namespace,
            node.BROADCAST,
            data,
            longest,
            all_clients_answered,
            None if space is None else space.gathered,
        )
        of_here = answers_here(here, gathering)
        request: Request = answers_elsewhere(gathering)
        theirs = request.of_clients()
        if request.dropped:
            text = "%d answers to %r were dropped, because all take too much memory"
            self._log.warning("answers", text, len(request.dropped), event)
        return answers_of_all(event, timeout, of_here, theirs, request.silent, "servers")

    def server_side_call(
        self, namespace: str, event: str | int, arguments: Sequence[Any], timeout: float
    ) -> dict[str, Any]:
        """Let an event happen in a namespace of the other servers, and wait for the answers."""
        self._pack(event, *arguments)  # raises if a value has no form
        if self._bus.alone:
            return {}
        data = {"packet": [event, *arguments]}
        request = self._requests.ask_all(namespace, node.SERVER_SIDE_EMIT, data, timeout)
        answers = {server: answer.get("packet") for server, answer in request.answers}
        if request.silent:
            text = f"{request.silent} servers have not answered {event!r} within {timeout:g} s"
            known = [each for each in sorted(self._bus.members) if each not in answers]
            raise AckTimeout(text, answers, known)
        return answers

    # --- for the others ---

    def _entry(self, fields: dict[bytes, bytes]) -> None:
        """An entry of the stream has come."""
        message = self._messages.entry(fields)
        try:
            if message.sender != self._bus.name and self._is_new(message):
                self._incoming.do(message, self._context)
        finally:
            self._order.note_read(message.sender, message.number)

    def _is_new(self, message: NodeMessage) -> bool:
        """Whether an entry was not written twice."""
        if message.number:
            if message.number <= self._last.get(message.sender, 0):
                return False
            if len(self._last) > LONGEST:
                self._last.clear()
            self._last[message.sender] = message.number
        return True

    def _heard(self, channel: str, data: bytes) -> None:
        """A message has come over a channel."""
        message = self._messages.message(data)
        if message.sender == self._bus.name:
            return
        if message.type in ANSWERS:
            check_answer(message.type, message.data)
            self._requests.take(message, len(data))
        else:
            self._order.heard(message)


def _facts_of(told: Any) -> list[Any]:
    """What a server tells of a client, in the order of :class:`RemoteClient`."""
    handshake = told.get("handshake") or {}
    return [
        told.get("id"),
        list(told.get("rooms") or ()),
        handshake.get("auth") or {},
        told.get("data"),
        handshake.get("dialect", "socket.io"),
        handshake.get("transport", ""),
    ]
