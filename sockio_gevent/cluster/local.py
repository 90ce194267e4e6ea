"""The bus between the workers of one machine, over Unix sockets.

:mod:`.links` has the connections; here is what travels over them: messages, questions and
answers, and file descriptors.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from time import monotonic_ns
from typing import Any

import gevent

from ..hub.gevent_private import hub_if_any
from ..monitoring.log import Log
from ..wire.bus_frames import ASK, HANDOVER, TELL, Frame, frame
from .bus import WorkerGone
from .lag import Lag
from .links import Links
from .message_bus import Loop, MessageBus, note_open
from .names import NAME
from .outgoing import Queued
from .place import NoPlace
from .questions import Question

__all__ = ["LEAST_LARGEST", "LocalBus"]

#: How many bytes a message may have at least, and how many may wait for one worker.
LEAST_LARGEST = 16 * 1024 * 1024

_ACQUAINTANCE = 1.0  # seconds that a new worker waits until the others know it

_NO_BUS = (
    "there is no bus between the workers, because %s: each request must reach the worker of its "
    "session, and a broadcast reaches the clients of one worker. Set XDG_RUNTIME_DIR or TMPDIR to "
    "a directory that can be written, name one by the option 'cluster', or run one worker"
)


class LocalBus(MessageBus):
    """The bus of one worker.

    Args:
        find_place: says in which directory the workers meet; ``None`` if this process is none
            of them, as one that will fork. Called when the bus starts.
        loop_here: returns the loop of the calling thread; called when the bus starts.
        log: the log of the listener.
        largest: how many bytes a message may have, and how many may wait for one worker.
        name: the name of this worker; ``None`` for that of this process.
    """

    def __init__(
        self,
        find_place: Callable[[], Path | None],
        loop_here: Callable[[], Loop],
        log: Log,
        largest: int = LEAST_LARGEST,
        name: str | None = None,
    ) -> None:
        super().__init__(loop_here, log, largest, name)
        self._find_place = find_place

    def _reset(self) -> None:
        super()._reset()
        self._links: Links | None = None
        self._lag = Lag()

    @property
    def of_machine(self) -> LocalBus:
        """This one."""
        return self

    @property
    def members(self) -> frozenset[str]:
        """The names of the other workers."""
        links = self._links
        return _NOBODY if links is None else links.members

    @property
    def alone(self) -> bool:
        """Whether there is no other worker."""
        if self._links is None and not self._open_if_it_serves():
            return True
        return not self.members

    # --- it starts and ends ---

    @property
    def _is_open(self) -> bool:
        return self._links is not None

    def start(self) -> None:
        """Join the others; see :meth:`Bus.start`."""
        if self._ready:
            return
        self._open()
        hub = gevent.get_hub()
        links, loop = self._links, self._loop
        if links and loop and loop.hub is hub and gevent.getcurrent() is not hub:
            links.acquainted.wait(_ACQUAINTANCE)
        self._ready = self._opened

    def _open(self) -> None:
        with self._lock:
            place = None if self._opened else self._find_place()
            if place is None:
                return
            self._opened = True
            loop = self._loop_here()
            links = Links(
                loop.hub.loop, self.name, self._log, self._largest, self._take, self._gone
            )
            try:
                links.open(place, self._find_place)
            except OSError as error:
                why = str(error) if isinstance(error, NoPlace) else error.strerror
                self._log.warning(_NO_BUS, why)
                return
            self._loop, self._links = loop, links
            note_open(self, True)

    def close(self) -> None:
        """Leave the others."""
        with self._lock:
            self._opened = self._ready = True  # it does not start any more
        self._call(self._close)

    def _close(self) -> None:
        links, self._links = self._links, None
        if links is not None:
            note_open(self, False)
            workers = list(links.ways)
            links.remove_files()
            links.close()
            for worker in workers:
                self._questions.lost(worker, begun=True)

    def forked(self) -> None:
        """This is a forked child: it joins the others itself, under a name of its own."""
        if self._links is not None:
            self._links.close()
        self._reset()

    def at_exit(self) -> None:
        """The process ends: leave no file behind."""
        if self._links is not None:
            self._links.remove_files()

    # --- from others ---

    def _take(self, worker: str, found: Frame, descriptor: int | None) -> None:
        """A frame has come."""
        self._messages_in += 1
        self._bytes_in += len(found.body)
        if found.form == TELL and found.number:
            self._lag.note((monotonic_ns() - found.number) / 1e9)
        if not self._take_answer(worker, found):
            self._deliver(worker, found, descriptor)

    # --- to others ---

    def find(self, worker: str) -> bool:
        """Whether a worker is there."""
        if worker in self.members:
            return True
        if not self._open_if_it_serves() or NAME.fullmatch(worker) is None:
            return False
        links, loop = self._links, self._loop
        if links is None or loop is None or not links.has_socket(worker):
            return False
        loop.call(links.look_for, worker)
        # Another thread does not wait: a message for nobody is lost, and a question is answered.
        return loop.hub is not hub_if_any() or worker in links.members

    def tell(self, worker: str, kind: str, body: bytes) -> bool:
        """Send a message to a worker."""
        self._fit(body)
        if not self.find(worker):
            return False
        self._call(self._send, worker, TELL, kind, 0, body)
        return True

    def ask(self, worker: str, kind: str, body: bytes, timeout: float) -> bytes:
        """Send a message to a worker, and wait for its answer."""
        if not self.find(worker):
            raise WorkerGone(f"there is no worker {worker}")
        return self._ask(ASK, worker, kind, body, timeout)

    def _ask(
        self,
        form: int,
        worker: str,
        kind: str,
        body: bytes,
        timeout: float,
        descriptor: int | None = None,
    ) -> bytes:
        self._fit(body)
        number, question = self._questions.new([worker])
        try:
            if descriptor is not None:
                descriptor = os.dup(descriptor)
            self._call(self._put, worker, frame(form, kind, number, body), question, descriptor)
            question.wait(timeout)
        finally:
            self._questions.over(number)
        return self._answer_to(question, form, worker, kind, timeout)

    def hands_over_to(self, worker: str) -> bool:
        """Whether file descriptors can go to a worker: to all of this machine."""
        return True

    def hand_over(
        self, worker: str, kind: str, body: bytes, descriptor: int, timeout: float
    ) -> bool:
        """Hand a file descriptor over to another worker; see :meth:`Bus.hand_over`."""
        if not self.find(worker):
            return False
        try:
            self._ask(HANDOVER, worker, kind, body, timeout, descriptor)
        except WorkerGone:
            return False
        return True

    def queued(self, worker: str) -> int:
        """How many bytes wait for a worker."""
        way = None if self._links is None else self._links.ways.get(worker)
        return 0 if way is None else way.size

    def _send(self, worker: str, form: int, kind: str, number: int, body: bytes) -> None:
        self._put(worker, _frame(form, kind, number, body))

    def _put(
        self,
        worker: str,
        data: bytes,
        question: Question | None = None,
        descriptor: int | None = None,
    ) -> None:
        dropped = None if question is None else lambda: question.lost(worker, begun=False)
        piece = Queued(data, descriptor, dropped)
        way = None if self._links is None else self._links.ways.get(worker)
        if way is None:
            piece.drop()
        elif way.put(piece):
            self._messages_out += 1
            self._bytes_out += len(data)

    def _send_all(
        self, form: int, kind: str, number: int, body: bytes, question: Question | None
    ) -> None:
        workers = [] if self._links is None else list(self._links.ways)
        if question is not None:
            workers = list(question.awaited)
        data = _frame(form, kind, number, body)
        for worker in workers:
            self._put(worker, data, question)

    def stats(self) -> dict[str, Any]:
        """What goes over the bus, as plain data."""
        links = self._links
        ways = [] if links is None else list(links.ways.values())
        dropped = 0 if links is None else links.dropped
        dropped += sum(way.dropped for way in ways)
        is_connected = links is not None or not self._opened
        return self._stats(dropped, self._lag.seconds, is_connected)


def _frame(form: int, kind: str, number: int, body: bytes) -> bytes:
    """Write a frame. One that wants no answer has the time instead of a number."""
    return frame(form, kind, monotonic_ns() if form == TELL else number, body)


_NOBODY: frozenset[str] = frozenset()
