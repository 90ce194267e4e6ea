"""All that the test of Engine.IO sessions knows about the inside, beside :mod:`.inside`."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any
from wsgiref.util import setup_testing_defaults

import sockio_gevent as io
from sockio_gevent.server.http.request import Request
from sockio_gevent.session.engineio_session import EngineIOSession
from sockio_gevent.space import Space
from sockio_gevent.transports.engineio_websocket import Trial
from sockio_gevent.wire.packet import BinaryPacket, Packet
from sockio_gevent.wire.websocket import POLICY_VIOLATION

from .inside import FAR, Agenda
from .links import Kind, Link

__all__ = [
    "EngineIOLink",
    "count_waiting_answers",
    "leftovers",
    "let_trial_end",
    "listen",
    "open_session",
    "pass_connect_time",
    "pass_heartbeat_time",
    "take_farewell",
    "try_websocket",
]


def listen(log: logging.Logger) -> tuple[io.Listener, Agenda]:
    """A listener without a server, and whose time the test moves."""
    listener = io.listen(
        _nothing,
        log=log,
        flash_policy_port=None,
        handler_timeout=None,
        max_buffer=1 << 24,
        ping_interval=FAR,
        ping_timeout=FAR,
        upgrade_timeout=FAR,
        connect_timeout=4 * FAR,
        max_namespaces_per_session=None,
    )
    agenda = Agenda()
    loop: Any = listener._sessions.loops.here()
    loop.deadlines = agenda
    return listener, agenda


def open_session(listener: io.Listener, version: int, transport: str) -> EngineIOSession:
    """Begin a session, as a request that has come in does."""
    environ: dict[str, Any] = {"SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "192.0.2.1"}
    setup_testing_defaults(environ)
    dialect: Any = next(
        each for each in listener._attachment.dialects if getattr(each, "version", None) == version
    )
    session: Any = listener._sessions.open(dialect, transport, Request(environ, _nothing))
    return session  # type: ignore[no-any-return]


class EngineIOLink(Link):
    """A link of an Engine.IO session: text packets arrive as ``str``, and binary ones as bytes.

    Args:
        transport, arrived, quick: see :class:`Link`.
        carried: the session, or what stands for it while the client tries a WebSocket.
    """

    def __init__(self, transport: str, arrived: list[Any], quick: bool, carried: Any) -> None:
        super().__init__(transport, arrived, quick)
        self.once = self.kind is Kind.POLL
        self.carried = carried

    def _arrive(self, packet: Packet) -> None:
        is_binary = isinstance(packet, BinaryPacket)
        self._arrived.append(packet.data if is_binary else packet.payload.decode())  # type: ignore[attr-defined]


def try_websocket(session: EngineIOSession, arrived: list[Any], quick: bool) -> EngineIOLink:
    """The client tries a WebSocket, beside its polls."""
    dialect: Any = session.dialect
    trial = Trial(session, FAR, dialect)
    link = EngineIOLink("websocket", arrived, quick, trial)
    trial.begin(link)
    return link


def let_trial_end(link: EngineIOLink) -> None:
    """The time for the upgrade is over."""
    link.carried.close(POLICY_VIOLATION, "the upgrade was not finished in time")


def pass_heartbeat_time(session: EngineIOSession, agenda: Agenda) -> None:
    """The time for the next heartbeat comes, or the time for the answer is over."""
    dialect: Any = session.dialect
    if not dialect.pings:
        session._heard = -3 * FAR
    assert session._deadline is not None
    _come_to(session, agenda, session._deadline)


def pass_connect_time(session: EngineIOSession, agenda: Agenda) -> None:
    """The time is over in which a client must connect to a namespace, if it has not."""
    if session._connect_by is not None:
        _come_to(session, agenda, session._connect_by)


def _come_to(session: EngineIOSession, agenda: Agenda, now: float) -> None:
    again = session.due(now)
    if again is not None:
        agenda.look(session, again)


def take_farewell(listener: io.Listener, session: EngineIOSession, arrived: list[Any]) -> bool:
    """A poll comes after the end of a session; false if nothing was left for it."""
    packets = listener._sessions.recently_ended.take_farewell(session.session_id)
    link = EngineIOLink("xhr-polling", arrived, False, session)
    link.close(0, "", packets)
    return bool(packets)


def _spaces(listener: io.Listener) -> Iterable[Space]:
    return list(listener._namespaces._by_name.values())


def count_waiting_answers(listener: io.Listener, session: EngineIOSession) -> int:
    """How many answers of a session are awaited."""
    spaces = _spaces(listener)
    return sum(len(each.pending._awaited.get(session.session_id, ())) for each in spaces)


def leftovers(listener: io.Listener, agenda: Agenda) -> dict[str, int]:
    """What a listener keeps of sessions, beside those that are there."""
    sessions = listener._sessions
    found = {
        "sessions": len(sessions.by_id),
        "closing": len(sessions.closing_sessions),
        "deadlines": len(agenda.deadlines),
        "places": sessions.quota._total,
        "addresses": len(sessions.quota._by_network),
        "bytes": sessions.memory.held,
        "namespaces of patterns": len(listener._namespaces._made_for_clients),
    }
    for space in _spaces(listener):
        rooms, name = space.rooms, space.name
        found[f"clients of {name}"] = len(rooms.sessions) + len(rooms.absent) + len(rooms._coming)
        found[f"rooms of {name}"] = len(rooms._rooms) + len(rooms._joined)
        found[f"ids of {name}"] = len(rooms._client_ids) + len(rooms._by_client_id)
        found[f"answers to {name}"] = len(space.pending._awaited)
    return {what: number for what, number in found.items() if number}


def _nothing(*arguments: object) -> list[bytes]:
    return []
