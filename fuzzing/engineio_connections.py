"""The connections of one Engine.IO client: its polls, its WebSocket, and the one that it tries.

The client does what a good one does, and what none should do.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import gevent

import sockio_gevent as io
from sockio_gevent.monitoring.reasons import ANSWERED, CloseReason, End
from sockio_gevent.session.engineio_session import EngineIOSession

from . import engineio_inside as inside
from .engineio_inside import EngineIOLink

__all__ = ["Connections"]

_ALL = 1 << 20  # bytes


class Connections(ABC):
    """The connections of a client.

    Args:
        listener: the listener.
        session: the session.

    Attributes:
        session: the same as given.
        live: whether the session must be there.
        poll: the poll that has not ended, if there is one.
        socket: the WebSocket that carries the session, if there is one.
        trial: the WebSocket that the client tries, if there is one.
    """

    def __init__(self, listener: io.Listener, session: EngineIOSession) -> None:
        self._listener = listener
        self.session = session
        self.live = True
        self.poll: EngineIOLink | None = None
        self.socket: EngineIOLink | None = None
        self.trial: EngineIOLink | None = None
        self._older: list[EngineIOLink] = []
        self._arrived: list[str | bytes] = []
        self._running: list[gevent.Greenlet] = []
        self._attached = self._probes = 0
        self._probed = False

    @abstractmethod
    def _hear(self, text: str | bytes) -> None:
        """What becomes of a packet at once, whatever handlers do."""

    @abstractmethod
    def _end(self, dropping: bool = False) -> None:
        """The session is about to end.

        Args:
            dropping: whether the application wants no more of it.
        """

    def _open(self, transport: str, quick: bool) -> None:
        """The first connection."""
        if transport == "websocket":
            self.socket = self._link(transport, quick)
            self._attach(self.socket)
        else:
            self.begin_poll()

    def _run(self, run: Callable[[], None]) -> None:
        self._running.append(gevent.spawn(run))

    # --- polls ---

    @property
    def polls(self) -> bool:
        """Whether the session's transport is polling."""
        return self.socket is None

    def begin_poll(self) -> None:
        """A poll comes, unless another one waits."""
        if self.live and self.polls and self.poll is None:
            self.poll = self._link("xhr-polling", quick=False)
            self._attach(self.poll)
        elif not self.live:
            while inside.take_farewell(self._listener, self.session, self._arrived):
                pass

    def _link(self, transport: str, quick: bool) -> EngineIOLink:
        return EngineIOLink(transport, self._arrived, quick, self.session)

    def _attach(self, link: EngineIOLink) -> None:
        assert self.session.attach(link), self.session.ending
        self._attached += 1

    def finish_poll(self) -> None:
        """The answer to a poll has been read to its end."""
        for link in [each for each in (self.poll, *self._older) if each and each.answering]:
            link.take_all()
            link.end()
            self.session.detach(link, ANSWERED)
            if link is self.poll:
                self.poll = None

    def hang_up_poll(self) -> None:
        """A poll is cut, and its answer does not arrive: no client goes on after that."""
        link = self.poll
        if link is not None and not link.is_over:
            undelivered = link.take_back()
            link.abort()
            self._end()
            self.session.detach(link, End(CloseReason.LOST, "hung up"), undelivered)

    # --- WebSockets ---

    def try_websocket(self, quick: bool) -> None:
        """The client tries a WebSocket; a second one is closed at once."""
        if not self.live or not self._arrived:
            return  # it does not know the id of its session yet
        link = inside.try_websocket(self.session, self._arrived, quick)
        if self.polls and self.trial is None:
            self.trial = link
            self._probed = False
        else:
            assert link.closed, "a second WebSocket"

    def probe(self) -> None:
        """The client sends the probe."""
        link = self.trial
        if link is None:
            return
        if link.ready:
            self._probed = True
            self._probes += 1
        else:
            self._give_trial_up()
        link.carried.receive(["2probe"])

    def finish_upgrade(self, more: list[str]) -> None:
        """The client sends the packet that ends the upgrade, and messages behind it."""
        link = self.trial
        if link is None:
            return
        if self.live and self._probed:
            self.trial, self.socket = None, link
            self._attached += 1
            if self.poll is not None:
                self._older.append(self.poll)
                self.poll = None
            for text in more:
                self._hear(text)
        else:
            self._give_trial_up()
        link.carried.receive(["5", *more])
        self._run(self.session.run_handlers)

    def spoil_upgrade(self, packet: str) -> None:
        """The client sends something else on its WebSocket."""
        link = self.trial
        if link is not None:
            self._give_trial_up()
            link.carried.receive([packet])

    def lose_trial(self, in_time: bool) -> None:
        """The WebSocket that is tried is lost, or has taken too long."""
        link = self.trial
        if link is None:
            return
        self._give_trial_up()
        if in_time:
            undelivered = link.take_back()
            link.abort()
            link.carried.detach(link, End(CloseReason.LOST, "lost"), undelivered)
        else:
            inside.let_trial_end(link)

    def _give_trial_up(self) -> None:
        assert self.trial is not None
        self._older.append(self.trial)
        self.trial = None

    def lose_socket(self) -> None:
        """The WebSocket that carries the session is lost."""
        link = self.socket
        if link is not None and self.live:
            undelivered = link.take_back()
            link.abort()
            self._end()
            self.session.detach(link, End(CloseReason.LOST, "lost"), undelivered)

    def take(self, count: int) -> None:
        """A WebSocket takes some of what was written."""
        for link in (self.socket, self.trial):
            if link is not None and link.under_way and not link.is_over:
                link.take_some(count)
                if not link.under_way:
                    link.carried.drained()

    def late(self) -> None:
        """Connections that are over report that once more."""
        for link in self._older:
            if link.is_over:
                link.carried.detach(link, End(CloseReason.LOST, "late"))

    # --- the end ---

    def fetch_all(self) -> None:
        """The client gets all that was sent to it."""
        for _ in range(4):
            self.take(_ALL)
            self.finish_poll()
            self.begin_poll()
            gevent.sleep(0)
            gevent.sleep(0)

    def close_connections(self) -> None:
        """The connections of a session that has ended are over."""
        self.finish_poll()
        for link in (self.poll, self.socket, self.trial, *self._older):
            if link is not None and not link.is_over:
                link.end()
                link.carried.detach(link, ANSWERED)
