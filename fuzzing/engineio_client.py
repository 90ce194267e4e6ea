"""One client of Engine.IO, its session, and a model of the messages between them.

The model knows only what was sent in each namespace, in order, and what has arrived over
all connections.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import gevent

import sockio_gevent as io
from sockio_gevent.client import Client
from sockio_gevent.monitoring.reasons import NONE_TAKEN

from . import engineio_inside as inside
from .engineio_connections import Connections
from .engineio_visit import Visit
from .inside import Agenda
from .references import socketio as reference

__all__ = ["CLOSED", "UNKNOWN", "EngineIOPeer"]

# A namespace whose middleware refuses everyone, and one that does not exist.
CLOSED, UNKNOWN = "/closed", "/unknown"
_LARGEST = 1 << 20
_MOST = 10  # attachments


class EngineIOPeer(Connections):
    """A client of the listener.

    Args:
        listener: the listener.
        agenda: the deadlines.
        version: the version of Engine.IO, 3 or 4.
        transport: ``xhr-polling`` or ``websocket``.
        quick: whether its connection takes at once what is written.

    Attributes:
        visits: its clients by their namespaces, the last one last.
    """

    def __init__(
        self, listener: io.Listener, agenda: Agenda, version: int, transport: str, quick: bool
    ) -> None:
        super().__init__(listener, inside.open_session(listener, version, transport))
        self._agenda = agenda
        self.version = version
        self.visits: dict[str, list[Visit]] = defaultdict(list)
        self._sent: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        self._unfinished: list[str | bytes] = []  # a packet whose attachment is to come
        self._answered: set[tuple[str, int | None]] = set()
        self._refusing: set[str] = set()  # it may not know yet that it is not let in
        self._pings = self._pongs = 0
        self._awaits_pong = False
        self._complete = False  # whether all that was sent before the end must arrive
        if version == 3:
            self._wish("/")
        self._run(self.session.run_handlers)
        self._open(transport, quick)

    # --- what it sends ---

    def receive(self, texts: Sequence[str | bytes]) -> None:
        """The client sends packets, all in one payload."""
        was_live = self.live
        for text in texts:
            self._hear(text)
        # Version 3 marks binary messages.
        mark = b"" if self.version == 4 else b"\x04"
        frames = [mark + each if isinstance(each, bytes) else each for each in texts]
        problem = self.session.receive(frames)
        assert (problem is NONE_TAKEN) == (not was_live)
        # As sockets do it, or as POSTs do.
        polls = self.polls
        self._run(self.session.run_handlers_aside if polls else self.session.run_handlers)

    def _hear(self, text: str | bytes) -> None:
        """What becomes of a packet at once, whatever handlers do."""
        if not self.live:
            return
        self._awaits_pong = False
        if text == "1":
            self._end()
        elif text == "2":
            self._pongs += 1
        elif isinstance(text, bytes) or text[:1] == "4":
            self._unfinished.append(text if isinstance(text, bytes) else text[1:])
            self._hear_packet()
        elif text[:1] not in "36":
            self._end()

    def _hear_packet(self) -> None:
        packets, good = reference.read(self._unfinished, json.loads, _MOST, _LARGEST)
        # A text where an attachment is due is a mistake.
        good = good and (bool(packets) or len(self._unfinished) == 1)
        if not good or (packets and packets[0][0] and not self._has_asked_for(packets[0][1])):
            self._end()
        if not good or not packets or not self.live:
            return
        self._unfinished.clear()
        kind, namespace, ack_id, data = packets[0]
        last = self.last_visit(namespace)
        if kind == 0:
            self._wish(namespace)
        elif last is None or not last.listens:
            pass
        elif kind == 1:
            last.leaving = True
        elif kind == 2:
            last.hear(data[1], ack_id)
        elif last.present and (namespace, ack_id) in self.questions:
            self._answered.add((namespace, ack_id))
            last.unanswered -= 1
            last.hear(data[0])

    def _has_asked_for(self, namespace: str) -> bool:
        last = self.last_visit(namespace)
        return namespace in self._refusing or (last is not None and not last.leaving)

    def _wish(self, namespace: str) -> None:
        if namespace in (CLOSED, UNKNOWN):
            self._refusing.add(namespace)
        if namespace == UNKNOWN:
            self.expect_refusal(UNKNOWN, "Invalid namespace")
        elif namespace != CLOSED:
            self.visits[namespace].append(Visit(namespace, self.expect, self.disconnect))

    def last_visit(self, namespace: str) -> Visit | None:
        """Its last client in a namespace."""
        visits = self.visits.get(namespace)
        return visits[-1] if visits else None

    @property
    def questions(self) -> list[tuple[str, int]]:
        """What has arrived of the last visits, and waits for an answer: namespaces and ids."""
        packets, found = self._packets(), []
        for namespace, visits in self.visits.items():
            begun = [at for at, each in enumerate(packets) if each[:2] == (0, namespace)]
            come = sum(visit.client is not None for visit in visits)
            if visits and visits[-1].present and len(begun) == come:
                those = packets[begun[-1] :]
                found += [
                    (namespace, n)
                    for kind, name, n, _ in those
                    if kind == 2 and n is not None and name == namespace
                ]
        return [each for each in found if each not in self._answered]

    # --- what the application does ---

    def arrive(self, client: Client) -> None:
        """A client of the peer has been let in."""
        namespace = client.namespace.name
        visit = next(each for each in self.visits[namespace] if each.client is None)
        self.expect(
            namespace, (0, namespace, None, {"sid": client.id} if self.version == 4 else None)
        )
        visit.arrive(client)

    def expect(self, namespace: str, packet: tuple[Any, ...]) -> None:
        """A packet is about to be sent to the client."""
        if self.live:
            self._sent[namespace].append(packet)

    def expect_refusal(self, namespace: str, text: str) -> None:
        """The client is about to be told that it is not let in."""
        self.expect(
            namespace, (4, namespace, None, {"message": text} if self.version == 4 else text)
        )

    def disconnect(self, visit: Visit, close: bool) -> None:
        """The application lets a client leave its namespace, or ends the session."""
        assert visit.client is not None
        if visit.present and self.live:
            if close:
                for name in self.session.clients:
                    self.expect(name, (1, name, None, None))
                self.expect_end(dropping=True)
            else:
                self.expect(visit.namespace, (1, visit.namespace, None, None))
                visit.end(dropping=True)
        visit.client.disconnect(close=close)

    def expect_end(self, dropping: bool = False) -> None:
        """The session is about to be ended by the server, which tells its client."""
        if self.live:
            self._complete = True
            self._end(dropping)

    # --- what time does ---

    def pass_heartbeat_time(self) -> None:
        """The time for a heartbeat comes, or the time for its answer is over."""
        if not self.live:
            return
        if self.version == 4 and not self._awaits_pong:
            self._awaits_pong = True
            self._pings += 1
        else:
            self._end()
        inside.pass_heartbeat_time(self.session, self._agenda)

    def pass_connect_time(self) -> None:
        """The time is over in which a client must connect to a namespace."""
        if self.version == 4 and not any(
            visit.client for visits in self.visits.values() for visit in visits
        ):
            self._end()
        inside.pass_connect_time(self.session, self._agenda)

    # --- checks ---

    @property
    def blocked(self) -> bool:
        """Whether a handler waits."""
        return any(visit.blocked for visits in self.visits.values() for visit in visits)

    @property
    def settled(self) -> bool:
        """Whether all that runs by itself has been run."""
        handlers = self.session.handlers
        return self.blocked or (
            not handlers.calls and not handlers.busy and all(each.ready() for each in self._running)
        )

    @property
    def gone(self) -> bool:
        """Whether its session has ended, and all that belongs to the end is done."""
        return not self.live and self.settled and not self.blocked

    def check(self) -> None:
        """Compare the session with the model."""
        session = self.session
        assert session.connected == self.live, session.ending
        assert session.connections == self._attached
        trial = self.trial
        if trial is not None and self.poll is not None and self._probed:
            assert not self.poll.ready, "the client cannot end its polls"
        if trial is not None and not self.live:
            # After the server's own end, the client may still come with what it is owed.
            assert self._complete or trial.is_over, "left open"
        if self.live:
            assert session.downlink is (self.socket or self.poll)
            assert session.upgrade is (trial and trial.carried)
            present = {
                name for name, visits in self.visits.items() if any(v.present for v in visits)
            }
            assert set(session.clients) == present
        if not self.blocked:
            gevent.joinall(self._running, raise_error=True)
            self._running.clear()
            self._check_visits()
        self._check_arrived()

    def _check_visits(self) -> None:
        for visits in self.visits.values():
            for visit in visits:
                assert visit.client is not None, "not let in"
                visit.check(visit.present)
        unanswered = sum(visit.unanswered for visits in self.visits.values() for visit in visits)
        waiting = inside.count_waiting_answers(self._listener, self.session)
        assert waiting == unanswered, "answers that are awaited"

    def _packets(self) -> list[tuple[int, str, int | None, Any]]:
        """The packets of Socket.IO that have arrived."""
        messages = [
            each if isinstance(each, bytes) else each[1:]
            for each in self._arrived
            if isinstance(each, bytes) or each[0] == "4"
        ]
        packets, good = reference.read(messages, json.loads, _MOST, _LARGEST)
        assert good, "bad packets arrive"
        return packets

    def _check_arrived(self) -> None:
        others = [each for each in self._arrived if isinstance(each, str) and each[0] != "4"]
        assert [each for each in others if each[0] == "0"] == self._arrived[:1], "the first packet"
        assert others.count("2") <= self._pings
        assert others.count("3") <= self._pongs
        assert others.count("3probe") <= self._probes
        if "1" in others:
            assert not self.live
            assert self._arrived.index("1") == len(self._arrived) - 1, "after the end"
        arrived = defaultdict(list)
        for kind, namespace, ack_id, data in self._packets():
            asked: Any = ack_id is not None if kind == 2 else ack_id
            arrived[namespace].append((kind, namespace, asked, data))
        for namespace, packets in arrived.items():
            sent = self._sent[namespace]
            assert packets == sent[: len(packets)], "not what was sent, or in another order"
        link = self.socket or self.poll
        if self.live and not self.blocked and link is not None and link.ready:
            self.check_all_arrived()

    def check_all_arrived(self) -> None:
        """Nothing that was sent to a live session, or before a clean end, is lost."""
        if self.live or self._complete:
            count = len(self._packets())
            assert count == sum(map(len, self._sent.values())), "lost"
        if self.live:
            assert self._arrived.count("2") == self._pings
            assert self._arrived.count("3") == self._pongs

    def _end(self, dropping: bool = False) -> None:
        self.live = False
        for name, visits in self.visits.items():
            # Those that are not let in yet never are.
            self.visits[name] = [visit for visit in visits if visit.client is not None]
            for visit in self.visits[name]:
                visit.end(dropping)
