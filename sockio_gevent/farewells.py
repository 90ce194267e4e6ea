"""What goes on behind the end of a session, and the end of them all.

A session that has ended is in no table any more, but its handlers may still
run, and its connection may still carry its last messages. Who closes the
listener waits for both, and for clients that come back for what they were sent
while they were away.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import Context
from time import monotonic

import gevent
from gevent.event import Event

from .client import Client
from .ends import GOES_AWAY
from .log import Log
from .transports.base import Downlink
from .wire.websocket import GOING_AWAY

__all__ = ["Farewells"]

# What is kept of the time to close for the handlers of who has not come back.
_KEPT = 0.1


class Farewells:
    """The ends of sessions that are under way; their number is its length.

    Args:
        clients: the live sessions by their ids, without those that have ended.
        log: the log of the listener.
    """

    __slots__ = (
        "_clients",
        "_closing",
        "_count",
        "_downlinks",
        "_greenlets",
        "_log",
        "_missed",
        "_over",
    )

    def __init__(self, clients: Mapping[str, Client], log: Log) -> None:
        self._clients = clients
        self._log = log
        self._greenlets: set[gevent.Greenlet] = set()
        self._downlinks: set[Downlink] = set()
        self._closing = False
        self._count = 0  # sessions that have ended since, and nobody was told of
        self._missed: list[int] = []  # how many bytes each did not come back for
        self._over = Event()

    def __len__(self) -> int:
        return len(self._greenlets) + len(self._downlinks)

    def begin(self, client: Client) -> None:
        """A session has ended: run its handlers, and see to its connection until that is over."""
        if self._closing:
            self._count += 1
            if client.owed:
                self._missed.append(client.buffered)
        # In a greenlet of its own: handlers may block, and this may be the loop.
        greenlet = gevent.spawn(client.farewell)
        # Nor do handlers belong to what has ended it, a request of Flask's, say.
        greenlet.gr_context = Context()
        self._greenlets.add(greenlet)
        greenlet.rawlink(self._departed)
        downlink = client.downlink
        if downlink is not None and not downlink.is_over:
            self._downlinks.add(downlink)
            downlink.link_over(self._carried)

    def _departed(self, greenlet: gevent.Greenlet) -> None:
        self._greenlets.discard(greenlet)
        self._look()

    def _carried(self, downlink: Downlink) -> None:
        self._downlinks.discard(downlink)
        self._look()

    def _look(self) -> None:
        if self._closing and not self and not self._clients:
            self._over.set()

    def close(self, timeout: float | None) -> None:
        """End all sessions; see :meth:`Listener.close`."""
        began = monotonic()
        self._closing = True
        for client in list(self._clients.values()):
            if not client.owed:
                client.end(GOES_AWAY, GOING_AWAY)
        self._look()
        cut = 0
        if timeout is None:
            self._over.wait()
        elif not self._over.wait(timeout * (1 - _KEPT)):
            for client in list(self._clients.values()):
                client.end(GOES_AWAY, GOING_AWAY)
            self._over.wait(max(began + timeout - monotonic(), 0.0))
            late = [downlink for downlink in self._downlinks if not downlink.is_over]
            for downlink in late:
                downlink.abort()
            cut = len(late)
        self._tell(cut, timeout)

    def _tell(self, cut: int, timeout: float | None) -> None:
        """Say what has become of the sessions; of several who close, one says it."""
        count, self._count = self._count, 0
        missed, self._missed = self._missed, []
        if not count:
            return
        sessions = "1 session" if count == 1 else f"{count} sessions"
        more = f", {cut} of them cut off after {timeout:g} s" if cut else ""
        if missed:
            more += f", {len(missed)} of them did not come back for {sum(missed)} bytes of messages"
        self._log.info("closed: %s ended%s", sessions, more)
