"""Requests that other workers give to this one, because it owns their sessions.

A whole connection comes in through the server that would have accepted it here. A request whose
connection stays with the other worker comes in through a server of the listener's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..cluster.bus import Bus, Message
from ..server.handover.doors import Door, Doors
from ..server.handover.handed_socket import HandedSocket
from ..server.handover.tunnels import Tunnels, is_name
from ..session.loops import Loop
from ..session.sessions import Sessions
from ..wire.handed_over import (
    CONNECTION,
    REQUEST,
    RUNS,
    TAKEN,
    TUNNEL,
    HandedOver,
    read_handed_over,
)
from ..wire.redact import Shortener

__all__ = ["RequestsOfOthers"]


class RequestsOfOthers:
    """Takes what other workers give.

    Args:
        bus: the bus to them.
        application: the gateway, for requests without their connections.
        sessions: the sessions of the listener.
        shorteners: what cuts session ids in addresses of the listener.
        tunnels: the streams over the bus.

    Attributes:
        doors: the servers of this worker that take connections.
    """

    def __init__(
        self,
        bus: Bus,
        application: Callable[..., Any],
        sessions: Sessions,
        shorteners: Sequence[Shortener],
        tunnels: Tunnels,
    ) -> None:
        self._application = application
        self._sessions = sessions
        self._shorteners = shorteners
        self._tunnels = tunnels
        self._inner: Door | None = None
        self.doors = Doors()
        for kind in (CONNECTION, REQUEST, TUNNEL):
            bus.receive(kind, self._take)
        bus.receive(RUNS, lambda message: message.answer(TAKEN))

    def _take(self, message: Message) -> None:
        """Take what another worker gives, if it can be served here; called in the hub."""
        if not self._is_taken(message):
            message.answer(b"")

    def _is_taken(self, message: Message) -> bool:
        try:
            handed = read_handed_over(message.body)
        except ValueError as error:
            log = self._sessions.throttled_log
            log.warning("handover", "a worker has handed a connection over wrongly: %s", error)
            return False
        sessions = self._sessions
        session = sessions.find(handed.session_id)
        if message.kind == TUNNEL and self._tunnels.is_reserved(message.sender, handed.place):
            # The first answer was lost, or is on its way.
            loop = sessions.loops.here() if session is None else session.loop
            loop.call(message.answer, TAKEN)
            return True
        if session is None and sessions.closing:
            ended = sessions.recently_ended.find(handed.session_id)
            if ended is None or not ended.farewell:
                # This process may end before it could say that there is no such session.
                return False
        loop = sessions.loops.here() if session is None else session.loop
        if message.kind == TUNNEL:
            if is_name(handed.place):
                self._tunnels.reserve(message.sender, handed.place)
                loop.call(self._open_tunnel, message, handed, loop)
            return is_name(handed.place)
        door: Door | None
        if message.kind == CONNECTION:
            door = self.doors.find(handed.place, loop.hub)
            if door is None or door.full:
                return False  # the other worker relays it
        else:
            door = self._inner_door()
        descriptor = message.take_descriptor()
        if descriptor is not None:
            loop.call(self._open, door, descriptor, handed)
        return True

    def _open(self, door: Door, descriptor: int, handed: HandedOver) -> None:
        try:
            socket = HandedSocket(descriptor, handed)
        except OSError as error:
            log = self._sessions.throttled_log
            log.warning("handover", "a worker has handed over no socket: %s", error)
            return
        door.open(socket, handed.address)

    def _open_tunnel(self, message: Message, handed: HandedOver, loop: Loop) -> None:
        from gevent import socket

        try:
            here, there = socket.socketpair()
        except OSError:
            self._tunnels.free(message.sender, handed.place)
            raise
        # Before the answer: what the other worker sends after that must find its stream.
        self._tunnels.begin(message.sender, handed.place, there, loop).has_begun = True
        message.answer(TAKEN)
        self._inner_door().open(HandedSocket(here.detach(), handed), handed.address)

    def _inner_door(self) -> Door:
        if self._inner is None:
            from ..server.handover.inner import inner_door

            sessions = self._sessions
            log = sessions.log, sessions.throttled_log
            self._inner = inner_door(
                self._application, sessions.options, self._shorteners, *log, sessions.limits
            )
        return self._inner
