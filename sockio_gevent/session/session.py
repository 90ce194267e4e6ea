"""The life of one session: its downlinks and its end.

A session is *open* while some request carries its downlink, *away* between
two of them, and *closed* in the end. It changes between these in ``attach``,
``detach`` and ``end``, and nowhere else. It knows no events: what comes from
the client, and belongs to the application, goes to the receiver of its host.

Below this are its outbox (:mod:`.outbox`), what comes in (:mod:`.inbox`), and
its deadlines (:mod:`.heartbeat`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..dialects.base import Dialect
from ..monitoring.reasons import GOES_AWAY, CloseReason, End, Limit
from ..transports.base import Downlink, Upload
from ..wire.packet import Packet
from ..wire.websocket import GOING_AWAY, NORMAL
from .heartbeat import Heartbeat
from .loops import Loop
from .session_host import SessionHost

__all__ = ["Session"]

# After these, messages that wait for their handlers are dropped: the application wants no more
# of the client, or a handler has failed, or the session is to hold nothing.
_DROPPING_REASONS = frozenset((CloseReason.APPLICATION, CloseReason.FAILURE))
_DROPPING_LIMITS = frozenset((Limit.HANDLER, Limit.MEMORY))


class Session(Heartbeat):
    """One peer's link, over whatever requests and sockets it uses one after the other.

    Args:
        host: what keeps the session.
        dialect: how its client is spoken to.
        session_id: its id, a secret.
        transport: the name of the transport of its first request.
        environ: what is kept of the WSGI environ of that request.

    Attributes:
        bound_to: what tells that a request comes from the peer that opened the session.
        connections: how many requests have carried it.
        identity: who the client is, as the application says.
        network: where the session is counted, for the limit of sessions.
        posts: how many POSTs are under way.
        replaced: the downlinks before this one that may not be over yet.
        uploads: the requests whose bodies are being read.
    """

    __slots__ = (
        "bound_to",
        "connections",
        "identity",
        "network",
        "posts",
        "replaced",
        "uploads",
    )

    def __init__(
        self,
        host: SessionHost,
        dialect: Dialect,
        session_id: str,
        transport: str,
        environ: dict[str, Any],
    ) -> None:
        super().__init__(host, dialect, session_id, transport, environ)
        self.identity: Any = None
        self.bound_to: Any = None
        self.network = ""
        self.connections = 0
        self.posts = 0
        self.replaced: Sequence[Downlink] = ()
        self.uploads: set[Upload] | None = None

    @property
    def away(self) -> bool:
        """Whether it is between two requests."""
        return self.ending is None and self.downlink is None

    @property
    def owed(self) -> bool:
        """Whether messages wait that nothing but another request can carry."""
        downlink = self.downlink
        return bool(self._outbox) and (downlink is None or (self._polls and not downlink.ready))

    # --- its downlinks ---

    def attach(self, downlink: Downlink) -> bool:
        """Make this the session's downlink, in place of the one it may have.

        Returns:
            Whether that was possible: not if the session has ended.
        """
        if self.ending is not None:
            return False
        older, self.downlink = self.downlink, None
        if older is not None:
            self._take_back(older.take_back())
            older.close(NORMAL, "replaced by a newer connection")
            self._put_aside(older)
            if not self.connected:
                return False
        self.downlink = downlink
        self.connections += 1
        self.transport = downlink.transport
        self._awaits_echo = 0
        times = self.dialect.times(self.transport)
        self._polls = times.duration is not None
        self._set_deadline(times.heartbeat_interval or times.duration)
        if self.host.closing:
            # It has come back for what waits, and this is the last request to carry it.
            self.end(GOES_AWAY, GOING_AWAY)
        elif self._outbox and not self.touched:
            self.loop.flush.touch(self)
        return True

    def _put_aside(self, downlink: Downlink | None) -> None:
        """Remember a downlink that carries nothing more, until it is over."""
        downlinks = self.replaced if downlink is None else (*self.replaced, downlink)
        self.replaced = [each for each in downlinks if not each.is_over]

    def detach(self, downlink: Downlink, end: End, undelivered: Sequence[Packet] = ()) -> None:
        """The downlink is over; without another one the session is away.

        Args:
            downlink: which one; nothing happens if it is not the session's any more.
            end: why; the session ends with it if it cannot be away.
            undelivered: what has not arrived, which goes back to the front.
        """
        if downlink is not self.downlink:
            return
        self.downlink = None
        if not downlink.is_over:
            self._put_aside(downlink)
        self._take_back(undelivered)
        if not self.connected:
            return
        close_timeout = self.dialect.times(self.transport).close_timeout
        if not close_timeout:
            self.end(end)
            return
        self._set_deadline(close_timeout)
        self._log_end(self.host.log.debug, "session %s (%s, %s) is away: %s", end)

    # --- its end ---

    def end(self, end: End, code: int = NORMAL, abort: bool = False) -> None:
        """End the session, for whatever reason; the one way it can end.

        Args:
            end: why.
            code: the close code, for WebSockets.
            abort: whether to cut its connection, in place of closing it.
        """
        if self.ending is not None:
            return
        self.ending = end
        self._set_deadline(None)
        self.host.counters.note_closed(end.reason)
        downlink = self.downlink
        self._put_aside(downlink)
        self.host.ended(self, end, self.replaced)
        if end.reason in _DROPPING_REASONS or end.limit in _DROPPING_LIMITS:
            self.handlers.drop(promised=end.limit is Limit.MEMORY)
        self.handlers.put(_closed, None, 0)
        # In a greenlet of their own: handlers may block, and this may be the loop.
        self.start_handlers()
        outbox = self._put_outbox_down(kept=downlink is not None and not abort)
        self.downlink = None
        for upload in self.uploads or ():
            upload.cut()  # nobody wants the rest of it
        if downlink is not None:
            if abort:
                downlink.abort()
            else:
                downlink.close(code, end.text, [*outbox, *self.dialect.last(end)])
        if self._counted:
            self.settle()
        log = self.host.log.warning if abort else self.host.log.info
        self._log_end(log, "session %s (%s, %s) ended: %s", end)

    @property
    def is_carried(self) -> bool:
        """Whether a connection of it is not over yet."""
        return any(not each.is_over for each in self.replaced)

    def let_go(self, end: End) -> None:
        """Hold nothing any more: end at once, and cut what the end has left."""
        self.end(end, abort=True)
        self.cut()

    def cut(self) -> None:
        """Cut the connections that it still has after its end."""
        for downlink in self.replaced:
            downlink.abort()

    def release(self) -> None:
        """Nothing of the session is under way any more: what it held is free."""
        super().release()
        # An application may keep its client for longer.
        self.replaced = ()

    def move(self, loop: Loop) -> None:
        """Go on with another loop, because the thread of the one before has ended.

        What was under way in that thread never goes on.
        """
        self.loop = loop
        self.slot = None
        self.touched = False
        for downlink in (*self.replaced, self.downlink):
            if downlink is not None:
                downlink.shut_down()
        for upload in self.uploads or ():
            upload.cut()
        self.downlink = None
        self.replaced = ()
        self.uploads = None
        self.incoming = 0
        self.handlers = self._no_calls()


# What the queue of the handlers is given to call last.


def _closed(session: Session, _: None) -> None:
    # From here on the handlers of the end have their time, too.
    session._set_deadline(None)
    try:
        session.host.receiver.closed(session)
    except BaseException as error:
        session.broken_off(error)
    finally:
        session.loop.deadlines.forget(session)
        session.host.handled(session)
