"""How long a server waits for the clients that speak HTTP to it.

A connection has a deadline while the server waits for its client: for the TLS
handshake, for the head of a request, for the client to take an answer. A
connection has no timer of its own: one timer checks the deadlines of all.
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
    """What the server waits for.

    Attributes:
        seconds: how long the server waits; ``None`` for no limit.
        limit: the limit that is exceeded after that; ``None`` for none.
        missing: the text for the log.
    """

    seconds: float | None
    limit: Limit | None = None
    missing: str = ""


class HTTPTimeouts:
    """The timeouts of one server.

    Args:
        options: the options of the listener that is installed on the server.
        log: the log for failures of a deadline.
        limits: counts the clients that take too long.
        throttled_log: the log for TLS handshakes that fail.

    Attributes:
        first: the wait for the first request.
        another: the wait for another request.
        head: the wait for the rest of a head.
        answer: the wait for the client to take an answer.
        step: the most seconds between two checks of a connection; ``None`` for no checks.
        deadlines: the deadlines of the connections, for each hub.
    """

    __slots__ = (
        "_limits",
        "_throttled_log",
        "another",
        "answer",
        "deadlines",
        "first",
        "head",
        "step",
    )

    def __init__(
        self, options: Options, log: Log, limits: Limits, throttled_log: ThrottledLog
    ) -> None:
        handshake, body = options.handshake_timeout, options.body_timeout
        self.first = Awaited(handshake, Limit.HANDSHAKE, "no request")
        self.another = Awaited(options.keepalive_timeout)
        self.head = Awaited(handshake, Limit.HANDSHAKE, "only half a head")
        self.answer = Awaited(body, Limit.BODY_TIME, "an answer was not taken")
        # A deadline that is set between two checks never passes before the second check.
        bounds = [each for each in (handshake, body, options.keepalive_timeout) if each is not None]
        self.step = min(bounds, default=None)
        self.deadlines = PerHub(lambda hub: Deadlines(log.exception))
        self._limits = limits
        self._throttled_log = throttled_log

    def in_time(self, wrap_socket: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a ``wrap_socket``: TLS handshakes get a timeout, and fail without a traceback."""
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
                    self._throttled_log.info("TLS", "no TLS with %s: %s", _name(peer), error)
                else:
                    raise
                # This exception ends a greenlet without a traceback.
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
    # The address of a Unix socket is a string.
    return address[0] if isinstance(address, tuple) else "a local client"


def _peer(socket: Any) -> Any:
    try:
        return socket.getpeername()
    except OSError:
        return None


class ConnectionWatch:
    """Cuts one connection if its client takes too long.

    Args:
        timeouts: the timeouts of the server.
        socket: the gevent socket.
        address: the address of the client.

    Attributes:
        expired: whether it has cut the connection.
        slot: see :class:`~sockio_gevent.hub.deadlines.Deadlines`.
    """

    __slots__ = (
        "_address",
        "_awaited",
        "_deadline",
        "_deadlines",
        "_socket",
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
        self._deadlines = timeouts.deadlines.here()
        self._expect(timeouts.first)
        if timeouts.step is not None:
            self._deadlines.look(self, monotonic() + timeouts.step)

    def request_awaited(self) -> None:
        """Note that the client may send another request."""
        awaited = self._awaited
        if awaited is None or awaited is self._timeouts.answer:
            self._expect(self._timeouts.another)

    def head_begun(self) -> None:
        """Note that the first bytes of a head have come."""
        if self._awaited is self._timeouts.another:
            self._expect(self._timeouts.head)
        elif self._awaited is self._timeouts.first:
            self._awaited = self._timeouts.head  # the deadline stays the same

    def head_read(self) -> None:
        """Note that the whole head has come."""
        self._awaited = None
        self._deadline = None

    def answer_given(self) -> None:
        """Note that an answer is complete, and only the client has to take it."""
        self._expect(self._timeouts.answer)

    def stop(self) -> None:
        """Stop watching: the connection is over, or does not speak HTTP any more."""
        self._deadlines.forget(self)

    def due(self, now: float) -> float | None:
        """Cut the connection if its time is over, or return the time of the next check."""
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
                pass  # the client has gone
        shut_down(self._socket)
