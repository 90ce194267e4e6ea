"""The connections of one worker to Redis: one to write, one for its channels, one for the stream.

While Redis is not reachable, what is to be written waits, up to a bound, and the stream is read
from where it was when Redis is back. Something may be written twice then, if the answer of Redis
was lost. So all that is written has a number, by which readers recognise it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from math import inf
from time import monotonic
from typing import Any

import gevent
from gevent.event import Event

from ..monitoring.log import Log
from .redis_client import FAILURES, REFUSALS, is_not_ready
from .redis_queue import WriteQueue
from .redis_stream import OnEntry, StreamReader

__all__ = ["RedisLink"]

_PAUSES = (0.05, 0.1, 0.2, 0.5, 1.0)  # seconds between two attempts

OnMessage = Callable[[str, bytes], None]


class RedisLink:
    """The connections. They belong to the thread of the bus.

    Args:
        client: the client of Redis.
        where: its address, for the log.
        log: the log of the listener.
        stream: the name of the stream.
        most: how many bytes may wait to be written.
        on_message: called with the name of a channel and a message.
        on_entry: called with the fields of an entry of the stream.

    Attributes:
        dropped: how many commands were dropped.
        heard: the channels that it listens to now.
        on_again: called when it listens to the channels again, after it could not.
        ready: set when the channels and the place in the stream are known.
        up: whether Redis is reachable.
    """

    def __init__(
        self,
        client: Any,
        where: str,
        log: Log,
        stream: str,
        most: int,
        on_message: OnMessage,
        on_entry: OnEntry,
    ) -> None:
        self._client = client
        self._where = where
        self._log = log
        self._stream = StreamReader(client, stream, on_entry)
        self._on_message = on_message
        self.heard: set[str] = set()
        self.on_again: Callable[[], object] = lambda: None
        self.dropped = 0
        self.ready = Event()
        self.up = True
        self._down: set[str] = set()
        self._queue = WriteQueue(most)
        self._filled = Event()
        self._channels: set[str] = set()
        self._pubsub: Any = None
        self._since = -inf  # when it was lost, or is back
        self._subscribed = False
        self._is_closed = False
        self._is_stale = False
        self._refused = False
        self._is_full = False  # whether something was dropped since all was written
        self._running: list[gevent.Greenlet] = []

    def start(self, channels: Iterable[str]) -> None:
        """Begin, with these channels."""
        self._channels.update(channels)
        for run in (self._write, self._listen, self._read):
            self._running.append(gevent.spawn(self._until_closed, run))

    def _until_closed(self, run: Callable[[], None]) -> None:
        try:
            run()
        except Exception:
            # The library fails in various ways if a connection that it reads from is closed.
            if not self._is_closed:
                raise

    def close(self) -> None:
        """End all of it; what waits is dropped."""
        self._is_closed = True
        gevent.killall(self._running, block=False)
        self._running = []
        with suppress(*FAILURES):
            if self._pubsub is not None:
                self._pubsub.close()
        with suppress(*FAILURES):
            self._client.close()

    def send(self, *command: Any) -> None:
        """Write a command, in its turn."""
        self._put(command)

    def publish(self, channel: str, envelope: bytes) -> None:
        """Publish an envelope, in its turn. Several may travel in one message."""
        self._put(("PUBLISH", channel, envelope), channel)

    def _put(self, command: tuple[Any, ...], channel: str = "") -> None:
        if self._queue.put(command, channel):
            self._filled.set()
            return
        self.dropped += 1
        if not self._is_full:
            self._is_full = True
            self._log.warning("too much waits for Redis (%s): messages are lost", self._where)

    def ask(self, *command: Any) -> Any:
        """Send a command out of turn, and wait for its answer.

        Raises:
            Exception: one of :data:`FAILURES`.
        """
        try:
            return self._client.execute_command(*command)
        except Exception as error:
            # The library fails in various ways if a connection is closed that it uses.
            if not self._is_closed or isinstance(error, tuple(FAILURES)):
                raise
            raise OSError("this worker has left the others") from error

    def has_read(self, place: bytes) -> bool:
        """Whether the stream was read up to an entry."""
        return self._stream.has_read(place)

    def subscribe(self, channels: Iterable[str]) -> None:
        """Listen to more channels."""
        self._channels.update(channels)
        with suppress(*FAILURES):  # whoever listens subscribes to all, when Redis is back
            if self._pubsub is not None and self._subscribed:
                self._pubsub.subscribe(*channels)

    def unsubscribe(self, channels: Iterable[str]) -> None:
        """Do not listen to these channels any more."""
        self._channels.difference_update(channels)
        self.heard.difference_update(channels)
        with suppress(*FAILURES):
            if self._pubsub is not None and self._subscribed:
                self._pubsub.unsubscribe(*channels)

    @property
    def size(self) -> int:
        """How many bytes wait."""
        return self._queue.size

    @property
    def lag(self) -> float:
        """By how many seconds this worker is behind; while Redis is away, since when it is."""
        longest = self._stream.lag.seconds
        return longest if self.up else max(longest, monotonic() - self._since)

    @property
    def up_for(self) -> float:
        """For how many seconds Redis has been reachable; much if it always was."""
        return monotonic() - self._since if self.up else 0.0

    # --- Redis comes and goes ---

    def _lost(self, part: str, error: Exception, attempts: int) -> None:
        """A part has failed: wait a little."""
        self._down.add(part)
        if self.up:
            self.up, self._since = False, monotonic()
            text = "Redis (%s) is not reachable, clients of this worker are still served: %s"
            self._log.warning(text, self._where, error)
        with suppress(*FAILURES):
            # Another server may have to do it now: that is found out for a new connection.
            self._client.connection_pool.disconnect(inuse_connections=False)
        gevent.sleep(_PAUSES[min(attempts, len(_PAUSES) - 1)])

    def _works(self, part: str) -> None:
        """A part works."""
        self._down.discard(part)
        if not self.up and not self._down:
            self.up, self._since = True, monotonic()
            self._log.warning("Redis (%s) is reachable again", self._where)

    # --- to Redis ---

    def _write(self) -> None:
        attempts = 0
        while True:
            self._filled.wait()
            self._filled.clear()
            while self._queue:
                try:
                    results = self._execute(self._queue.batch())
                except tuple(FAILURES) as error:
                    self._lost("writing", error, attempts)
                    attempts += 1
                    continue
                not_ready = self._written(results)
                if not_ready is not None:
                    self._lost("writing", not_ready, attempts)
                    attempts += 1
                    continue
                attempts = 0
                self._works("writing")
            self._is_full = False

    def _execute(self, batch: list[tuple[Any, ...]]) -> list[Any]:
        """Send commands, and wait for their results.

        Redis takes all of them or none: if it could not take one yet, but the next, that would
        overtake it, and readers would take the late one for one that comes twice.

        Raises:
            Exception: one of :data:`FAILURES`.
        """
        try:
            return self._send(batch, len(batch) > 1)
        except tuple(REFUSALS) as error:
            if is_not_ready(error):
                raise
        return self._send(batch, False)  # the results tell which of them is refused

    def _send(self, batch: list[tuple[Any, ...]], together: bool) -> list[Any]:
        pipeline = self._client.pipeline(transaction=together)
        for command in batch:
            pipeline.execute_command(*command)
        results: list[Any] = pipeline.execute(raise_on_error=False)
        return results

    def _written(self, results: list[Any]) -> Exception | None:
        """Redis has answered the batch; returns why it cannot take the rest yet, if so."""
        for result in results:
            if isinstance(result, Exception) and is_not_ready(result):
                return result
            count = self._queue.pop()
            if not isinstance(result, Exception):
                self._refused = False
                continue
            self.dropped += count
            if not self._refused:
                self._refused = True
                text = "Redis (%s) refuses what this worker writes: %s"
                self._log.warning(text, self._where, result)
        return None

    # --- from Redis ---

    def _listen(self) -> None:
        """Read what comes over the channels."""
        attempts = 0
        while True:
            self._pubsub, self._is_stale = self._client.pubsub(), False
            try:
                wanted = set(self._channels)
                self._pubsub.subscribe(*wanted)
                while True:
                    message = self._pubsub.get_message(timeout=1.0)
                    if self._is_stale:
                        raise OSError("the other connections have failed")
                    attempts = 0
                    if message is None:
                        self._works("channels")
                    elif message["type"] == "subscribe":
                        self._works("channels")
                        self.heard.add(message["channel"].decode())
                        if not self._subscribed:
                            self._listens()
                            if late := self._channels - wanted:
                                self._pubsub.subscribe(*late)
                    elif message["type"] == "message":
                        self._on_message(message["channel"].decode(), message["data"])
            except tuple(FAILURES) as error:
                self._subscribed = False
                self.heard = set()
                with suppress(*FAILURES):
                    self._pubsub.close()
                self._lost("channels", error, attempts)
                attempts += 1

    def _listens(self) -> None:
        """It has subscribed."""
        self._subscribed = True
        if self.ready.is_set():
            self.on_again()
        self._check_ready()

    def _read(self) -> None:
        """Read the stream."""
        attempts = 0
        while True:
            try:
                self._stream.find_place()
                self._works("stream")
                self._check_ready()
                while True:
                    self._stream.read()
                    attempts = 0
                    self._works("stream")
            except tuple(FAILURES) as error:
                # Nothing tells on a connection that only listens that the other end is lost.
                self._is_stale = True
                self._lost("stream", error, attempts)
                attempts += 1

    def _check_ready(self) -> None:
        if self._subscribed and self._stream.place is not None:
            self.ready.set()
