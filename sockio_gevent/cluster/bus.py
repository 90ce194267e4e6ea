"""The bus between the workers that serve one application: what a worker can do with it.

A message has a kind, a short name, and a body, which is bytes. What one thread sends to one
worker arrives there in that order, and once. A message for a worker that is not there is lost,
and so is one for a worker that does not read for so long that its queue is full.

Messages come from outside: a receiver checks their bodies.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["Bus", "Gathered", "Message", "Receiver", "WorkerGone", "WorkerSilent", "alone"]


class WorkerGone(Exception):
    """A worker is not there, or has gone before it has answered."""


class WorkerSilent(Exception):
    """A worker has not answered in time; it may still have got the message."""


class Message(ABC):
    """A message that has come.

    Attributes:
        sender: the name of the worker that has sent it.
        kind: its kind.
        body: its body.
    """

    __slots__ = ("body", "kind", "sender")

    def __init__(self, sender: str, kind: str, body: bytes) -> None:
        self.sender = sender
        self.kind = kind
        self.body = body

    @abstractmethod
    def answer(self, body: bytes) -> None:
        """Answer it, once; any thread may. Nothing happens if no answer is wanted."""

    @abstractmethod
    def take_descriptor(self) -> int | None:
        """Take the file descriptor that was handed over with it.

        Whoever takes it has to close it. The sender learns that it was taken when the receiver
        returns. One that was not taken by then is closed, and the sender keeps its own.

        Returns:
            ``None`` if there is none, or it was taken already.
        """


#: Gets messages of one kind, in the thread of the bus and mostly in its hub: it must not block.
#: If it raises, the message counts as not taken, and the log says so.
Receiver = Callable[[Message], None]


class Gathered(NamedTuple):
    """The answers of all other workers.

    Attributes:
        answers: the bodies of the answers that came, by the names of the workers.
        missing: the workers that have not answered in time, or have gone.
    """

    answers: dict[str, bytes]
    missing: list[str]


class Bus(ABC):
    """The bus, as one worker sees it. Any thread may call its methods."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The name of this worker, which the ids of its sessions end with."""

    @property
    @abstractmethod
    def of_machine(self) -> Bus | None:
        """The bus to those of the workers that are on this machine; ``None`` if there is none."""

    @property
    @abstractmethod
    def members(self) -> frozenset[str]:
        """The names of the other workers that are there now; the same object until it changes."""

    @property
    @abstractmethod
    def alone(self) -> bool:
        """Whether there is no other worker, so that nothing need be encoded for others."""

    @abstractmethod
    def receive(self, kind: str, receiver: Receiver) -> None:
        """Give the messages of a kind to a receiver. Those that nobody receives are dropped."""

    @abstractmethod
    def when_gone(self, function: Callable[[str], object]) -> None:
        """Call a function with the name of each worker that goes; like a :data:`Receiver`.

        A worker that is killed goes at once. One that is only stopped does not go; it goes
        when too much waits for it, and is back when it reads again.
        """

    def when_back(self, function: Callable[[str], object]) -> None:
        """Call a function with the name of each worker to which messages may have been lost.

        A worker hears nothing over Redis while its connection is lost. The function is called
        when it hears again: in that worker, for all others, and in the others.
        """
        # Most buses lose nothing.
        return

    @abstractmethod
    def start(self) -> None:
        """Join the others, in the process and the thread that serve.

        If this is the first call in this process, it waits up to a second until the others know
        this worker, so that no message passes it over. It never raises: where there can be no
        bus, the log says so, and this worker is alone.
        """

    @abstractmethod
    def find(self, worker: str) -> bool:
        """Whether a worker is there. One that has just started is looked for."""

    def reaches(self, worker: str) -> bool:
        """Whether what is sent to a worker goes out now, rather than waits for Redis."""
        return True

    @abstractmethod
    def tell(self, worker: str, kind: str, body: bytes) -> bool:
        """Send a message to a worker; it never blocks.

        Returns:
            False if that worker is not there.
        """

    @abstractmethod
    def publish(self, kind: str, body: bytes) -> None:
        """Send a message to all other workers; it never blocks."""

    @abstractmethod
    def ask(self, worker: str, kind: str, body: bytes, timeout: float) -> bytes:
        """Send a message to a worker, and wait for its answer.

        Args:
            worker: the name of the worker.
            kind: the kind of the message.
            body: its body.
            timeout: how many seconds to wait.

        Raises:
            WorkerGone: if the worker is not there, or goes before it has answered.
            WorkerSilent: if it does not answer in time.
        """

    @abstractmethod
    def ask_all(self, kind: str, body: bytes, timeout: float | None) -> Gathered:
        """Send a message to all other workers, and wait for the answers of all.

        Args:
            kind: the kind of the message.
            body: its body.
            timeout: how many seconds to wait; ``None`` waits until each has answered or gone.
        """

    @abstractmethod
    def queued(self, worker: str) -> int:
        """How many bytes wait for a worker; 0 for one that is not there."""

    def hands_over_to(self, worker: str) -> bool:
        """Whether :meth:`hand_over` can work with a worker that is there."""
        return False

    def hand_over(
        self, worker: str, kind: str, body: bytes, descriptor: int, timeout: float
    ) -> bool:
        """Hand a file descriptor over to another worker of this machine, with a message.

        The caller keeps its own descriptor, and has to close it whatever comes out. ``close()``
        on it does not end the connection of the one that has taken it; ``shutdown()`` does.

        Args:
            worker: the name of the worker.
            kind: the kind of the message.
            body: its body.
            descriptor: the file descriptor.
            timeout: how many seconds to wait.

        Returns:
            True if the other has taken it; False if it has not, and will not.

        Raises:
            WorkerSilent: if it is not known: the worker is stopped, or has gone after it could
                have taken it. Then end the connection by ``shutdown()``.
        """
        return False

    @abstractmethod
    def stats(self) -> dict[str, Any]:
        """What goes over the bus, as plain data; see :meth:`Listener.stats`."""

    @abstractmethod
    def close(self) -> None:
        """Leave the others. Those that still wait for answers of them get none."""


def alone() -> dict[str, Any]:
    """The statistics of a worker without a bus; see :meth:`Bus.stats`."""
    return {
        "members": 1,
        "connected": True,
        "lag": 0.0,
        "messages": {"in": 0, "out": 0},
        "bytes": {"in": 0, "out": 0},
        "dropped": 0,
    }
