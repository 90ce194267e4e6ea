"""What a worker writes to Redis and reads from it: frames for other workers, the stream, channels.

Who the other workers are, and which way a message goes to one of them, is in :mod:`.redis_bus`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

import gevent

from ..monitoring.log import Log
from ..monitoring.throttled_log import ThrottledLog
from ..wire.bus_envelope import Envelopes
from ..wire.bus_frames import Frame
from .bus import WorkerSilent
from .message_bus import Loop, MessageBus
from .names import NAME, WIDTH
from .questions import Question
from .redis_client import FAILURES, make_client, shown
from .redis_link import RedisLink
from .redis_stream import OnEntry

__all__ = ["RedisTraffic"]

_ENTRY = 2  # how many times as large as a message its entry may be: bytes are in base64
_LOOKING = 0.005  # seconds between two looks whether a channel is heard


class RedisTraffic(MessageBus):
    """The part of the bus that goes through Redis.

    Args:
        address: the address of Redis.
        prefix: what the names of its channels begin with; the name of its stream.
        loop_here: returns the loop of the calling thread; called when the bus starts.
        log: the log of the listener.
        largest: how many bytes a message may have.
        most: how many bytes may wait for Redis.
        name: the name of this worker; ``None`` for that of this process.

    Attributes:
        on_channel: called with the name of a channel of :meth:`subscribe`, and a message.
        on_entry: called with the fields of an entry of the stream.
        prefix: the same as given.
    """

    def __init__(
        self,
        address: str,
        prefix: str,
        loop_here: Callable[[], Loop],
        log: Log,
        largest: int,
        most: int,
        name: str | None,
    ) -> None:
        self.prefix = prefix
        self.on_entry: OnEntry = lambda fields: None
        self.on_channel: Callable[[str, bytes], None] = lambda channel, data: None
        self._address = address
        self._most = most
        self._channels: set[str] = set()
        self._all = f"{prefix}#workers#"
        self._throttled_log = ThrottledLog(log)
        super().__init__(loop_here, log, largest, name)
        make_client(address, prefix)  # a mistake in the address is told at once

    def _reset(self) -> None:
        super()._reset()
        self._link: RedisLink | None = None
        self._entries = 0
        self._envelopes = Envelopes(NAME, WIDTH, self._largest)

    @property
    def _is_open(self) -> bool:
        return self._link is not None

    def _make_link(self) -> RedisLink:
        """Make the connections; they are not started yet."""
        self._link = RedisLink(
            make_client(self._address, self.prefix),
            shown(self._address),
            self._log,
            self.prefix,
            self._most,
            self._heard,
            self._read_entry,
        )
        return self._link

    # --- from others ---

    def _read_entry(self, fields: dict[bytes, bytes]) -> None:
        size = sum(map(len, fields.values()))
        self._messages_in += 1
        self._bytes_in += size
        try:
            self._check_size(size)
            self.on_entry(fields)
        except ValueError as error:
            self._throttled_log.warning(
                "malformed entry", "an entry of the stream is malformed: %s", error
            )
        except Exception:
            self._throttled_log.exception("failed entry", "an entry of the stream failed")

    def _check_size(self, size: int) -> None:
        most = _ENTRY * self._largest
        if size > most:
            raise ValueError(f"it has {size} bytes, and {most} are allowed")

    def _heard(self, channel: str, data: bytes) -> None:
        """Something has come over a channel."""
        self._messages_in += 1
        self._bytes_in += len(data)
        try:
            if not channel.startswith(self._all):
                self._check_size(len(data))
                self.on_channel(channel, data)
                return
            for worker, found in self._envelopes.read(data):
                if worker != self.name:
                    self._take(worker, found)
        except ValueError as error:
            text = "a message on the channel %.80r is malformed: %s"
            self._throttled_log.warning("malformed message", text, channel, error)
        except Exception:
            text = "a message on the channel %.80r failed"
            self._throttled_log.exception("failed message", text, channel)

    @abstractmethod
    def _take(self, worker: str, found: Frame) -> None:
        """A frame of another worker has come."""

    # --- to others ---

    def _send(self, worker: str, form: int, kind: str, number: int, body: bytes) -> None:
        self._publish(f"{self._all}{worker}#", form, kind, number, body)

    def _send_all(
        self, form: int, kind: str, number: int, body: bytes, question: Question | None
    ) -> None:
        self._publish(self._all, form, kind, number, body)

    def _publish(self, channel: str, form: int, kind: str, number: int, body: bytes) -> None:
        """Publish a frame; called in the thread of the bus."""
        if self._link is not None:
            data = self._envelopes.write(self.name, form, kind, number, body)
            self._messages_out += 1
            self._bytes_out += len(data)
            self._link.publish(channel, data)

    def write_entry(self, fields: Sequence[str | bytes], longest: int) -> None:
        """Write an entry of the stream, in its turn; any thread may call it.

        Args:
            fields: its fields, names and values in turn. A number comes behind them.
            longest: how many entries the stream keeps, about.
        """
        self._call(self._write_entry, fields, longest)

    def _write_entry(self, fields: Sequence[str | bytes], longest: int) -> None:
        # Here, and not in the thread that writes: the numbers are in order.
        self._entries += 1
        end = "n", str(self._entries)
        self._write(("XADD", self.prefix, "MAXLEN", "~", longest, "*", *fields, *end))

    def write(self, *command: Any) -> None:
        """Write a command to Redis, in its turn; any thread may call it."""
        self._call(self._write, command)

    def _write(self, command: tuple[Any, ...]) -> None:
        if self._link is not None:
            self._messages_out += 1
            self._bytes_out += sum(len(part) for part in command if isinstance(part, bytes))
            self._link.send(*command)

    def write_after(self, make: Callable[[int], tuple[Any, ...]]) -> None:
        """Write a command that tells how many entries were written before it.

        Args:
            make: makes it of this number; called in the thread of the bus.
        """
        self._call(lambda: self._write(make(self._entries)))

    def last_entry(self) -> bytes:
        """The id of the last entry of the stream.

        Raises:
            WorkerSilent: if Redis is not reachable.
        """
        found = self.query("XREVRANGE", self.prefix, "+", "-", "COUNT", 1)
        return found[0][0] if found else b"0-0"

    def has_read(self, place: bytes) -> bool:
        """Whether this worker has read the stream up to an entry."""
        return self._link is not None and self._link.has_read(place)

    def query(self, *command: Any) -> Any:
        """Send a command to Redis out of turn, and wait for its answer.

        Raises:
            WorkerSilent: if Redis is not reachable.
        """
        link = self._link
        if link is None or not link.up:
            raise WorkerSilent("Redis is not reachable")
        try:
            return link.ask(*command)
        except tuple(FAILURES) as error:
            raise WorkerSilent(f"Redis does not answer: {error}") from None

    def subscribe(self, *channels: str) -> None:
        """Listen to more channels; what comes over them goes to :attr:`on_channel`."""
        self._channels.update(channels)
        if self._link is not None:
            self._call(gevent.spawn, self._link.subscribe, channels)

    def hears(self, channel: str) -> bool:
        """Whether this worker listens to a channel now."""
        return self._link is not None and channel in self._link.heard

    def wait_heard(self, channel: str, timeout: float) -> None:
        """Wait until a channel of :meth:`subscribe` is listened to; any thread may call it.

        Args:
            channel: its name.
            timeout: how many seconds to wait; no longer than Redis is there.
        """
        end = monotonic() + timeout
        while channel in self._channels and not self.hears(channel):
            link = self._link
            if link is None or not link.up or monotonic() >= end:
                return
            gevent.sleep(_LOOKING)

    def unsubscribe(self, *channels: str) -> None:
        """Do not listen to these channels any more."""
        self._channels.difference_update(channels)
        if self._link is not None:
            self._call(gevent.spawn, self._link.unsubscribe, channels)

    def stats(self) -> dict[str, Any]:
        """What goes over the bus, as plain data."""
        link = self._link
        if link is None:
            return self._stats(0, 0.0, not self._opened)
        return self._stats(link.dropped, link.lag, link.up)
