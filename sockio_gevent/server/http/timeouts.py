"""How long a server waits for the clients that speak HTTP to it.

A connection has a deadline while its client is to do something: to shake hands
for TLS, to send the head of a request, to take an answer. No timer belongs to a
connection: one sweep for all of them looks at each often enough.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any, NamedTuple

import gevent

from ...hub.deadlines import Deadlines
from ...hub.gevent_private import bare_socket, is_encrypted
from ...hub.per_hub import PerHub
from ...monitoring.log import Log
from ...monitoring.reasons import Limit
from ...monitoring.throttled_log import ThrottledLog
from ...options.limits import Limits
from ...options.listener_options import Options
from ..stream.sockets import shut_down

__all__ = ["ConnectionWatch", "HTTPTimeouts"]

_TOO_LATE = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Awaited(NamedTuple):
    """What a client is to do.

    Attributes:
        seconds: how long it is waited for; ``None`` for ever.
        limit: what is exceeded if it does not do it; ``None`` for nothing.
        missing: what the log says then.
    """

    seconds: float | None
    limit: Limit | None = None
    missing: str = ""


class HTTPTimeouts:
    """The times of one server.

    Args:
        options: those of the listener that has taken the server over.
        log: where a failure of a deadline is reported.
        limits: where it is noted if a client takes too long.
        complaints: where it is said if a TLS handshake fails.

    Attributes:
        first: a client is to send a first request.
        another: it may send another one.
        head: it is to send the rest of a head.
        answer: it is to take an answer.
        step: how often a connection is to be looked at, at least; ``None`` for never.
        sweeps: of each hub, what looks after its connections.
    """

    __slots__ = (
        "_complaints",
        "_limits",
        "another",
        "answer",
        "deadlines",
        "first",
        "head",
        "step",
    )

    def __init__(
        self, options: Options, log: Log, limits: Limits, complaints: ThrottledLog
    ) -> None:
        handshake, body = options.handshake_timeout, options.body_timeout
        self.first = Awaited(handshake, Limit.HANDSHAKE, "no request")
        self.another = Awaited(options.keepalive_timeout)
        self.head = Awaited(handshake, Limit.HANDSHAKE, "half a head, and no more,")
        self.answer = Awaited(body, Limit.BODY_TIME, "an answer was not taken")
        # No deadline that is set between two looks can pass before the second.
        bounds = [each for each in (handshake, body, options.keepalive_timeout) if each is not None]
        self.step = min(bounds, default=None)
        self.deadlines = PerHub(lambda hub: Deadlines(log.exception))
        self._limits = limits
        self._complaints = complaints

    def in_time(self, wrap_socket: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, whose handshakes end in time, and fail without a traceback."""
        tls = self.first._replace(missing="no TLS handshake")

        def wrap_in_time(socket: Any, **options: Any) -> Any:
            at_once = options.pop("do_handshake_on_connect", True)
            peer, wrapped, running_out = _peer(socket), None, None
            try:
                wrapped = wrap_socket(socket, do_handshake_on_connect=False, **options)
                if at_once:
                    with gevent.Timeout(tls.seconds) as running_out:
                        wrapped.do_handshake()
                return wrapped
            except BaseException as error:
                (wrapped or socket).close()
                if error is running_out:
                    self.note(tls, peer)
                elif isinstance(error, OSError):
                    self._complaints.info("TLS", "no TLS with %s: %s", _name(peer), error)
                else:
                    raise
                # This ends a greenlet without a traceback.
                raise gevent.GreenletExit from None

        return wrap_in_time

    def note(self, awaited: Awaited, address: Any) -> None:
        """Count that a client has taken too long, and log it."""
        if awaited.limit is None:
            return
        text = awaited.limit.of(f"{awaited.missing} within {awaited.seconds:g} s")
        self._limits.note(awaited.limit, "closed a connection from %s: %s", _name(address), text)


def _name(address: Any) -> Any:
    if address is None:
        return "a client that has gone"
    # A Unix socket's address is a mere string.
    return address[0] if isinstance(address, tuple) else "a local client"


def _peer(socket: Any) -> Any:
    try:
        return socket.getpeername()
    except OSError:
        return None


class ConnectionWatch:
    """Cuts one connection whose client takes too long.

    Args:
        patience: the times.
        socket: the gevent socket.
        address: of the client.

    Attributes:
        expired: whether it has cut the connection.
        slot: where the sweep has put it.
    """

    __slots__ = (
        "_address",
        "_awaited",
        "_deadline",
        "_socket",
        "_sweep",
        "_timeouts",
        "expired",
        "slot",
    )

    def __init__(self, timeouts: HTTPTimeouts, socket: Any, address: Any) -> None:
        self._timeouts = timeouts
        self._socket = socket
        self._address = address
        self._awaited: Awaited | None = None
        self._deadline: float | None = None
        self.expired = False
        self.slot: int | None = None
        self._sweep = timeouts.deadlines.here()
        self._expect(timeouts.first)
        if timeouts.step is not None:
            self._sweep.look(self, monotonic() + timeouts.step)

    def request_awaited(self) -> None:
        """From now on the client may send another request."""
        awaited = self._awaited
        if awaited is None or awaited is self._timeouts.answer:
            self._expect(self._timeouts.another)

    def head_begun(self) -> None:
        """The first bytes of a head have come."""
        if self._awaited is self._timeouts.another:
            self._expect(self._timeouts.head)
        elif self._awaited is self._timeouts.first:
            self._awaited = self._timeouts.head  # and the time runs on

    def head_read(self) -> None:
        """All of a head has come."""
        self._awaited = None
        self._deadline = None

    def answer_given(self) -> None:
        """All of an answer was made; what is left is for the client to take it."""
        self._expect(self._timeouts.answer)

    def stop(self) -> None:
        """The connection is over, or no longer one of HTTP."""
        self._sweep.forget(self)

    def due(self, now: float) -> float | None:
        """The sweep asks: cut the connection if it is time, or return when to ask again."""
        deadline, step = self._deadline, self._timeouts.step
        if deadline is not None and now >= deadline:
            self._expire()
            return None
        again = now + (step or 0.0)
        return again if deadline is None or again < deadline else deadline

    def _expect(self, awaited: Awaited) -> None:
        self._awaited = awaited
        self._deadline = None if awaited.seconds is None else monotonic() + awaited.seconds

    def _expire(self) -> None:
        self.expired = True
        if self._awaited is not None:
            self._timeouts.note(self._awaited, self._address)
        if self._awaited is self._timeouts.head and not is_encrypted(self._socket):
            try:
                bare_socket(self._socket).send(_TOO_LATE)
            except OSError:
                pass  # it has gone
        shut_down(self._socket)
