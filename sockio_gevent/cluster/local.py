"""The bus between the workers of one machine, over Unix sockets.

:mod:`.links` has the connections; here is what travels over them: messages, questions and
answers, and file descriptors.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol
from weakref import WeakSet

import gevent

from ..hub.gevent_private import hub_if_any
from ..hub.per_hub import thread_lock
from ..monitoring.log import Log
from ..wire.bus_frames import ANSWER, ASK, HANDOVER, REFUSED, TELL, Frame, frame
from .bus import Bus, Gathered, Receiver, WorkerGone, WorkerSilent
from .links import Links
from .local_message import LocalMessage
from .names import NAME, worker_name
from .outgoing import Queued
from .place import NoPlace
from .questions import Question, Questions

__all__ = ["LEAST_LARGEST", "LocalBus"]

#: How many bytes a message may have at least, and how many may wait for one worker.
LEAST_LARGEST = 16 * 1024 * 1024

_HEAD = 64  # bytes of a frame that are not its body, at most
_ACQUAINTANCE = 1.0  # seconds that a new worker waits until the others know it

_NO_BUS = (
    "there is no bus between the workers, because %s: each request must reach the worker of its "
    "session, and a broadcast reaches the clients of one worker. Set XDG_RUNTIME_DIR or TMPDIR to "
    "a directory that can be written, name one by the option 'cluster', or run one worker"
)


class _Loop(Protocol):
    @property
    def hub(self) -> Any: ...
    def call(self, function: Callable[..., object], *arguments: Any) -> None: ...


class LocalBus(Bus):
    """The bus of one worker.

    Args:
        find_place: says in which directory the workers meet; ``None`` if this process is none
            of them, as one that will fork. Called when the bus starts.
        loop_here: returns the loop of the calling thread; called when the bus starts.
        log: the log of the listener.
        largest: how many bytes a message may have, and how many may wait for one worker.
        name: the name of this worker; ``None`` for that of this process.
    """

    hands_over = True

    def __init__(
        self,
        find_place: Callable[[], Path | None],
        loop_here: Callable[[], _Loop],
        log: Log,
        largest: int = LEAST_LARGEST,
        name: str | None = None,
    ) -> None:
        self._find_place = find_place
        self._loop_here = loop_here
        self._log = log
        self._largest = largest
        self._given_name = name
        self._receivers: dict[str, Receiver] = {}
        self._when_gone: list[Callable[[str], object]] = []
        self._reset()

    def _reset(self) -> None:
        """Be as before the start."""
        self._lock = thread_lock()
        self._closed = False
        self._opened = False
        self._ready = False
        self._loop: _Loop | None = None
        self._links: Links | None = None
        self._questions = Questions()
        self._messages_in = self._messages_out = self._bytes_in = self._bytes_out = 0

    def __repr__(self) -> str:
        return f"<LocalBus {self.name} with {len(self.members)} others>"

    @property
    def name(self) -> str:
        """The name of this worker; a process that forks gives its own to no child."""
        return self._given_name or worker_name()

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

    def receive(self, kind: str, receiver: Receiver) -> None:
        """Give the messages of a kind to a receiver."""
        self._receivers[kind] = receiver

    def when_gone(self, function: Callable[[str], object]) -> None:
        """Call a function with the name of each worker that goes."""
        self._when_gone.append(function)

    # --- it starts and ends ---

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
                links.open(place)
            except OSError as error:
                why = str(error) if isinstance(error, NoPlace) else error.strerror
                self._log.warning(_NO_BUS, why)
                return
            self._loop, self._links = loop, links
            _open_buses.add(self)

    def _open_if_it_serves(self) -> bool:
        """Open it in a process that has not started it, as after a fork; tell whether it is open.

        Only the main thread surely has a loop that runs.
        """
        if not self._opened:
            hub = hub_if_any()
            if hub is not None and hub.loop.default:
                self._open()
        return self._links is not None

    def close(self) -> None:
        """Leave the others."""
        with self._lock:
            self._opened = self._ready = True  # it does not start any more
            loop = self._loop
        if loop is not None:
            loop.call(self._close)

    def _close(self) -> None:
        links, self._links = self._links, None
        if links is not None:
            _open_buses.discard(self)
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

    def _gone(self, worker: str, begun: bool) -> None:
        self._questions.lost(worker, begun)
        for function in list(self._when_gone):
            try:
                function(worker)
            except Exception:
                self._log.exception("what follows the end of a worker failed: %r", function)

    def _take(self, worker: str, found: Frame, descriptor: int | None) -> None:
        """A frame has come."""
        self._messages_in += 1
        self._bytes_in += len(found.body)
        if found.form in (ANSWER, REFUSED):
            question = self._questions.get(found.number)
            if question is not None and found.form == ANSWER:
                question.answered(worker, found.body)
            elif question is not None:
                question.lost(worker, begun=False)
            return
        message = LocalMessage(worker, found, descriptor, self._reply)
        receiver = self._receivers.get(found.kind)
        try:
            if receiver is not None:
                receiver(message)
        except Exception:
            self._log.exception("a message %r of worker %s failed", found.kind, worker)
            message.fail()
        else:
            message.received(taken=receiver is not None)

    def _reply(self, worker: str, form: int, number: int, body: bytes) -> None:
        """Send an answer; any thread may call it."""
        if len(body) > self._largest - _HEAD:
            self._log.warning("an answer of %d bytes is too large for worker %s", len(body), worker)
            form, body = REFUSED, b""
        if self._loop is not None:
            self._loop.call(self._put, worker, frame(form, "", number, body))

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
        if not self.find(worker):
            return False
        self._call(self._put, worker, self._frame(TELL, kind, 0, body))
        return True

    def publish(self, kind: str, body: bytes) -> None:
        """Send a message to all other workers."""
        if self._open_if_it_serves():
            self._call(self._put_all, self._frame(TELL, kind, 0, body))

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
        number, question = self._questions.new([worker])
        try:
            data = self._frame(form, kind, number, body)
            if descriptor is not None:
                descriptor = os.dup(descriptor)
            self._call(self._put, worker, data, question, descriptor)
            question.wait(timeout)
        finally:
            self._questions.over(number)
        if worker in question.answers:
            return question.answers[worker]
        if question.gone.get(worker) is False:
            raise WorkerGone(f"worker {worker} has not taken a message {kind!r}")
        if worker in question.gone and form == ASK:
            raise WorkerGone(f"worker {worker} has gone without an answer to {kind!r}")
        raise WorkerSilent(f"worker {worker} has not answered {kind!r} within {timeout:g} s")

    def ask_all(self, kind: str, body: bytes, timeout: float | None) -> Gathered:
        """Send a message to all other workers, and wait for the answers of all."""
        if not self._open_if_it_serves() or not self.members:
            return Gathered({}, [])
        number, question = self._questions.new(self.members)
        try:
            self._call(self._put_all, self._frame(ASK, kind, number, body), question)
            question.wait(timeout)
        finally:
            self._questions.over(number)
        return Gathered(question.answers, sorted({*question.gone, *question.awaited}))

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

    def _frame(self, form: int, kind: str, number: int, body: bytes) -> bytes:
        if len(body) > self._largest - _HEAD:
            raise ValueError(
                f"{len(body)} bytes are too many for one message to other workers: they take "
                f"{self._largest}, by the options 'max_buffer' and 'max_message_size'"
            )
        return frame(form, kind, number, body)

    def _call(self, function: Callable[..., None], *arguments: Any) -> None:
        """Call a function in the thread of the bus."""
        if self._loop is not None:
            self._loop.call(function, *arguments)

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

    def _put_all(self, data: bytes, question: Question | None = None) -> None:
        """Send a message to all, or to those that a question is for."""
        workers = [] if self._links is None else list(self._links.ways)
        if question is not None:
            workers = list(question.awaited)
        for worker in workers:
            self._put(worker, data, question)

    def stats(self) -> dict[str, Any]:
        """What goes over the bus, as plain data."""
        links = self._links
        ways = [] if links is None else list(links.ways.values())
        dropped = 0 if links is None else links.dropped
        return {
            "members": 1 + len(self.members),
            "messages": {"in": self._messages_in, "out": self._messages_out},
            "bytes": {"in": self._bytes_in, "out": self._bytes_out},
            "dropped": dropped + sum(way.dropped for way in ways),
        }


_NOBODY: frozenset[str] = frozenset()
_open_buses: WeakSet[LocalBus] = WeakSet()


def _forked() -> None:
    for bus in list(_open_buses):
        bus.forked()
    _open_buses.clear()


def _at_exit() -> None:
    for bus in list(_open_buses):
        bus.at_exit()


os.register_at_fork(after_in_child=_forked)
atexit.register(_at_exit)
