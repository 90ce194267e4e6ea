"""What the parts of one namespace share, and how an event gets to its clients.

An event is encoded once for each dialect that has a receiver.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, Protocol

from .acknowledgements import Gathered, Pending
from .dialects.base import Dialect
from .elsewhere import Elsewhere
from .kept import KeptEvent
from .recovery import CUTS, Recovery
from .rooms import Rooms
from .session.session import Session
from .session.sessions import Sessions
from .wire.packet import Packet

__all__ = ["Languages", "Runner", "Space", "SpaceWatcher"]

# The part of the option ``max_memory`` that events may take which are kept for clients that
# were cut off: one in so many.
_FOR_RECOVERY = 4
# The same for answers that wait until all that are asked have answered.
_FOR_ANSWERS = 4


class Runner(Protocol):
    """Runs handlers; a handler queue calls these."""

    def departed(self, session: Any, client: Any) -> None:
        """The application has let a client leave its namespace."""

    def answered(self, session: Any, answer: tuple[Any, list[Any]]) -> None:
        """A client has answered an event.

        Args:
            session: the session.
            answer: the :class:`Callback`, and the arguments of the answer.
        """


class SpaceWatcher(Protocol):
    """Is told what is sent to clients, in the thread that sends it. It must not block."""

    def sent(
        self, event: str | int, arguments: Sequence[Any], receivers: Sequence[Session]
    ) -> None:
        """An event is sent to clients.

        Args:
            event: its name.
            arguments: its arguments, as the application has given them.
            receivers: the sessions of the clients.
        """


class Languages:
    """The dialects of one listener.

    Args:
        dialects: the dialects, the main one first.

    Attributes:
        reference: the dialect that can encode most. A message that it cannot encode is a
            mistake, whoever gets it.
    """

    __slots__ = ("_said", "reference")

    reference: Dialect

    def __init__(self, dialects: Sequence[Dialect]) -> None:
        self._said = False
        self.use(dialects)

    def use(self, dialects: Sequence[Dialect]) -> None:
        """Take these dialects, while there is no client."""
        self.reference = next((each for each in dialects if each.has_binary), dialects[0])

    def say_once(self) -> bool:
        """Whether to log now that clients are passed over; true for the first time."""
        said, self._said = self._said, True
        return not said


class Space:
    """One namespace, for whatever sends to its clients.

    Args:
        name: its name.
        host: the sessions of the listener.
        languages: the dialects of the listener.
        runner: runs the handlers of the clients.
        main: the main namespace; ``None`` if this is it.

    Attributes:
        name, host, languages, runner: the same as given.
        elsewhere: the clients of the other workers; ``None`` if there can be no other workers.
        emitters: what has handlers for its events and middleware: the namespace, and the one
            that has its pattern.
        emptied: called when the last client may have left.
        gathered: counts the answers that wait for others, in all namespaces.
        main: the main namespace of the listener.
        namespace: the namespace, as applications see it.
        notes_events: whether events for single clients are kept for their return, or watched.
        numbers: the numbers of events that want an answer.
        pending: the answers that are awaited.
        recovery: what is kept for clients that are cut off; ``None`` without the option.
        rooms: the clients and their rooms.
        watcher: is told what is sent; ``None`` for nobody.
    """

    __slots__ = (
        "elsewhere",
        "emitters",
        "emptied",
        "gathered",
        "host",
        "languages",
        "main",
        "name",
        "namespace",
        "notes_events",
        "numbers",
        "pending",
        "recovery",
        "rooms",
        "runner",
        "watcher",
    )

    def __init__(
        self,
        name: str,
        host: Sessions,
        languages: Languages,
        runner: Runner,
        main: Space | None = None,
    ) -> None:
        self.name = name
        self.host = host
        self.languages = languages
        self.runner = runner
        self.elsewhere: Elsewhere | None = None if main is None else main.elsewhere
        self.emitters: Sequence[Any] = ()
        self.emptied: Callable[[], None] | None = None
        self.main = self if main is None else main
        self.recovery: Recovery | None = None
        options = host.options
        most = options.max_memory
        self.gathered: Gathered = (
            Gathered(most and most // _FOR_ANSWERS) if main is None else main.gathered
        )
        if main is not None:
            self.recovery = main.recovery
        elif options.recovery is not None:
            self.recovery = Recovery(
                options.recovery,
                most and most // _FOR_RECOVERY,
                options.max_sessions,
                options.max_sessions_per_address,
            )
        self.watcher: SpaceWatcher | None = None
        self.notes_events = self.recovery is not None
        self.namespace: Any = None
        self.numbers = count()
        self.rooms = Rooms(host.limits, options.max_rooms_per_client)
        self.pending = Pending(self.rooms, options.max_pending_acks)

    def watch(self, watcher: SpaceWatcher) -> None:
        """Tell this one from now on what is sent to clients."""
        self.watcher = watcher
        self.notes_events = True

    def client_of(self, session: Session) -> Any:
        """The client that a session has in this namespace; ``None`` if it has none."""
        return session.client_in(self.name)

    def set_client(self, session: Session, client: Any) -> None:
        """Set the client that a session has in this namespace; ``None`` for none."""
        if self.name == "/":
            session.client = client
            return
        # A copy: other threads may read it just now.
        others = dict(session.others or ())
        if client is None:
            others.pop(self.name, None)
        else:
            others[self.name] = client
        session.others = others or None

    def remove(self, session: Session) -> None:
        """A client leaves: nothing is sent to it any more, and no answer of it is awaited."""
        self.rooms.remove(session)
        self.pending.lose(session)

    def end(self, session: Session) -> None:
        """The session of a client has ended: the client leaves, or is awaited for a while."""
        kept = None if session.kept is None else session.kept.get(self.name)
        end = session.ending
        if kept is None or end is None or end.reason not in CUTS or self.host.closing:
            self.leave(session)
            return
        self.rooms.miss(session)
        self.pending.lose(session)
        kept.await_return()

    def leave(self, session: Session) -> None:
        """A client leaves for good."""
        self.remove(session)
        if session.kept is not None and self.recovery is not None:
            kept = session.kept.pop(self.name, None)
            if kept is not None:
                self.recovery.release(kept)

    def forget(self, session: Session) -> None:
        """The handlers of a client that has left have run."""
        self.rooms.forget(session)
        if self.emptied is not None and self.rooms.is_empty:
            self.emptied()

    # --- to the clients ---

    def send(
        self,
        event: str | int,
        arguments: Sequence[Any],
        receivers: list[Session],
        volatile: bool = False,
        number: int | None = None,
    ) -> None:
        """Send an event to several clients.

        Clients whose dialect has no bytes are passed over if bytes are in the arguments.

        Args:
            event: its name.
            arguments: its arguments.
            receivers: the sessions of the clients.
            volatile: whether to leave out clients that could not get it now.
            number: the number for the answer.

        Raises:
            TypeError: if an argument has no form in any dialect.
            ValueError: if a value in it has none, or is over ``max_buffer``.
        """
        dialects: set[Dialect] = set()
        last: Dialect | None = None
        for session in receivers:
            if session.dialect is not last:  # mostly all have the same: that is faster to see
                last = session.dialect
                dialects.add(last)
        if not dialects:
            # A message without a form is a mistake, even if nobody gets it.
            self.languages.reference.event(self.name, event, arguments, number)
            return
        # Before anything is sent: a message without a form is sent to nobody.
        encoded = [
            (each, *self._packets(each, event, arguments, number, volatile)) for each in dialects
        ]
        for dialect, packets, kept in encoded:
            those = receivers
            if len(dialects) > 1:
                those = [session for session in receivers if session.dialect is dialect]
            if packets:
                self.host.send(packets, those, volatile, kept)
        if self.watcher is not None:
            self.watcher.sent(event, arguments, receivers)

    def _packets(
        self,
        dialect: Dialect,
        event: str | int,
        arguments: Sequence[Any],
        number: int | None,
        volatile: bool,
    ) -> tuple[Sequence[Packet], KeptEvent | None]:
        """Encode an event, and keep it for clients that are cut off."""
        recovery = self.recovery
        if recovery is None or not dialect.recovers or number is not None or volatile:
            return self._encode(dialect, event, arguments, number), None
        offset = recovery.new_offset()
        packets = self._encode(dialect, event, (*arguments, offset), None)
        return packets, recovery.keep_event(self.name, offset, packets)

    def _encode(
        self, dialect: Dialect, event: str | int, arguments: Sequence[Any], number: int | None
    ) -> Sequence[Packet]:
        """Encode an event; empty if this dialect has no bytes, and others have."""
        try:
            return dialect.event(self.name, event, arguments, number)
        except TypeError:
            reference = self.languages.reference
            if dialect.has_binary or not reference.has_binary:
                raise
            reference.event(self.name, event, arguments, number)
        if self.languages.say_once():
            self.host.log.warning(
                "an event with bytes passes over clients whose dialect %r has none", dialect.name
            )
        return ()
