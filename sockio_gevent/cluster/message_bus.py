"""What a bus does with messages, whatever carries them: receivers, questions, and counts."""

from __future__ import annotations

import atexit
import os
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Protocol
from weakref import WeakSet

from ..hub.gevent_private import hub_if_any
from ..hub.per_hub import thread_lock
from ..monitoring.log import Log
from ..wire.bus_frames import ANSWER, ASK, REFUSED, TELL, Frame
from .bus import Bus, Gathered, Receiver, WorkerGone, WorkerSilent
from .local_message import LocalMessage
from .names import worker_name
from .questions import Question, Questions

__all__ = ["Loop", "MessageBus", "note_open"]

_HEAD = 128  # bytes of a message that are not its body, at most


class Loop(Protocol):
    """The loop of a thread, see :mod:`...session.loops`."""

    @property
    def hub(self) -> Any:
        """The hub of the thread."""

    def call(self, function: Callable[..., object], *arguments: Any) -> None:
        """Call a function in the thread, at once or soon."""


class MessageBus(Bus):
    """A bus that carries frames.

    Args:
        loop_here: returns the loop of the calling thread; called when the bus starts.
        log: the log of the listener.
        largest: how many bytes a message may have.
        name: the name of this worker; ``None`` for that of this process.
    """

    def __init__(
        self, loop_here: Callable[[], Loop], log: Log, largest: int, name: str | None
    ) -> None:
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
        self._opened = False
        self._ready = False
        self._loop: Loop | None = None
        self._questions = Questions()
        self._messages_in = self._messages_out = self._bytes_in = self._bytes_out = 0

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} with {len(self.members)} others>"

    @property
    def name(self) -> str:
        """The name of this worker; a process that forks gives its own to no child."""
        return self._given_name or worker_name()

    def receive(self, kind: str, receiver: Receiver) -> None:
        """Give the messages of a kind to a receiver."""
        self._receivers[kind] = receiver

    def when_gone(self, function: Callable[[str], object]) -> None:
        """Call a function with the name of each worker that goes."""
        self._when_gone.append(function)

    # --- it starts ---

    @abstractmethod
    def _open(self) -> None:
        """Begin to connect, if this process has not, and is one that serves."""

    @property
    @abstractmethod
    def _is_open(self) -> bool:
        """Whether there is a way to others."""

    @abstractmethod
    def forked(self) -> None:
        """This is a forked child: it joins the others itself, under a name of its own."""

    def at_exit(self) -> None:
        """The process ends: leave nothing behind."""

    def _open_if_it_serves(self) -> bool:
        """Open it in a process that has not started it, as after a fork; tell whether it is open.

        Only the main thread surely has a loop that runs.
        """
        if not self._opened:
            hub = hub_if_any()
            if hub is not None and hub.loop.default:
                self._open()
        return self._is_open

    def _call(self, function: Callable[..., None], *arguments: Any) -> None:
        """Call a function in the thread of the bus."""
        if self._loop is not None:
            self._loop.call(function, *arguments)

    # --- from others ---

    def _gone(self, worker: str, begun: bool = True) -> None:
        """A worker has gone.

        Args:
            worker: its name.
            begun: whether it may have got what was sent to it.
        """
        self._questions.lost(worker, begun)
        for function in list(self._when_gone):
            try:
                function(worker)
            except Exception:
                self._log.exception("the work after the end of a worker failed: %r", function)

    def _take_answer(self, worker: str, found: Frame) -> bool:
        """Take a frame if it is an answer; tell whether it is one."""
        if found.form not in (ANSWER, REFUSED):
            return False
        question = self._questions.get(found.number)
        if question is not None and found.form == ANSWER:
            question.answered(worker, found.body)
        elif question is not None:
            question.lost(worker, begun=False)
        return True

    def _deliver(self, worker: str, found: Frame, descriptor: int | None = None) -> None:
        """Give a message to its receiver."""
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
            text = "an answer of %d bytes is too large for worker %s"
            self._log.warning(text, len(body), worker)
            form, body = REFUSED, b""
        self._call(self._send, worker, form, "", number, body)

    # --- to others ---

    @abstractmethod
    def _send(self, worker: str, form: int, kind: str, number: int, body: bytes) -> None:
        """Send a frame to a worker; called in the thread of the bus."""

    @abstractmethod
    def _send_all(
        self, form: int, kind: str, number: int, body: bytes, question: Question | None
    ) -> None:
        """Send a frame to all others, or to those that a question is for; see :meth:`_send`."""

    def publish(self, kind: str, body: bytes) -> None:
        """Send a message to all other workers."""
        self._fit(body)
        if self._open_if_it_serves():
            self._call(self._send_all, TELL, kind, 0, body, None)

    def ask_all(self, kind: str, body: bytes, timeout: float | None) -> Gathered:
        """Send a message to all other workers, and wait for the answers of all."""
        self._fit(body)
        if not self._open_if_it_serves() or not self.members:
            return Gathered({}, [])
        number, question = self._questions.new(self.members)
        try:
            self._call(self._send_all, ASK, kind, number, body, question)
            question.wait(timeout)
        finally:
            self._questions.over(number)
        return Gathered(question.answers, sorted({*question.gone, *question.awaited}))

    def _fit(self, body: bytes) -> bytes:
        """Check the size of a body.

        Raises:
            ValueError: if it is too large.
        """
        if len(body) > self._largest - _HEAD:
            raise ValueError(
                f"{len(body)} bytes are too many for one message to other workers: they take "
                f"{self._largest}, by the options 'max_buffer' and 'max_message_size'"
            )
        return body

    def _answer_to(
        self, question: Question, form: int, worker: str, kind: str, timeout: float
    ) -> bytes:
        """The answer of one worker.

        Raises:
            WorkerGone, WorkerSilent: see :meth:`Bus.ask` and :meth:`Bus.hand_over`.
        """
        if worker in question.answers:
            return question.answers[worker]
        if question.gone.get(worker) is False:
            raise WorkerGone(f"worker {worker} has not taken a message {kind!r}")
        if worker in question.gone and form == ASK:
            raise WorkerGone(f"worker {worker} has gone without an answer to {kind!r}")
        raise WorkerSilent(f"worker {worker} has not answered {kind!r} within {timeout:g} s")

    def _stats(self, dropped: int, lag: float, is_connected: bool) -> dict[str, Any]:
        return {
            "members": 1 + len(self.members),
            "connected": is_connected,
            "lag": round(lag, 6),
            "messages": {"in": self._messages_in, "out": self._messages_out},
            "bytes": {"in": self._bytes_in, "out": self._bytes_out},
            "dropped": dropped,
        }


_open_buses: WeakSet[MessageBus] = WeakSet()


def note_open(bus: MessageBus, is_open: bool) -> None:
    """Remember a bus that is open in this process, or is not any more."""
    if is_open:
        _open_buses.add(bus)
    else:
        _open_buses.discard(bus)


def _forked() -> None:
    for bus in list(_open_buses):
        bus.forked()
    _open_buses.clear()


def _at_exit() -> None:
    for bus in list(_open_buses):
        bus.at_exit()


os.register_at_fork(after_in_child=_forked)
atexit.register(_at_exit)
