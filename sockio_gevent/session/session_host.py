"""The host of sessions: what all sessions of a listener share, and what they call."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from ..cluster.bus import Bus
from ..monitoring.log import Log
from ..monitoring.reasons import End
from ..monitoring.statistics import Counters
from ..monitoring.throttled_log import ThrottledLog
from ..options.limits import Limits
from ..options.listener_options import Options
from ..transports.downlink import Downlink
from ..wire.socketio import ReceivedName
from .loops import Loop, Loops
from .memory import Memory
from .recently_ended import RecentlyEnded

__all__ = ["Receiver", "SessionHost"]


class Receiver:
    """Gets the events of sessions.

    The first methods are called from the handler queue of a session: they run handlers,
    which may block. The others are called at once, and must not block. The sessions are
    of type ``Any`` here, because importing their class would make a circle.
    """

    @abstractmethod
    def connect(self, session: Any, wish: tuple[str, Any]) -> None:
        """A session wants to be a client of a namespace.

        Args:
            session: the session.
            wish: the name of the namespace, and what the client has sent with its wish.
        """

    @abstractmethod
    def received(self, session: Any, message: Any) -> None:
        """A client of the main namespace has sent a message, without a wish for an answer."""

    @abstractmethod
    def event(self, session: Any, event: tuple[str, ReceivedName, list[Any], int | None]) -> None:
        """A client has sent an event.

        Args:
            session: the session.
            event: the name of the namespace, the name of the event, its arguments, and the
                number for the acknowledgement that the client wants, or ``None``.
        """

    @abstractmethod
    def closed(self, session: Any) -> None:
        """A session has ended, and no event of it comes any more."""

    @abstractmethod
    def acknowledged(
        self, session: Any, namespace: str, ack_id: int, arguments: list[Any], cost: int
    ) -> None:
        """A client has answered an event. Called at once.

        Args:
            session: the session.
            namespace: the name of the namespace.
            ack_id: the number of the event; it may be one that nobody waits for.
            arguments: the answer.
            cost: about how many bytes of memory the answer takes.
        """

    @abstractmethod
    def leaves(self, session: Any, namespace: str, cost: int) -> None:
        """A client leaves a namespace; its session goes on. Called at once.

        Args:
            session: the session.
            namespace: the name of the namespace.
            cost: about how many bytes of memory it takes until it is handled.
        """

    @abstractmethod
    def gone(self, session: Any) -> None:
        """A session has just ended; handlers may still run. Called at once."""


class SessionHost:
    """What the sessions of one listener share.

    Args:
        options: the options of the listener.
        receiver: gets the events of the sessions.

    Attributes:
        options: the same as given.
        receiver: the same as given.
        message_received, event_received: the methods ``received`` and ``event`` of the receiver,
            which would be made anew for each message.
        log: the log of the listener.
        throttled_log: the same log, for lines that clients can cause at will.
        limits: counts how often clients were over a limit.
        counters: counts how sessions begin and end.
        bus: the bus to the other workers; ``None`` if there can be none.
        closing: whether no new sessions may begin.
        loops: the event loops that sessions live on.
        memory: counts what all sessions hold together.
        recently_ended: why sessions have recently ended, and what their clients are owed.
    """

    def __init__(self, options: Options, receiver: Receiver) -> None:
        self.options = options
        self.receiver = receiver
        self.message_received = receiver.received
        self.event_received = receiver.event
        self.log = Log(options.log)
        self.throttled_log = ThrottledLog(self.log)
        self.limits = Limits(self.throttled_log)
        self.counters = Counters()
        self.bus: Bus | None = None
        self.closing = False
        self.loops = Loops(self.log, self._threads_ended)
        self.memory = Memory(options.max_memory, self._free)
        self.recently_ended = RecentlyEnded()

    @abstractmethod
    def ended(self, session: Any, end: End, downlinks: Sequence[Downlink]) -> None:
        """A session has ended: forget it.

        Args:
            session: the session.
            end: why.
            downlinks: its connections that are not over yet.
        """

    @abstractmethod
    def handled(self, session: Any) -> None:
        """The last handler of a session that has ended has returned."""

    @abstractmethod
    def _threads_ended(self, loops: list[Loop]) -> None:
        """The threads of these loops have ended."""

    @abstractmethod
    def _free(self, excess: int) -> None:
        """Free this many bytes: all sessions together hold too much."""
