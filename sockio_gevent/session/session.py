"""The life of one session: its downlinks and its end.

A session is *open* while some request carries its downlink, *away* between
two of them, and *closed* in the end. It changes between these in ``attach``,
``detach`` and ``end``, and nowhere else. It knows no events: messages from the
client go to the receiver of its host.

The parts of a session are its outbox (:mod:`.outbox`), its inbox (:mod:`.inbox`)
and its deadline (:mod:`.deadline`). Each kind of session decides what it does
when that has come: :mod:`.classic_session`, and :mod:`.heartbeats` for both kinds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..dialects.base import Dialect
from ..monitoring.reasons import GOES_AWAY, CloseReason, End
from ..transports.carried import Carried
from ..transports.downlink import Downlink, Upload
from ..wire.packet import Packet
from ..wire.websocket import GOING_AWAY, NORMAL
from .deadline import Deadline
from .loops import Loop
from .session_host import SessionHost

__all__ = ["Session"]

# After these ends, messages that wait for handlers are dropped, unless they were promised: the
# application wants no more messages of the client, or a handler has failed.
_DROPPING = frozenset((CloseReason.APPLICATION, CloseReason.FAILURE))


class Session(Deadline, Carried):
    """One peer's link, over the requests and sockets that it uses one after the other.

    Args:
        host: the sessions of the listener.
        dialect: the dialect of its client.
        session_id: its id, a secret.
        transport: the name of the transport of its first request.
        environ: the part of that request's WSGI environ that is kept.

    Attributes:
        bound_to: the peer that opened the session, by the option ``same_peer``.
        connections: how many requests have carried it.
        identity: who the client is, as the option ``authorize`` says.
        network: the network that it counts for in the session quota.
        posts: how many POSTs are under way.
        replaced: earlier downlinks that may not be over yet, and WebSockets that the client tries.
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
        """Whether messages wait that only another request can carry."""
        downlink = self.downlink
        return bool(self._outbox) and (downlink is None or (self._polls and not downlink.ready))

    def has_withdrawn(self, namespace: str) -> bool:
        """Whether its client has left a namespace before it was let in."""
        return False

    def let_in(self, namespace: str) -> None:
        """It has become a client of a namespace."""

    def put_out(self, namespace: str) -> None:
        """It had to leave a namespace."""

    def refused(self, namespace: str) -> None:
        """It was not let into a namespace, and is told that."""

    # --- its downlinks ---

    def attach(self, downlink: Downlink) -> bool:
        """Make this the session's downlink, in place of the one it may have.

        Returns:
            False if the session has ended.
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
        if self.replaced:
            # It was one of them if it was only tried so far.
            self.replaced = tuple([each for each in self.replaced if each is not downlink])
        self.connections += 1
        self.transport = downlink.transport
        self._polls = downlink.once
        self._attached()
        if self.host.closing:
            # The client has come back for its messages: this is the last request to carry them.
            self.end(GOES_AWAY, GOING_AWAY)
        elif self._outbox and not self.touched:
            self.loop.flush.touch(self)
        return True

    def _put_aside(self, downlink: Downlink | None) -> None:
        """Remember a downlink that takes no more messages, until it is over."""
        downlinks = self.replaced if downlink is None else (*self.replaced, downlink)
        self.replaced = [each for each in downlinks if not each.is_over]

    def detach(self, downlink: Downlink, end: End, undelivered: Sequence[Packet] = ()) -> None:
        """Take the downlink away, because it is over: the session is away, or ends.

        Args:
            downlink: the downlink. If the session has another one by now, nothing happens.
            end: why; if the session cannot be away, it ends for this reason.
            undelivered: messages that did not arrive. They go back to the front of the outbox.
        """
        if downlink is not self.downlink:
            return
        self.downlink = None
        if not downlink.is_over:
            self._put_aside(downlink)
        self._take_back(undelivered)
        if self.connected:
            self._detached(end)

    def _attached(self) -> None:
        """The session has a new downlink."""
        raise NotImplementedError

    def _detached(self, end: End) -> None:
        """The session has no downlink any more: it is away, or must end for this reason."""
        raise NotImplementedError

    # --- its end ---

    def end(self, end: End, code: int = NORMAL, abort: bool = False) -> None:
        """End the session. Every end of a session comes here.

        Args:
            end: why.
            code: the close code, for WebSockets.
            abort: whether to cut its connection instead of closing it.
        """
        if self.ending is not None:
            return
        self.ending = end
        self._set_deadline(None)
        self.host.counters.note_closed(end.reason)
        downlink = self.downlink
        self._put_aside(downlink)
        self.host.ended(self, end, self.replaced)
        if end.reason in _DROPPING:
            self.handlers.drop()
        self.handlers.put(_closed, None, 0)
        # In another greenlet: handlers may block, and this may run in the hub.
        self.start_handlers()
        outbox = self._empty_outbox(kept=downlink is not None and not abort)
        self.downlink = None
        for upload in self.uploads or ():
            upload.cut()  # the rest of its body is not needed
        if downlink is not None:
            if abort:
                downlink.abort()
            else:
                downlink.close(code, end.text, [*outbox, *self._last(end, outbox)])
        if self._counted:
            self.settle()
        log = self.host.log.warning if abort else self.host.log.info
        self._log_end(log, "session %s (%s, %s) ended: %s", end)

    def farewell(self, end: End) -> Sequence[Sequence[Packet]]:
        """The batches for polls that come after the end; mostly there are none."""
        return ()

    def _last(self, end: End, outbox: Sequence[Packet]) -> Sequence[Packet]:
        """What tells the client the end, behind what was in the outbox."""
        return self.dialect.last(end, self.transport)

    @property
    def is_carried(self) -> bool:
        """Whether one of its connections is not over yet."""
        return any(not each.is_over for each in self.replaced)

    def let_go(self, end: End) -> None:
        """Free all memory: end at once, and cut the connections that are left."""
        self.end(end, abort=True)
        # It may have ended before, and wait for its handlers.
        self.handlers.drop(promised=True)
        self.settle()
        self.cut()

    def cut(self) -> None:
        """Cut the connections that it has after its end."""
        for downlink in self.replaced:
            downlink.abort()

    def release(self) -> None:
        """The session has closed: free what it held."""
        super().release()
        # An application may keep the client, and so the session, for longer.
        self.replaced = ()
        # Without this circle both are freed at once, and not by the garbage collector.
        self.client = None
        self.others = None

    def move(self, loop: Loop) -> None:
        """Go on with another loop, because the thread of the old one has ended.

        Greenlets of that thread never run again.
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
        self.handlers = self._new_queue()


# The last call in the handler queue.


def _closed(session: Session, _: None) -> None:
    # The handlers of ``disconnect`` have a deadline, too.
    session._set_deadline(None)
    try:
        session.host.receiver.closed(session)
    except BaseException as error:
        session.broken_off(error)
    finally:
        session.loop.deadlines.forget(session)
        session.host.handled(session)
