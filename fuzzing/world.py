"""Everything that can happen to the sessions of a listener, in any order."""

from __future__ import annotations

from sockio_gevent.client import Client
from sockio_gevent.monitoring.reasons import CloseReason

from .actions import World
from .application import BLOCK, BYE, ECHO, Application
from .clients import Peer
from .inside import listen
from .links import KINDS

__all__ = ["ClassicWorld"]

_TRANSPORTS = list(KINDS)


class ClassicWorld(World[Peer]):
    """Sessions of the classic dialect."""

    ACTIONS = (
        "open",
        "attach",
        "send",
        "receive",
        "take",
        "finish",
        "lose",
        "late",
        "notice",
        "pass_time",
        "release",
        "disconnect",
    )

    def __init__(self) -> None:
        super().__init__()
        self._listener, self._agenda = listen(self._errors)
        self._arrivals: list[Client] = []
        self._listener.on("connection", self._arrivals.append)
        self._listener.on("clientDisconnect", lambda client: self._of(client).depart())

    def _of(self, client: object) -> Application:
        return next(peer.application for peer in self._peers if peer.client is client)

    def open(self, which: int, amount: int) -> None:
        """A client comes; beyond some number, in place of one whose session has ended."""
        del which
        if self._has_room():
            transport = _TRANSPORTS[amount % 3]
            quick = amount // 3 % 2 == 0
            peer = Peer(self._listener, self._agenda, self._arrivals, transport, quick)
            self._peers.append(peer)

    def attach(self, which: int, amount: int) -> None:
        """A client connects again, over whatever transport."""
        for peer in self._peer(which):
            peer.attach(_TRANSPORTS[amount % 3], quick=amount // 3 % 2 == 0)

    def send(self, which: int, amount: int) -> None:
        """The application sends, to one client or to all."""
        text = self._text("to", amount)
        if amount % 8 == 7:
            for peer in self._peers:
                peer.expect(text)
            self._listener.broadcast(text)
            return
        for peer in self._peer(which):
            peer.send(text)

    def receive(self, which: int, amount: int) -> None:
        """A client sends one message, or two in one payload."""
        for peer in self._peer(which):
            texts = [self._message(amount % 8, peer, amount)]
            if amount >= 64:
                texts.append(self._message(amount // 8 % 8, peer, amount))
            peer.receive(texts)

    def _message(self, kind: int, peer: Peer, amount: int) -> str:
        if kind == 7 and amount > 250:
            return self._text(BYE, 0)
        return (
            self._text("from", amount),
            self._text(ECHO, amount),
            self._text(BLOCK, 0),
            peer.heartbeat,
            "~h~0",
            '~j~{"number": 1}',
            "~j~{",
            self._text("from", amount),
        )[kind]

    def finish(self, which: int, amount: int) -> None:
        """The answer of a poll is over."""
        del amount
        for peer in self._peer(which):
            peer.finish()

    def lose(self, which: int, amount: int) -> None:
        """A connection ends, by accident or because the client wants it."""
        for peer in self._peer(which):
            peer.lose((CloseReason.LOST, CloseReason.CLIENT, CloseReason.PROTOCOL)[amount % 3])

    def notice(self, which: int, amount: int) -> None:
        """Something shows at the socket that nobody has read yet."""
        for peer in self._peer(which):
            if peer.link is not None:
                peer.link.unread, peer.link.gone = bool(amount & 1), bool(amount & 2)

    def pass_time(self, which: int, amount: int) -> None:
        """A deadline comes, or the deadlines call a session early."""
        for peer in self._peer(which):
            if amount % 4 == 3:
                peer.look_early()
            else:
                peer.pass_time()

    def release(self, which: int, amount: int) -> None:
        """A waiting handler continues."""
        del amount
        for peer in self._peer(which):
            peer.application.release()

    def disconnect(self, which: int, amount: int) -> None:
        """The application ends a session, mostly that of a client that is there."""
        for peer in self._peer(which):
            if amount % 2:
                peer.disconnect()

    def settle(self) -> None:
        """Let the loop run until it is idle, and do all checks."""
        super().settle()
        assert not self._arrivals, "a second beginning"
        live = [peer for peer in self._peers if peer.live]
        assert len(self._listener.clients) == len(self._agenda.deadlines) == len(live)
        waiting = sum(peer.session.buffered for peer in live)
        assert self._listener.stats()["buffered"] == waiting

    def end(self) -> None:
        """Let everyone get what was sent to them, and close the listener."""
        self.settle()
        while any(peer.application.blocked for peer in self._peers):
            for peer in self._peers:
                peer.application.release()
            self.settle()
        for peer in self._peers:
            peer.attach("server-events", quick=True)
        self.settle()
        for peer in self._peers:
            peer.check_all_arrived()
        for peer in self._peers:
            peer.expect_end()
        self._listener.close(60)
        self.settle()
