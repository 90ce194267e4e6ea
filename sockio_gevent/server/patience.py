"""How long a server waits for the clients that speak HTTP to it.

A connection has a deadline while its client is to do something: to shake hands
for TLS, to send the head of a request, to take an answer. No timer belongs to a
connection: one sweep for all of them looks at each often enough.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from time import monotonic
from typing import Any

import gevent

from ..limits import Limit, Limits
from ..options import Options
from ..sweep import Sweep
from .sockets import shut_down

__all__ = ["ConnectionWatch", "Patience"]

_TOO_LATE = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Awaited(Enum):
    """What a client is to do."""

    NOTHING = "nothing"
    FIRST = "to send a first request"
    NEXT = "to send another request"
    HEAD = "to send the rest of a head"
    ANSWER = "to take an answer"


class Patience:
    """The times of one server.

    Args:
        options: those of the listener that has taken the server over.
        sweep: looks after the connections, and after nothing else.
        limits: where it is noted if a client takes too long.

    Attributes:
        limits: the same.
        sweep: the same.
        times: for each of what may be awaited, how many seconds; ``None`` for ever.
        step: how often a connection is to be looked at, at least; ``None`` for never.
    """

    __slots__ = ("limits", "step", "sweep", "times")

    def __init__(self, options: Options, sweep: Sweep, limits: Limits) -> None:
        self.times = {
            Awaited.NOTHING: None,
            Awaited.FIRST: options.handshake_timeout,
            Awaited.NEXT: options.keepalive_timeout,
            Awaited.HEAD: options.handshake_timeout,
            Awaited.ANSWER: options.body_timeout,
        }
        # No deadline that is set between two looks can pass before the second.
        bounds = [each for each in self.times.values() if each is not None]
        self.step = min(bounds, default=None)
        self.sweep = sweep
        self.limits = limits

    def in_time(self, wrap_socket: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, which shakes hands for TLS, but not for longer than it may take."""
        seconds = self.times[Awaited.HEAD]

        def wrap_in_time(socket: Any, **options: Any) -> Any:
            at_once = options.pop("do_handshake_on_connect", True)
            wrapped = wrap_socket(socket, do_handshake_on_connect=False, **options)
            if not at_once:
                return wrapped
            try:
                with gevent.Timeout(seconds) as running_out:
                    wrapped.do_handshake()
            except BaseException as error:
                if error is running_out:
                    self.note(Limit.HANDSHAKE, _peer(wrapped), "no TLS handshake", seconds)
                    # This ends a greenlet without a traceback.
                    error = gevent.GreenletExit()
                wrapped.close()
                raise error from None
            return wrapped

        return wrap_in_time

    def note(self, limit: Limit, address: Any, what: str, seconds: float | None) -> None:
        """Count that something has taken too long, and log it."""
        # A Unix socket's address is a mere string.
        peer = address[0] if isinstance(address, tuple) else "a local client"
        text = f"{what} within {seconds:g} s"
        self.limits.note(limit, "closed a connection from %s: %s", peer, limit.of(text))


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

    __slots__ = ("_address", "_awaited", "_deadline", "_patience", "_socket", "expired", "slot")

    def __init__(self, patience: Patience, socket: Any, address: Any) -> None:
        self._patience = patience
        self._socket = socket
        self._address = address
        self._awaited = Awaited.NOTHING
        self._deadline: float | None = None
        self.expired = False
        self.slot: int | None = None
        self._expect(Awaited.FIRST)
        if patience.step is not None:
            patience.sweep.look(self, monotonic() + patience.step)

    def request_awaited(self) -> None:
        """From now on the client may send another request."""
        if self._awaited is Awaited.NOTHING or self._awaited is Awaited.ANSWER:
            self._expect(Awaited.NEXT)

    def head_begun(self) -> None:
        """The first bytes of a head have come."""
        if self._awaited is Awaited.NEXT:
            self._expect(Awaited.HEAD)
        elif self._awaited is Awaited.FIRST:
            self._awaited = Awaited.HEAD  # and the time runs on

    def head_read(self) -> None:
        """All of a head has come."""
        self._awaited = Awaited.NOTHING
        self._deadline = None

    def answer_given(self) -> None:
        """All of an answer was made; what is left is for the client to take it."""
        self._expect(Awaited.ANSWER)

    def stop(self) -> None:
        """The connection is over, or no longer one of HTTP."""
        self._patience.sweep.forget(self)

    def due(self, now: float) -> float | None:
        """The sweep asks: cut the connection if it is time, or return when to ask again."""
        deadline, step = self._deadline, self._patience.step
        if deadline is not None and now >= deadline:
            self._expire()
            return None
        again = now + (step or 0.0)
        return again if deadline is None or again < deadline else deadline

    def _expect(self, awaited: Awaited) -> None:
        seconds = self._patience.times[awaited]
        self._awaited = awaited
        self._deadline = None if seconds is None else monotonic() + seconds

    def _expire(self) -> None:
        self.expired = True
        awaited, seconds = self._awaited, self._patience.times[self._awaited]
        if awaited is Awaited.ANSWER:
            self._patience.note(Limit.BODY_TIME, self._address, "an answer was not taken", seconds)
        elif awaited is not Awaited.NEXT:
            what = "no request" if awaited is Awaited.FIRST else "half a head, and no more,"
            self._patience.note(Limit.HANDSHAKE, self._address, what, seconds)
        if awaited is Awaited.HEAD and getattr(self._socket, "_sslobj", None) is None:
            try:
                self._socket._sock.send(_TOO_LATE)
            except OSError:
                pass  # it has gone
        shut_down(self._socket)
