"""Requests for the sessions of other workers.

The owner of a session gets the connection itself if that can leave its server; or else a socket
over which the request and the answer are relayed; or the bytes of such a socket over the bus.
Whatever the request is checked for is checked by the owner, as at home. What it does with it is
in :mod:`.requests_of_others`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from secrets import token_hex
from time import monotonic
from typing import Any

from ..cluster.bus import Bus, WorkerGone, WorkerSilent
from ..cluster.names import is_session_id, owner_of
from ..dialects.base import Route
from ..hub.per_hub import thread_lock
from ..refusal import Refusal
from ..server.handover.departures import Departure
from ..server.handover.streams import Streams
from ..server.handover.tunnels import Tunnels
from ..server.http.environ import connection_of, target_of
from ..server.http.request import Request
from ..server.stream.sockets import sent_so_far, shut_down
from ..session.sessions import Sessions
from ..wire.handed_over import CONNECTION, REQUEST, RUNS, TAKEN, TUNNEL, HandedOver
from ..wire.redact import Shortener
from .requests_of_others import RequestsOfOthers

__all__ = ["OtherWorkers"]

#: Seconds that a worker has to take a connection.
TIMEOUT = 10.0

# Seconds that the owner of a request has to show that it runs; and for which that counts.
_SIGN_OF_LIFE = 5.0
_COUNTS_FOR = 1.0

# Seconds after which a question is repeated.
_REPEATING = 1.0

_MOST_WAITING = 500  # connections that wait for one worker to take them


class OtherWorkers:
    """The other workers, as the gateway of one listener sees them.

    Args:
        bus: the bus to them.
        application: the gateway, for relayed requests.
        sessions: the sessions of the listener.
        shorteners: what cuts session ids in addresses of the listener.
    """

    def __init__(
        self,
        bus: Bus,
        application: Callable[..., Any],
        sessions: Sessions,
        shorteners: Sequence[Shortener],
    ) -> None:
        self._bus = bus
        self._sessions = sessions
        self._waiting: Counter[str] = Counter()
        self._lock = thread_lock()
        self._streams = Streams()
        self._seen: dict[str, float] = {}  # when each worker has last shown that it runs
        self._tunnels = Tunnels(bus)
        bus.when_gone(lambda worker: self._seen.pop(worker, None))
        self._theirs = RequestsOfOthers(bus, application, sessions, shorteners, self._tunnels)

    def answer(self, route: Route, request: Request) -> Iterable[bytes] | None:
        """Have the owner of a session answer a request for it.

        Returns:
            The body of the answer; ``None`` if this worker has to answer: the session is its
            own, or is none any more, because its owner has gone or says so.

        Raises:
            Refusal: if the owner does not answer.
        """
        connection = connection_of(request.environ)
        if connection is not None:
            connection.note_door(self._theirs.doors)
        session_id = route.session_id
        if not is_session_id(session_id) or request.method == "OPTIONS":
            return None
        owner = owner_of(session_id)
        if owner == self._bus.name or not self._bus.find(owner):
            return None
        if self._waiting[owner] >= _MOST_WAITING:
            raise _unavailable()
        if connection is not None and self._bus.hands_over_to(owner):
            departure = connection.departure()
            if departure is not None:
                handed_over = self._hand_over(owner, session_id, departure, request.environ)
                if handed_over is not None:
                    return handed_over
        return self._relay(owner, session_id, request)

    def _check_gone(self, owner: str) -> None:
        """Refuse a request that its worker does not answer, unless that has gone.

        Raises:
            Refusal: if the worker is still there.
        """
        if self._bus.find(owner):
            raise _unavailable()

    def _hand_over(
        self, owner: str, session_id: str, departure: Departure, environ: dict[str, Any]
    ) -> Iterable[bytes] | None:
        """Give a connection to a worker; ``None`` if it does not take it."""
        begun = departure.begun()
        handed = HandedOver(session_id, departure.address, departure.place, begun)
        if not departure.encrypted:
            before = sent_so_far(departure.socket)
            try:
                taken = self._give(owner, CONNECTION, handed, departure.socket)
            except BaseException:
                shut_down(departure.socket)  # it may have been taken
                raise
            if taken is None and before is not None and sent_so_far(departure.socket) == before:
                # It may have been taken, but nothing was answered: this worker does that.
                environ["HTTP_CONNECTION"] = "close"
                departure.end_after_answer()
                self._check_gone(owner)
                return None
            if taken is None:
                shut_down(departure.socket)
            return None if taken is False else departure.leave()
        from gevent import socket

        here, there = socket.socketpair()
        with here, there:
            taken = self._give(owner, CONNECTION, handed, there)
            if taken is None:
                self._check_gone(owner)
                return None
            there.close()
            return departure.pass_through(here) if taken else None

    def _relay(self, owner: str, session_id: str, request: Request) -> Iterable[bytes] | None:
        """Relay a request to a worker; ``None`` if that has gone, or does not take it."""
        from ..server.handover.relay import relay
        from ..server.handover.relayed_request import body_at_hand, relayed_head

        environ, start_response = request.environ, request.start_response
        body = body_at_hand(environ)
        begun = relayed_head(environ, target_of(environ), request.upgrade is not None)
        if body:
            begun += body
        stream = self._streams.take(owner)
        if stream is not None and _send(stream, begun):
            self._sessions.counters.note_given(relayed=True)
        else:
            stream = self._new_stream(owner, session_id, begun)
            if stream is None:
                return None
        keep = partial(self._streams.put, owner)
        check = partial(self._check_runs, owner, [])
        answer = relay(environ, start_response, stream, body is not None, keep, check)
        if answer is None and not self._bus.hands_over_to(owner):
            self._check_gone(owner)  # only the stream over the bus is broken
        return answer

    def _check_runs(self, owner: str, missed: list[str]) -> None:
        """Check that a worker runs, which may take long for an answer.

        Nobody knows while Redis is away; then the request waits until that is back.

        Args:
            owner: the name of the worker.
            missed: the same list for all checks of one request; empty at the first one.

        Raises:
            Refusal: if it stands still.
        """
        is_known = monotonic() < self._seen.get(owner, 0.0) + _COUNTS_FOR
        if is_known or not self._bus.reaches(owner):
            return
        try:
            self._ask(owner, RUNS, b"", _SIGN_OF_LIFE)
        except WorkerSilent:
            if not self._bus.reaches(owner):
                return
            raise _unavailable() from None
        except WorkerGone:
            # The end of the stream tells that a worker has gone. If it does not, the worker
            # stands still, and so much waits for it that the bus has given it up.
            if owner not in self._bus.members:
                if missed:
                    raise _unavailable() from None
                missed.append(owner)
            return
        self._seen[owner] = monotonic()

    def _new_stream(self, owner: str, session_id: str, begun: bytes) -> Any:
        """A socket to a worker, which has the begin of a request; ``None`` if that is not taken."""
        from gevent import socket

        if not self._bus.hands_over_to(owner):
            return self._new_tunnel(owner, session_id, begun)
        here, there = socket.socketpair()
        try:
            with there:
                taken = self._give(owner, REQUEST, HandedOver(session_id, "", "", begun), there)
            if taken:
                return here
            if taken is None:
                self._check_gone(owner)
        except BaseException:
            here.close()
            raise
        here.close()
        return None if taken is None else self._new_tunnel(owner, session_id, begun)

    def _new_tunnel(self, owner: str, session_id: str, begun: bytes) -> Any:
        """The same to a worker that no socket can be handed to, as on another machine."""
        from gevent import socket

        name = token_hex(8)
        told = HandedOver(session_id, "", name, begun)
        here, there = socket.socketpair()
        # Before the question: what comes behind its answer must find the stream.
        end = self._tunnels.begin(owner, name, there, self._sessions.loops.here())
        taken, since = False, monotonic()
        try:
            taken = self._ask(owner, TUNNEL, told.encode(), TIMEOUT) == TAKEN
        except WorkerGone:
            self._check_gone(owner)
        except WorkerSilent:
            raise _unavailable() from None
        finally:
            if not taken:
                here.close()
                end.cut()
        if not taken:
            return None
        end.has_begun = True
        if monotonic() >= since + _REPEATING:
            end.ask()  # it may have ended there since the question came first
        self._sessions.counters.note_given(relayed=True)
        return here

    def _ask(self, owner: str, kind: str, body: bytes, timeout: float) -> bytes:
        """Ask a worker, again and again: a question or its answer may be lost on its way.

        Args:
            owner: the name of the worker.
            kind: the kind of the question, which may come more than once.
            body: its body.
            timeout: how many seconds to wait for an answer.

        Raises:
            WorkerGone: if the worker has gone, or does not take it.
            WorkerSilent: if it does not answer.
        """
        for _ in range(int(timeout / _REPEATING) - 1):
            try:
                return self._bus.ask(owner, kind, body, _REPEATING)
            except WorkerSilent:
                continue
        return self._bus.ask(owner, kind, body, _REPEATING)

    def _give(self, owner: str, kind: str, handed: HandedOver, socket: Any) -> bool | None:
        """Hand a socket over; tell whether it was taken, or ``None`` if nobody knows."""
        self._count_waiting(owner, 1)
        try:
            taken = self._bus.hand_over(owner, kind, handed.encode(), socket.fileno(), TIMEOUT)
        except WorkerSilent:
            return None
        finally:
            self._count_waiting(owner, -1)
        if taken:
            self._sessions.counters.note_given(relayed=kind == REQUEST)
        return taken

    def _count_waiting(self, owner: str, change: int) -> None:
        with self._lock:
            self._waiting[owner] += change
            if not self._waiting[owner]:
                del self._waiting[owner]


def _send(stream: Any, begun: bytes) -> bool:
    """Begin to send a request over a socket that was kept; false if its other end is closed."""
    try:
        stream.sendall(begun)
    except OSError:
        stream.close()
        return False
    return True


def _unavailable() -> Refusal:
    text = "the worker of this session does not answer"
    return Refusal("503 Service Unavailable", text, ("Retry-After", "1"))
