"""The answers that clients owe: who waits for which, and what becomes of those that never come.

An event that wants an answer has a number, and the answer has the same one. The numbers
of a namespace come from one counter, so an event for many clients has one number and is
encoded once.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .hub.per_hub import thread_lock
from .hub.wake_up import WakeUp
from .monitoring.reasons import CloseReason, End, Limit
from .rooms import Rooms
from .session.session import Session
from .wire.websocket import POLICY_VIOLATION

__all__ = [
    "Answers",
    "Awaited",
    "Callback",
    "Each",
    "Gathered",
    "Pending",
    "answer_of",
    "arguments_of",
]


def answer_of(arguments: Sequence[Any]) -> Any:
    """An answer as one value: ``None`` if it has no argument, a tuple if it has several."""
    if len(arguments) == 1:
        return arguments[0]
    return tuple(arguments) or None


def arguments_of(answer: Any) -> Sequence[Any]:
    """The arguments of an answer that a handler has returned; the other way round."""
    if isinstance(answer, tuple):
        return answer
    return () if answer is None else (answer,)


class Awaited:
    """What becomes of the answer to one event. Nothing in here blocks."""

    @abstractmethod
    def answered(self, session: Session, arguments: list[Any], cost: int) -> None:
        """A client has answered."""

    @abstractmethod
    def lost(self, session: Session) -> None:
        """A client has left, so it does not answer any more."""


class Callback(Awaited):
    """A function of the application that gets the arguments of the answer.

    Args:
        run: the call for the handler queue; its argument is a pair of this and the arguments.
        client: the client.
        function: the function.

    Attributes:
        client, function: the same as given.
    """

    __slots__ = ("_run", "client", "function")

    def __init__(
        self, run: Callable[[Any, Any], object], client: Any, function: Callable[..., Any]
    ) -> None:
        self._run = run
        self.client = client
        self.function = function

    def answered(self, session: Session, arguments: list[Any], cost: int) -> None:
        """Put the call into the handler queue: it is made in order with the client's events.

        Whoever has received the answer runs the handlers.
        """
        session.handlers.put(self._run, (self, arguments), cost)

    def lost(self, session: Session) -> None:
        """The function is never called."""


class Each(Awaited):
    """Functions that are told of the answer of each client as it comes. They must not block.

    Args:
        asked: the ids of the clients, by their sessions.
        function: called with the id of a client and the arguments of its answer.
        left: called with the id of a client whose answer does not come.
    """

    __slots__ = ("_asked", "_function", "_left")

    def __init__(
        self,
        asked: Mapping[Session, str],
        function: Callable[[str, list[Any]], object],
        left: Callable[[str], object],
    ) -> None:
        self._asked = asked
        self._function = function
        self._left = left

    def answered(self, session: Session, arguments: list[Any], cost: int) -> None:
        """Pass the answer on."""
        self._function(self._asked[session], arguments)

    def lost(self, session: Session) -> None:
        """Tell that it does not come."""
        self._left(self._asked[session])


class Gathered:
    """How much the answers take that wait for others, in all calls on one listener.

    Any thread may use it.

    Args:
        most: how many bytes they may take; ``None`` for any number.
    """

    __slots__ = ("_lock", "_most", "held")

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._lock = thread_lock()
        self.held = 0

    def take(self, cost: int) -> bool:
        """Count an answer; false if there is no room for it."""
        with self._lock:
            if self._most is not None and self.held + cost > self._most:
                return False
            self.held += cost
            return True

    def give_back(self, cost: int) -> None:
        """Whoever has asked takes the answers."""
        with self._lock:
            self.held -= cost


class Answers(Awaited):
    """The answers of several clients, for the greenlet that has asked them.

    Args:
        asked: the ids of the clients, by their sessions.
        gathered: counts what the answers take.

    Attributes:
        came: the answers that came, by the ids of the clients.
        dropped: how many answers were dropped, because there was no room for them.
        missing: the ids of the clients that have left without an answer, or whose answers were
            dropped.
    """

    __slots__ = (
        "_asked",
        "_complete",
        "_gathered",
        "_held",
        "_lock",
        "came",
        "dropped",
        "missing",
    )

    def __init__(self, asked: Mapping[Session, str], gathered: Gathered) -> None:
        self._asked = dict(asked)
        self._complete = WakeUp()
        self._gathered = gathered
        self._held = 0
        # Between a thread in which an answer comes, and the one that stops waiting.
        self._lock = thread_lock()
        self.came: dict[str, Any] = {}
        self.dropped = 0
        self.missing: list[str] = []

    def answered(self, session: Session, arguments: list[Any], cost: int) -> None:
        """Keep the answer."""
        with self._lock:
            client_id = self._asked.get(session)
            if client_id is None:
                return
            if self._gathered.take(cost):
                self._held += cost
                self.came[client_id] = answer_of(arguments)
            else:
                self.dropped += 1
                self.missing.append(client_id)
            self._no_longer_asked(session)

    def lost(self, session: Session) -> None:
        """Note that it is missing."""
        with self._lock:
            client_id = self._asked.get(session)
            if client_id is not None:
                self.missing.append(client_id)
                self._no_longer_asked(session)

    def _no_longer_asked(self, session: Session) -> None:
        # Last, so that the greenlet that waits finds everything in its place.
        self._asked.pop(session, None)
        if not self._asked:
            self._complete.set()

    def wait(self, timeout: float | None) -> bool:
        """Wait until no answer is awaited any more; False if the timeout came first."""
        return not self._asked or self._complete.wait(timeout)

    def stop(self) -> list[Session]:
        """Wait no longer: return the sessions that have not answered, which are missing."""
        with self._lock:
            late = list(self._asked)
            self._asked.clear()
            self._gathered.give_back(self._held)
            self._held = 0
        return late


class Pending:
    """The answers that the clients of one namespace owe.

    Args:
        rooms: says who is in the namespace.
        most: the option ``max_pending_acks``.
    """

    __slots__ = ("_awaited", "_lock", "_most", "_rooms")

    def __init__(self, rooms: Rooms, most: int | None) -> None:
        self._rooms = rooms
        self._most = most
        self._lock = thread_lock()
        self._awaited: dict[str, dict[int, Awaited]] = {}  # by session ids, then by numbers

    def add(self, session: Session, number: int, awaited: Awaited) -> bool:
        """Await an answer; any thread may call it.

        Returns:
            False if the client has left, or leaves now because it owes too many answers.
        """
        session_id = session.session_id
        with self._lock:
            # A session leaves the rooms first, and then its pending answers are lost.
            if session_id not in self._rooms.sessions:
                return False
            owed = self._awaited.setdefault(session_id, {})
            if self._most is None or len(owed) < self._most:
                owed[number] = awaited
                return True
        text = f"it has not answered {self._most} events"
        end = End(CloseReason.LIMIT, text, Limit.PENDING_ACKS)
        session.loop.call(session.end, end, POLICY_VIOLATION)
        return False

    def take(self, session: Session, number: int) -> Awaited | None:
        """An answer has come, or is not awaited any more: who waits for it."""
        with self._lock:
            owed = self._awaited.get(session.session_id)
            if owed is None:
                return None
            awaited = owed.pop(number, None)
            if not owed:
                del self._awaited[session.session_id]
            return awaited

    def lose(self, session: Session) -> None:
        """A client has left: none of its answers comes any more."""
        if not self._awaited:
            return
        with self._lock:
            owed = self._awaited.pop(session.session_id, {})
        for awaited in owed.values():
            awaited.lost(session)
