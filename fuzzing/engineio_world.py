"""Everything that can happen to Engine.IO sessions of a listener, in any order."""

from __future__ import annotations

import re

import gevent

import sockio_gevent as io

from . import engineio_inside as inside
from .actions import World
from .engineio_client import CLOSED, EngineIOPeer
from .engineio_packets import BINARY, answer, message, packets
from .engineio_visit import Visit

__all__ = ["EngineIOWorld"]

_TRANSPORTS = ("xhr-polling", "xhr-polling", "websocket")
_ROOM, _DYNAMIC = "/room", "/dynamic-1"
_NAMES = ("/", _ROOM, "/", _DYNAMIC)


class EngineIOWorld(World[EngineIOPeer]):
    """Sessions of Engine.IO 3 and 4, their namespaces, acknowledgements and upgrades."""

    ACTIONS = (
        "open",
        "poll",
        "finish",
        "try_websocket",
        "probe",
        "upgrade",
        "spoil",
        "receive",
        "answer",
        "send",
        "ask",
        "broadcast",
        "take",
        "lose",
        "late",
        "pass_time",
        "release",
        "disconnect",
    )

    def __init__(self) -> None:
        super().__init__()
        self._listener, self._agenda = inside.listen(self._errors.logger)
        self._dynamic = self._listener.of(re.compile(r"/dynamic-\d"))
        places = self._listener, self._listener.of(_ROOM), self._dynamic
        for place in places:
            place.on("connection", lambda client: self._peer_of(client).arrive(client))
            place.on("clientDisconnect", lambda client: self._visit_of(client).depart())
        self._listener.of(CLOSED).use(self._refuse)

    def _refuse(self, client: io.Client) -> None:
        self._peer_of(client).expect_refusal(CLOSED, "closed")
        raise io.Refused("closed")

    def _peer_of(self, client: io.Client) -> EngineIOPeer:
        return next(peer for peer in self._peers if peer.session.session_id == client.session_id)

    def _visit_of(self, client: io.Client) -> Visit:
        visits = self._peer_of(client).visits[client.namespace.name]
        return next(visit for visit in visits if visit.client is client)

    # --- the clients ---

    def open(self, which: int, amount: int) -> None:
        """A client comes; beyond some number, in place of one whose session has ended."""
        del which
        if self._has_room():
            transport = _TRANSPORTS[amount % 3]
            version, quick = 4 - amount // 3 % 2, amount // 6 % 2 == 0
            peer = EngineIOPeer(self._listener, self._agenda, version, transport, quick)
            self._peers.append(peer)

    def _forget(self, peer: EngineIOPeer) -> None:
        peer.close_connections()
        super()._forget(peer)

    def poll(self, which: int, amount: int) -> None:
        """A poll comes."""
        del amount
        for peer in self._peer(which):
            peer.begin_poll()

    def finish(self, which: int, amount: int) -> None:
        """The answer to a poll has arrived, and mostly the next poll comes."""
        for peer in self._peer(which):
            peer.finish_poll()
            if amount % 4:
                peer.begin_poll()

    def try_websocket(self, which: int, amount: int) -> None:
        """A client tries a WebSocket."""
        for peer in self._peer(which):
            peer.try_websocket(quick=amount % 2 == 0)

    def probe(self, which: int, amount: int) -> None:
        """A client sends its probe, and mostly waits for the answer to its poll."""
        for peer in self._peer(which):
            peer.probe()
            if amount % 4:
                self.settle()
                peer.finish_poll()

    def upgrade(self, which: int, amount: int) -> None:
        """A client ends its upgrade, maybe with a message behind, maybe too early."""
        for peer in self._peer(which):
            more = [message("/", self._text("from", amount))] if amount % 4 == 0 else []
            peer.finish_upgrade(more)

    def spoil(self, which: int, amount: int) -> None:
        """The upgrade of a client ends without success."""
        for peer in self._peer(which):
            if amount % 3 == 0:
                peer.spoil_upgrade(
                    ("6", "2", "3probe", '42["message","too early"]')[amount // 3 % 4]
                )
            else:
                peer.lose_trial(in_time=amount % 3 == 1)

    def receive(self, which: int, amount: int) -> None:
        """A client sends something."""
        for peer in self._peer(which):
            peer.receive(packets(peer, _NAMES[amount // 16 % 4], amount, self._text))

    def answer(self, which: int, amount: int) -> None:
        """A client answers what it was asked, or something that it was not asked."""
        for peer in self._peer(which):
            questions = peer.questions
            if not questions:
                continue
            name, number = questions[amount % len(questions)]
            if amount % 16 == 15:
                number += 1000
            peer.receive([answer(name, number, self._text("answer", 0))])

    # --- the application ---

    def send(self, which: int, amount: int) -> None:
        """The application sends to a client, mostly text."""
        for visit in self._visit(which, amount):
            visit.send(BINARY[amount % 2] if amount % 8 == 7 else self._text("to", amount))

    def ask(self, which: int, amount: int) -> None:
        """The application sends what a client has to answer."""
        for visit in self._visit(which, amount):
            visit.ask(self._text("question", amount))

    def broadcast(self, which: int, amount: int) -> None:
        """The application sends to all of a namespace, or of a room."""
        del which
        text = self._text("all", amount)
        name = _NAMES[amount % 4]
        for peer in self._peers:
            for visit in peer.visits.get(name, ()):
                visit.expect_event(text)
        if name == _DYNAMIC:
            self._dynamic.send(text)
        elif amount % 8 < 4:
            self._listener.of(name).send(text)
        else:
            self._listener.of(name).to("all").send(text)

    def disconnect(self, which: int, amount: int) -> None:
        """The application ends a visit, or seldom a session."""
        for visit in self._visit(which, amount):
            if amount % 2:
                self._peer(which)[0].disconnect(visit, close=amount > 200)

    def release(self, which: int, amount: int) -> None:
        """A waiting handler continues."""
        del amount
        for peer in self._peer(which):
            for visits in peer.visits.values():
                for visit in visits:
                    visit.release()

    # --- what else happens ---

    def lose(self, which: int, amount: int) -> None:
        """A connection is lost."""
        for peer in self._peer(which):
            if amount % 4 == 1:
                peer.hang_up_poll()
            elif amount % 4 == 3:
                peer.lose_socket()
            else:
                peer.lose_trial(in_time=True)

    def pass_time(self, which: int, amount: int) -> None:
        """A deadline comes."""
        for peer in self._peer(which):
            if amount % 4 == 3:
                peer.pass_connect_time()
            else:
                peer.pass_heartbeat_time()

    # --- checks ---

    def settle(self) -> None:
        """Let the loop run until it is idle, and do all checks."""
        super().settle()
        live = sum(peer.live for peer in self._peers)
        assert len(self._listener._sessions.by_id) == len(self._agenda.deadlines) == live

    def end(self) -> None:
        """Let everyone get what was sent to them, and close the listener."""
        self.settle()
        while any(peer.blocked for peer in self._peers):
            for which in range(len(self._peers)):
                self.release(which, 0)
            self.settle()
        for peer in self._peers:
            peer.fetch_all()
            peer.check_all_arrived()
        self.settle()
        for peer in self._peers:
            if peer.gone:
                peer.close_connections()  # the listener would wait for them
            peer.expect_end()
        closing = gevent.spawn(self._listener.close, None)
        self.settle()
        gevent.sleep(0)
        gevent.sleep(0)
        ended = closing.ready()
        closing.kill()
        assert ended, "it waits for what is over"
        for peer in self._peers:
            peer.fetch_all()
            peer.check_all_arrived()
            peer.close_connections()
        assert not inside.leftovers(self._listener, self._agenda)

    def _visit(self, which: int, amount: int) -> list[Visit]:
        """The last visit of a client in some namespace, if it has been there."""
        visits = [peer.last_visit(_NAMES[amount // 64]) for peer in self._peer(which)]
        return [visit for visit in visits if visit is not None and visit.client is not None]
