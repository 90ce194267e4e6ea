"""The bus between workers anywhere, over Redis.

Each worker has a channel (:mod:`.redis_members`), and there is one for all. What is for all
clients goes through a stream instead, which a worker can read later than it was written.

A file descriptor goes to another worker of this machine by its local bus, if there is one. To any
other it does not go.
"""

from __future__ import annotations

from collections.abc import Callable

import gevent

from ..monitoring.log import Log
from ..wire.bus_frames import ASK, TELL, Frame
from .bus import Receiver, WorkerGone
from .local import LocalBus
from .message_bus import Loop, note_open
from .names import NAME
from .redis_client import shown
from .redis_members import RedisMembers
from .redis_traffic import RedisTraffic

__all__ = ["RedisBus"]

_START = 2.0  # seconds to wait for Redis at the start
_PATIENCE = 0.5  # seconds after which a worker that does not answer is looked for
_HELLO = "hello"


class RedisBus(RedisTraffic):
    """The bus of one worker.

    Args:
        address: the address of Redis.
        prefix: what the names of its channels begin with; the name of its stream.
        local: the bus to the workers of this machine; ``None`` if there is none.
        serves: tells whether this process serves, rather than only forks those that do.
        loop_here: returns the loop of the calling thread; called when the bus starts.
        log: the log of the listener.
        largest: how many bytes a message may have.
        most: how many bytes may wait for Redis.
        name: the name of this worker; ``None`` for that of this process.
    """

    def __init__(
        self,
        address: str,
        prefix: str,
        local: LocalBus | None,
        serves: Callable[[], bool],
        loop_here: Callable[[], Loop],
        log: Log,
        largest: int,
        most: int,
        name: str | None = None,
    ) -> None:
        self._local = local
        self._serves = serves
        self._when_back: list[Callable[[str], object]] = []
        super().__init__(address, prefix, loop_here, log, largest, most, name)
        if local is not None:
            local.when_gone(self._gone_here)

    def _reset(self) -> None:
        super()._reset()
        self._members: RedisMembers | None = None

    @property
    def of_machine(self) -> LocalBus | None:
        """The local bus, if there is one."""
        return self._local

    @property
    def members(self) -> frozenset[str]:
        """The names of the other workers."""
        members = self._members
        return _NOBODY if members is None else members.names

    @property
    def alone(self) -> bool:
        """False while it is open: servers of other kinds may read the stream, too."""
        return not self._open_if_it_serves()

    def receive(self, kind: str, receiver: Receiver) -> None:
        """Give the messages of a kind to a receiver."""
        super().receive(kind, receiver)
        if self._local is not None:
            self._local.receive(kind, receiver)

    # --- it starts and ends ---

    def start(self) -> None:
        """Join the others; see :meth:`Bus.start`."""
        if self._ready:
            return
        if self._local is not None:
            self._local.start()
        self._open()
        link, members, hub = self._link, self._members, gevent.get_hub()
        waits = self._loop is not None and self._loop.hub is hub and gevent.getcurrent() is not hub
        if link is not None and members is not None and waits:
            if link.ready.wait(_START):
                members.look()
            else:
                text = "Redis (%s) does not answer yet: this worker is alone until it does"
                self._log.warning(text, shown(self._address))
        self._ready = self._opened

    def _open(self) -> None:
        with self._lock:
            if self._opened or not self._serves():
                return
            self._opened = True
            self._loop = self._loop_here()
            link = self._make_link()
            self._members = members = RedisMembers(link, self._all, self.name, self._gone)
            link.start({self._all, members.channel_of(self.name), *self._channels})
            members.start(self._say_hello)
            note_open(self, True)

    def close(self) -> None:
        """Leave the others."""
        with self._lock:
            self._opened = self._ready = True
        if self._local is not None:
            self._local.close()
        self._call(self._close)

    def _close(self) -> None:
        workers = self.members
        self._disconnect()
        note_open(self, False)
        for worker in workers:
            self._questions.lost(worker, begun=True)

    def _disconnect(self) -> None:
        link, self._link = self._link, None
        if link is not None and self._members is not None:
            self._members.close()
            link.close()

    def forked(self) -> None:
        """This is a forked child: it joins the others itself, under a name of its own."""
        self._disconnect()
        self._reset()

    # --- who is there ---

    def when_back(self, function: Callable[[str], object]) -> None:
        """Call a function with the name of each worker to which messages may have been lost."""
        self._when_back.append(function)

    def _back(self, worker: str) -> None:
        for function in self._when_back:
            function(worker)

    def _say_hello(self) -> None:
        """Tell the others that this worker hears, from now on or again."""
        self._publish(self._all, TELL, _HELLO, 0, b"")
        for worker in self.members:
            self._back(worker)

    def _gone_here(self, worker: str) -> None:
        """A worker of this machine has gone."""
        if self._members is not None:
            self._members.remove(worker)

    def _gone(self, worker: str, begun: bool = True) -> None:
        self._envelopes.forget(worker)
        super()._gone(worker, begun)

    def find(self, worker: str) -> bool:
        """Whether a worker is there."""
        if worker in self.members or (self._local is not None and self._local.find(worker)):
            return True
        if not self._open_if_it_serves() or NAME.fullmatch(worker) is None or worker == self.name:
            return False
        return self._members is not None and bool(self._members.is_there(worker))

    def reaches(self, worker: str) -> bool:
        """Whether what is sent to a worker goes out now."""
        return self._beside(worker) is not None or (self._link is not None and self._link.up)

    def _beside(self, worker: str) -> LocalBus | None:
        """The local bus, if a worker is of this machine."""
        local = self._local
        return local if local is not None and worker in local.members else None

    # --- from others ---

    def _take(self, worker: str, found: Frame) -> None:
        if self._take_answer(worker, found):
            return
        if found.kind == _HELLO:
            if self._members is not None:
                self._members.add(worker)
            self._back(worker)
        else:
            self._deliver(worker, found)

    # --- to others ---

    def tell(self, worker: str, kind: str, body: bytes) -> bool:
        """Send a message to a worker."""
        self._fit(body)
        beside = self._beside(worker)
        if beside is not None:
            return beside.tell(worker, kind, body)
        if not self.find(worker):
            return False
        self._call(self._send, worker, TELL, kind, 0, body)
        return True

    def ask(self, worker: str, kind: str, body: bytes, timeout: float) -> bytes:
        """Send a message to a worker, and wait for its answer."""
        beside = self._beside(worker)
        if beside is not None:
            return beside.ask(worker, kind, body, timeout)
        return self._ask(worker, kind, body, timeout)

    def _ask(self, worker: str, kind: str, body: bytes, timeout: float) -> bytes:
        self._fit(body)
        members = self._members
        if not self.find(worker) or members is None:
            raise WorkerGone(f"there is no worker {worker}")
        number, question = self._questions.new([worker])
        try:
            self._call(self._send, worker, ASK, kind, number, body)
            left = timeout
            while worker in question.awaited and left > 0:
                question.wait(min(left, _PATIENCE))
                left -= _PATIENCE
                if worker in question.awaited and members.has_gone(worker):
                    question.lost(worker, begun=True)
        finally:
            self._questions.over(number)
        return self._answer_to(question, ASK, worker, kind, timeout)

    def hands_over_to(self, worker: str) -> bool:
        """Whether file descriptors can go to a worker: to those of this machine."""
        return self._beside(worker) is not None

    def hand_over(
        self, worker: str, kind: str, body: bytes, descriptor: int, timeout: float
    ) -> bool:
        """Hand a file descriptor over to a worker of this machine; see :meth:`Bus.hand_over`."""
        beside = self._beside(worker)
        return beside is not None and beside.hand_over(worker, kind, body, descriptor, timeout)

    def queued(self, worker: str) -> int:
        """How many bytes wait for a worker."""
        beside = self._beside(worker)
        if beside is not None:
            return beside.queued(worker)
        return 0 if self._link is None else self._link.size


_NOBODY: frozenset[str] = frozenset()
