"""One client, its session, and a model of the messages between them.

The model knows only what was sent, in order, and what has arrived. All that a
session keeps follows from the two, so the model never looks into the session.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import gevent

import sockio_gevent as io
from sockio_gevent.client import Client
from sockio_gevent.monitoring.reasons import NONE_TAKEN, CloseReason, End
from sockio_gevent.wire.packet import OVERHEAD, Packet

from .application import Application
from .inside import MOST, MOST_WAITS, Agenda, open_session
from .links import Kind, Link
from .references import payload as reference

__all__ = ["Peer"]

# The transports whose sessions outlive their connection.
_LASTING = ("server-events", "xhr-polling")


class Peer:
    """A client of the listener, which has come over some transport.

    Args:
        listener: the listener.
        agenda: the deadlines.
        arrivals: the clients for which ``connection`` was called and that have no peer yet.
        transport: the name of the transport.
        quick: whether its connection takes at once what is written.

    Attributes:
        session: the session, as transports know it.
        client: the same, as applications know it.
        link: its connection, if it has one.
        application: its handlers, and what they must be called for.
        live: whether the session must be there.
    """

    def __init__(
        self,
        listener: io.Listener,
        agenda: Agenda,
        arrivals: list[Client],
        transport: str,
        quick: bool,
    ) -> None:
        self._listener = listener
        self._agenda = agenda
        self.session = open_session(listener, transport)
        # A request runs the first handlers at once; they make the client.
        self.session.run_handlers()
        self.client = arrivals.pop()
        self.application = Application(self.send, self.disconnect)
        self.application.arrive(self.client)
        self.link: Link | None = None
        self.live = True
        self._older: list[Link] = []
        self._complete = False  # whether all that was sent before the end must have arrived
        self._sent = [reference.write(self.session.session_id)]
        self._arrived: list[bytes] = []
        self._running: list[gevent.Greenlet] = []  # those that run handlers
        self._attached = 0
        self._heartbeats = 0
        self._awaits_echo = False
        self._waits = 0  # how often the time for an echo has run out with something unread
        self.attach(transport, quick)

    # Actions of the client and its connection.

    def attach(self, transport: str, quick: bool) -> None:
        """A request comes that will carry the session."""
        link = Link(transport, self._arrived, quick)
        if self.live and self.link is not None and self._is_too_much(self.link.under_way):
            self._end()
        assert self.session.attach(link) == self.live
        if not self.live:
            return
        self._without_link()
        self.link = link
        self._transport = transport
        self._attached += 1
        self._awaits_echo = False
        self._run(self.session.run_handlers)

    def receive(self, texts: list[str]) -> None:
        """The client sends messages, all in one payload."""
        if self.live:
            for text in texts:
                self._take(text)
        payload = b"".join(map(reference.write, texts)).decode()
        problem = self.session.receive([payload])
        assert (problem is NONE_TAKEN) == (not self.live)
        # As sockets do it, or as POSTs do.
        socket = self._transport == "websocket"
        self._run(self.session.run_handlers if socket else self.session.run_handlers_aside)

    def _take(self, text: str) -> None:
        """What becomes of a message at once, whatever handlers do."""
        if text.startswith("~h~"):
            if text == self.heartbeat:
                self._awaits_echo = False
        elif text.startswith("~j~"):
            try:
                self.application.inbox.append(json.loads(text[3:]))
            except ValueError:
                pass
        else:
            self.application.inbox.append(text)

    def _run(self, run: Callable[[], None]) -> None:
        self._running.append(gevent.spawn(run))

    def take(self, count: int) -> None:
        """The connection takes some of what was written, or all of it."""
        link = self.link
        if link is None or not link.under_way or link.kind is Kind.POLL:
            return
        if link.kind is Kind.SOCKET:
            link.take_some(count)
        else:
            link.take_all()
        if not link.under_way:
            self.session.drained()

    def finish(self) -> None:
        """The answer of a poll has been read to its end."""
        link = self.link
        if link is not None and link.answering:
            link.take_all()
            link.end()
            self._over(link, CloseReason.LOST)

    def lose(self, cause: CloseReason) -> None:
        """The connection ends, and what is under way does not arrive."""
        link = self.link
        if link is not None:
            undelivered = link.take_back()
            link.abort()
            self._over(link, cause, undelivered)

    def _over(self, link: Link, cause: CloseReason, undelivered: Sequence[Packet] = ()) -> None:
        self._away(undelivered)
        self.session.detach(link, End(cause, "as the test wants it"), undelivered)

    def late(self) -> None:
        """Requests that have ended long ago report their end once more."""
        for link in self._older:
            self.session.detach(link, End(CloseReason.LOST, "late"))

    # Actions of the application.

    def send(self, text: str) -> None:
        """Send a message."""
        self.expect(text)
        self.client.send(text)

    def expect(self, text: str) -> None:
        """A message is about to be sent, in whatever way."""
        if not self.live:
            return
        self._sent.append(reference.write(text))
        # Bytes that the connection takes at once do not count.
        taken = self.link is not None and self.link.ready and self.link.quick
        if not taken and self._waiting() > MOST + OVERHEAD:
            self._end()

    def disconnect(self) -> None:
        """End the session."""
        if self.live:
            # Nobody wants to hear of them any more.
            self.application.inbox.clear()
        self.expect_end()
        self.client.disconnect()

    def expect_end(self) -> None:
        """The session is about to be ended cleanly, in whatever way."""
        if self.live:
            self._complete = self.link is not None and not self.link.answering
            self._end()

    # What time does.

    def pass_time(self) -> None:
        """The session's deadline comes."""
        if not self.live:
            return
        link = self.link
        if link is None or (link.kind is Kind.POLL and not link.ready):
            self._end()
        elif link.kind is Kind.POLL:
            pass  # it gets an empty answer
        elif not self._awaits_echo:
            self._awaits_echo = True
            self._waits = 0
            self._heartbeats += 1
            self.expect(self.heartbeat)
        else:
            self._waits += 1
            if link.gone or not link.unread or self._waits == MOST_WAITS:
                self._away(link.under_way)
        self._agenda.come_to(self.session)

    def look_early(self) -> None:
        """The deadlines call the session before anything is due."""
        assert (self.session.due(0.0) is not None) == self.live

    @property
    def heartbeat(self) -> str:
        """The last heartbeat, as a client echoes it."""
        return f"~h~{self._heartbeats}"

    # Checks.

    @property
    def settled(self) -> bool:
        """Whether all that runs by itself has been run."""
        handlers = self.session.handlers
        return self.application.blocked or (
            not handlers.calls and not handlers.busy and all(each.ready() for each in self._running)
        )

    @property
    def gone(self) -> bool:
        """Whether its session has ended, and all that belongs to the end is done."""
        return not self.live and not self.application.blocked and self.settled

    def check(self) -> None:
        """Compare the session with the model."""
        self.application.check(self.live)
        if not self.application.blocked:
            gevent.joinall(self._running, raise_error=True)
            self._running.clear()
        session, arrived = self.session, len(self._arrived)
        assert self._arrived == self._sent[:arrived], "not what was sent, or in another order"
        assert session.connected == self.live
        assert session.away == (self.live and self.link is None)
        assert (self._listener.clients.get(session.session_id) is self.client) == self.live
        assert (session in self._agenda.deadlines) == self.live
        assert session.connections == self._attached
        assert session.transport == self._transport
        assert all(link.cut or link.closed for link in self._older), "left open"
        if self._complete:
            assert arrived == len(self._sent), "lost at the end"
        if self.live:
            self._check_waiting()

    def _check_waiting(self) -> None:
        link, arrived = self.link, len(self._arrived)
        if link is not None:
            under_way = [packet.payload for packet in link.under_way]
            assert under_way == self._sent[arrived : arrived + len(under_way)]
            if link.ready:
                assert arrived == len(self._sent), "left behind"
        waiting = self._waiting()
        assert waiting <= MOST + OVERHEAD
        assert waiting == self.session.buffered

    def check_all_arrived(self) -> None:
        """Nothing that was sent to a live session is lost."""
        assert not self.live or len(self._arrived) == len(self._sent)

    def _waiting(self) -> int:
        """How much memory the messages that wait for the client take."""
        under_way, carried = 0, 0
        if self.link is not None and self.link.under_way:
            # A batch counts until all of it is taken.
            under_way, carried = len(self.link.under_way), self.link.batch_cost
        return _cost(self._sent[len(self._arrived) + under_way :]) + carried

    def _is_too_much(self, undelivered: Sequence[Packet]) -> bool:
        """Whether what a connection gives back is more than may wait, with all the rest."""
        return bool(undelivered) and _cost(self._sent[len(self._arrived) :]) > MOST + OVERHEAD

    def _away(self, undelivered: Sequence[Packet]) -> None:
        """It has lost its link; not every session outlives that."""
        too_much = self._is_too_much(undelivered)
        self._without_link()
        if too_much or self._transport not in _LASTING:
            self._end()

    def _end(self) -> None:
        self.live = False
        self._without_link()

    def _without_link(self) -> None:
        if self.link is not None:
            self._older.append(self.link)
        self.link = None


def _cost(payloads: Sequence[bytes]) -> int:
    """How much memory messages take."""
    return sum(len(payload) + OVERHEAD for payload in payloads)
