"""Which workers there are, as Redis knows it.

Each worker listens to a channel of its own. When it ends, however it ends, the system closes its
connection, and Redis takes its channel away. So what channels there are tells who is there.

A worker may lose its connection, and make another one: only a channel that is missing still a
little later tells that the worker has gone.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

import gevent

from .names import NAME
from .redis_client import FAILURES
from .redis_link import RedisLink

__all__ = ["RedisMembers"]

_LOOKING = 0.8  # seconds between two looks
_BLINK = 0.4  # seconds that a channel may be missing
_ATTEMPTS = 5  # how often that is checked meanwhile
# Seconds after Redis was away in which workers may still come back, one after the other.
_RETURNING = 3.0


class RedisMembers:
    """The other workers. They belong to the thread of the bus.

    Args:
        link: the connections to Redis.
        prefix: what the channels of all workers begin with; the name of one and ``#`` follow.
        name: the name of this worker.
        gone: called with the name of each worker that goes.

    Attributes:
        names: the names of the others.
    """

    def __init__(
        self, link: RedisLink, prefix: str, name: str, gone: Callable[[str], None]
    ) -> None:
        self.names: frozenset[str] = frozenset()
        self._link = link
        self._prefix = prefix
        self._name = name
        self._gone = gone
        self._looking: gevent.Greenlet | None = None
        self._hellos: dict[str, float] = {}  # when each worker has last said that it hears
        self._doubted: dict[str, gevent.Greenlet] = {}

    def start(self, say_hello: Callable[[], None]) -> None:
        """Look again and again; tell the others that this worker is there.

        Args:
            say_hello: tells them, at first, and each time when this worker hears again.
        """
        self._link.on_again = say_hello

        def run() -> None:
            self._link.ready.wait()
            say_hello()
            while True:
                self.look()
                gevent.sleep(_LOOKING)

        self._looking = gevent.spawn(run)

    def close(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.kill(block=False)
        gevent.killall(list(self._doubted.values()), block=False)
        self.names = frozenset()

    def channel_of(self, worker: str) -> str:
        """The channel of a worker."""
        return f"{self._prefix}{worker}#"

    def look(self) -> None:
        """See who is there; waits for Redis."""
        if not self._link.up:
            return  # nobody knows
        try:
            found = self._link.ask("PUBSUB", "CHANNELS", f"{_escaped(self._prefix)}*#")
        except tuple(FAILURES):
            return
        names = {channel.decode("ascii", "replace")[len(self._prefix) : -1] for channel in found}
        there = {each for each in names if NAME.fullmatch(each)} - {self._name}
        self._set({*self.names, *there})
        for worker in self.names - there:
            if worker not in self._doubted:
                self._doubted[worker] = gevent.spawn(self._doubt, worker)

    def _doubt(self, worker: str) -> None:
        """The channel of a worker is missing."""
        try:
            if self.has_gone(worker):
                self.remove(worker)
        finally:
            del self._doubted[worker]

    def add(self, worker: str) -> None:
        """A worker says that it is there."""
        self._hellos[worker] = monotonic()
        if worker not in self.names:
            self._set({*self.names, worker})

    def remove(self, worker: str) -> None:
        """A worker is known to have gone."""
        if worker in self.names:
            self._set(set(self.names) - {worker})

    def _set(self, names: set[str]) -> None:
        before, self.names = self.names, frozenset(names)
        for worker in before - self.names:
            self._hellos.pop(worker, None)
            self._gone(worker)

    def has_gone(self, worker: str) -> bool:
        """Ask Redis whether a worker has gone; if it seems so, again and again for a moment."""
        begun, attempts = monotonic(), 0
        while self.is_there(worker) is False and self._link.up_for > _RETURNING:
            if self._hellos.get(worker, 0.0) >= begun:
                return False
            if attempts == _ATTEMPTS:
                return True
            attempts += 1
            gevent.sleep(_BLINK / _ATTEMPTS)
        return False

    def is_there(self, worker: str) -> bool | None:
        """Ask Redis whether a worker is there; ``None`` if that is not known now."""
        if not self._link.up or gevent.getcurrent() is gevent.get_hub():
            return None
        try:
            return bool(self._link.ask("PUBSUB", "NUMSUB", self.channel_of(worker))[1])
        except tuple(FAILURES):
            return None


def _escaped(prefix: str) -> str:
    """A text as a pattern of Redis."""
    return "".join(f"\\{each}" if each in "*?[]\\^" else each for each in prefix)
