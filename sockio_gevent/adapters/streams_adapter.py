"""The adapter over Redis: it writes and reads what Node's servers do, in a stream and in channels.

What is for all clients goes through the stream: events, and clients that join, leave or have to
go. Questions go over a channel of the namespace, and answers over a channel of whoever has asked.
So servers of Node with ``@socket.io/redis-streams-adapter`` have the same rooms and broadcasts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gevent

from ..acknowledgements import answer_of
from ..client import Target
from ..cluster.names import owner_of
from ..cluster.redis_bus import RedisBus
from ..elsewhere import Scope
from ..errors import AckTimeout
from ..events import check_sendable
from ..monitoring.throttled_log import ThrottledLog
from ..namespaces import Namespaces
from ..options.listener_options import Context
from ..options.serializer import Serializer
from ..remote_client import RemoteClient
from ..server_side import run_server_side
from ..wire import node_messages as node
from ..wire.node_messages import NodeMessage
from .adapter import Adapter, answers_here
from .streams_messages import EVENT, LONGEST, new_messages
from .streams_requests import ANSWERS, Channels, Request, Requests, all_clients_answered

__all__ = ["StreamsAdapter"]

_LISTING = 5.0  # seconds in which servers list their clients
_LONGEST_WAIT = 3600.0  # seconds that answers of clients are passed on at most
_GRACE = 2.0  # seconds that a server has, besides those of its clients, to answer for them


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
        data = {"packet": packet, "opts": options}
        longest = None if timeout is None else timeout + _GRACE
        ask_all = self._requests.ask_all
        gathering = gevent.spawn(
            ask_all, scope.namespace, node.BROADCAST, data, longest, all_clients_answered
        )
        came, missing = answers_here(here, gathering)
        request: Request = gathering.get()
        theirs, of_them = request.of_clients()
        came.update(theirs)
        missing += of_them
        if not missing and not request.silent:
            return came
        text = f"{len(missing)} of {len(came) + len(missing)} clients have not answered {event!r}"
        if request.silent:
            text += f", and {request.silent} servers have not answered for their clients"
        raise AckTimeout(text if timeout is None else f"{text} within {timeout:g} s", came, missing)

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
        if message.sender == self._bus.name:
            return
        if message.number:
            if message.number <= self._last.get(message.sender, 0):
                return  # it was written twice
            if len(self._last) > LONGEST:
                self._last.clear()
            self._last[message.sender] = message.number
        self._do(message)

    def _heard(self, channel: str, data: bytes) -> None:
        """A message has come over a channel."""
        message = self._messages.message(data)
        if message.sender == self._bus.name:
            return
        if message.type in ANSWERS:
            self._requests.take(message)
        else:
            self._do(message)

    def _do(self, message: NodeMessage) -> None:
        """Do for the clients of this worker what another server wants."""
        space = self._namespaces.get(message.namespace)
        if space is None:
            return
        data = message.data
        if message.type == node.SERVER_SIDE_EMIT:
            self._happen(message, space)
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
            self._requests.answer(message, node.FETCH_SOCKETS_RESPONSE, sockets=sockets)

    def _socket(self, client: Any) -> dict[str, Any]:
        """A client, as ``fetchSockets()`` of Node's servers shows it."""
        client_id, rooms, auth, data, dialect, transport = self._facts(client)
        handshake = {"auth": auth, "dialect": dialect, "transport": transport, "headers": {}}
        return {"id": client_id, "handshake": handshake, "rooms": rooms, "data": data}

    def _ask_for(
        self, message: NodeMessage, target: Target, event: str | int, arguments: list[Any]
    ) -> None:
        """Ask the clients of this worker for another server; tell it each answer as it comes."""
        tell = self._requests.answer

        def begin(ids: list[str]) -> None:
            tell(message, node.CLIENT_COUNT, clientCount=len(ids), clients=ids)

        def answered(client_id: str, values: list[Any]) -> None:
            packet = values[0] if len(values) == 1 else values or None
            tell(message, node.BROADCAST_ACK, packet=packet, client=client_id, values=values)

        stop = target.ask_each(event, arguments, begin, answered)
        timeout = message.data["opts"].get("flags", {}).get("timeout")
        seconds = timeout / 1000 if isinstance(timeout, (int, float)) else _LONGEST_WAIT
        gevent.spawn_later(min(seconds, _LONGEST_WAIT) + _GRACE, stop)

    def _happen(self, message: NodeMessage, space: Any) -> None:
        """Let an event of another server happen here."""
        event, *arguments = message.data["packet"]

        def answer(values: Sequence[Any]) -> None:
            if message.data.get("requestId") is not None:
                packet = answer_of(values)
                self._requests.answer(message, node.SERVER_SIDE_EMIT_RESPONSE, packet=packet)

        handlers = space.namespace._server_side
        gevent.spawn(run_server_side, handlers, self._log, self._context, event, arguments, answer)


def _target_of(space: Any, options: Any) -> Target:
    """The clients of this worker that are meant.

    Raises:
        ValueError: if the options make no sense.
    """
    rooms, without, flags = options.get("rooms"), options.get("except"), options.get("flags") or {}
    sessions = flags.get("sessions") or ()
    for names in (rooms, without, sessions):
        if not isinstance(names, list | tuple) or not all(isinstance(each, str) for each in names):
            raise ValueError("a list of names is malformed")
    chosen = tuple(rooms) or None
    volatile = bool(flags.get("volatile"))
    return Target(space, chosen, tuple(without), frozenset(sessions), volatile, local=True)


def _facts_of(told: Any) -> list[Any]:
    """What a server tells of a client, in the order of :class:`RemoteClient`."""
    handshake = told.get("handshake") or {}
    return [
        told.get("id"),
        told.get("rooms"),
        handshake.get("auth") or {},
        told.get("data"),
        handshake.get("dialect", "socket.io"),
        handshake.get("transport", ""),
    ]
