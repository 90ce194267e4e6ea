"""Messages of channels wait for what their senders have written into the stream before.

A server reads the stream and the channels over two connections: what one greenlet of another
worker emits, and what it asks then, may come in any order. A message of a worker tells how many
entries that has written before. When these were read, or are not in the stream any more, it is
handled.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic

import gevent
from gevent.event import Event

from ..cluster.bus import WorkerSilent
from ..cluster.redis_bus import RedisBus
from ..monitoring.throttled_log import ThrottledLog
from ..wire.node_messages import NodeMessage
from .streams_messages import LONGEST

__all__ = ["AFTER", "Order"]

#: The name, in the data of a message, of how many entries its sender has written before.
AFTER = "after"

_LONGEST_WAIT = 2.0  # seconds that a message waits


class Order:
    """The messages that wait. They belong to the thread of the bus.

    Args:
        bus: the bus.
        handle: handles a message.
        log: the throttled log of the listener.
    """

    def __init__(
        self, bus: RedisBus, handle: Callable[[NodeMessage], object], log: ThrottledLog
    ) -> None:
        self._bus = bus
        self._handle = handle
        self._log = log
        # The numbers of the last entries that were read, by their senders.
        self._read: dict[str, int] = {}
        # With the times at which they came.
        self._waiting: dict[str, deque[tuple[NodeMessage, float]]] = {}
        self._has_read = Event()

    def note_read(self, sender: str, number: int) -> None:
        """An entry was handled."""
        if number > self._read.get(sender, 0):
            if len(self._read) > LONGEST:
                self._read.clear()
            self._read[sender] = number
        if self._waiting:
            self._has_read.set()

    def heard(self, message: NodeMessage) -> None:
        """Handle a message of a channel, now or when its time has come."""
        waiting = self._waiting.get(message.sender)
        if waiting is not None:
            waiting.append((message, monotonic()))
        elif self._is_early(message):
            self._waiting[message.sender] = deque([(message, monotonic())])
            gevent.spawn(self._handle_later, message.sender)
        else:
            self._handle(message)

    def _is_early(self, message: NodeMessage) -> bool:
        after = message.data.get(AFTER)
        return isinstance(after, int) and after > self._read.get(message.sender, 0)

    def _handle_later(self, sender: str) -> None:
        """Handle the messages of a sender, one after the other."""
        waiting = self._waiting[sender]
        try:
            while waiting:
                message, came = waiting[0]
                try:
                    if self._is_early(message):
                        self._wait(message, came + _LONGEST_WAIT)
                    self._handle(message)
                except Exception as error:
                    text = "a message of server %.40r failed: %r"
                    self._log.warning("message", text, sender, error)
                finally:
                    waiting.popleft()
        finally:
            del self._waiting[sender]

    def _wait(self, message: NodeMessage, end: float) -> None:
        try:
            # The entries were written before the message: all are in the stream up to here.
            last = self._bus.last_entry()
        except WorkerSilent:
            last = None
        while self._is_early(message) and not (last is not None and self._bus.has_read(last)):
            self._has_read.clear()
            if not self._has_read.wait(max(end - monotonic(), 0.0)):
                break
        self.note_read(message.sender, message.data[AFTER])
