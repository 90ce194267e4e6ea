"""The namespaces that a session has asked for, and the time in which it must ask for one."""

from __future__ import annotations

from time import monotonic
from typing import Any

from ..dialects.base import Dialect
from ..monitoring.reasons import CloseReason, End, Limit
from ..options.limits import OverLimit
from ..wire.websocket import POLICY_VIOLATION
from .loops import Loop
from .session import Session
from .session_host import SessionHost

__all__ = ["Memberships"]

# Bytes: what a client has sent to connect to a namespace is kept, and counted if it is more.
_MUCH = 1024

# Seconds in which a client may be refused as often as it may be in namespaces.
_REFUSALS = 60.0

# Namespaces that a client is not in any more, and may not know that yet.
_MOST_OUTSIDE = 100


class Memberships(Session):
    """The part of a session that knows which namespaces its client may send to.

    Whether the client is let into them is decided elsewhere.
    """

    __slots__ = ("_connect_by", "_namespaces", "_outside", "_refusals")

    def __init__(
        self,
        host: SessionHost,
        dialect: Dialect,
        session_id: str,
        transport: str,
        environ: dict[str, Any],
    ) -> None:
        super().__init__(host, dialect, session_id, transport, environ)
        # Those that the client has asked for, each with the bytes that are kept of its wish.
        self._namespaces: dict[str, int] | None = None
        # Those that it had to leave, or was refused. It may not know that yet.
        self._outside: dict[str, None] | None = None
        self._refusals: tuple[int, float] | None = None  # how many in a period, and its end
        self._connect_by: float | None = None

    def release(self) -> None:
        """The session has closed: free what it held."""
        self.incoming -= sum((self._namespaces or {}).values())
        self._namespaces = self._outside = None
        super().release()

    def move(self, loop: Loop) -> None:
        """Go on with another loop; see :meth:`Session.move`."""
        super().move(loop)
        # Nothing is incoming any more.
        self._namespaces = self._outside = None

    # --- the time ---

    def _set_deadline(self, seconds: float | None) -> None:
        super()._set_deadline(seconds)
        if self._connect_by is not None and self.ending is None:
            # Otherwise the deadline alone may say when to check again.
            self.loop.deadlines.look(self, self._connect_by)

    def due(self, now: float) -> float | None:
        """The deadline has come: do what is due, and return when to check again."""
        if self._connect_by is not None and now >= self._connect_by:
            seconds = self.host.options.connect_timeout
            # One whose wish waits for handlers may still be refused, and wish for nothing more.
            self._connect_by = now + seconds if self._namespaces else None
            if self._connect_by is None and self.ending is None:
                text = f"it did not connect to a namespace in {seconds:g} s"
                self.end(End(CloseReason.PROTOCOL, text))
        return super().due(now)

    def _next_check(self, now: float) -> float | None:
        check = super()._next_check(now)
        if self._connect_by is None or self.ending is not None:
            return check
        return self._connect_by if check is None else min(check, self._connect_by)

    # --- in and out ---

    def let_in(self, namespace: str) -> None:
        """It has become a client of a namespace, so it may leave all of them again."""
        self._connect_by = None
        if self._outside is not None and namespace in self._outside:
            # It has asked again before the application let its last client leave.
            del self._outside[namespace]
            self._namespaces = {**(self._namespaces or {}), namespace: 0}

    def put_out(self, namespace: str) -> None:
        """It had to leave a namespace, or was refused. What it still sends there is dropped."""
        if self._namespaces is None or namespace not in self._namespaces:
            return
        self._keep_wish(namespace, 0)
        del self._namespaces[namespace]
        if self._outside is None:
            self._outside = {}
        self._outside[namespace] = None
        if len(self._outside) > _MOST_OUTSIDE:
            del self._outside[next(iter(self._outside))]

    def refused(self, namespace: str) -> None:
        """It was refused: that does not count as a namespace. Too many refusals end the session."""
        self.put_out(namespace)
        most, now = self.host.options.max_namespaces_per_session, monotonic()
        count, until = self._refusals or (0, 0.0)
        if now >= until:
            count, until = 0, now + _REFUSALS
        self._refusals = count + 1, until
        if most is not None and count >= most:
            text = f"it has asked for {count + 1} namespaces in vain within {_REFUSALS:g} s"
            self.end(End(CloseReason.LIMIT, text, Limit.NAMESPACES), POLICY_VIOLATION)

    # --- what its client wants ---

    def wants(self, namespace: str, auth: Any, cost: int) -> None:
        """The client wants to connect to a namespace."""
        if self._namespaces is None:
            self._namespaces = {}
        if namespace not in self._namespaces:
            most = self.host.options.max_namespaces_per_session
            if most is not None and len(self._namespaces) >= most:
                text = f"it has asked for over {most} namespaces"
                raise OverLimit(
                    Limit.NAMESPACES, "429 Too Many Requests", text, code=POLICY_VIOLATION
                )
        if self._outside is not None:
            self._outside.pop(namespace, None)
        self._keep_wish(namespace, cost if auth is not None and cost > _MUCH else 0)
        self.handlers.put(self.host.receiver.connect, (namespace, auth), cost)

    def _keep_wish(self, namespace: str, kept: int) -> None:
        """Note that it has asked for a namespace, and count what is kept of its wish."""
        assert self._namespaces is not None
        change = kept - self._namespaces.get(namespace, 0)
        self._namespaces[namespace] = kept
        if change:
            self.take_in(change)

    def asked_for(self, namespace: str) -> bool:
        """Whether the client has asked to connect to this namespace, and has not left it."""
        return (self._namespaces is not None and namespace in self._namespaces) or (
            self._outside is not None and namespace in self._outside
        )

    def has_withdrawn(self, namespace: str) -> bool:
        """Whether the client has left a namespace before it was let in."""
        return self._namespaces is not None and not self.asked_for(namespace)

    def leaves(self, namespace: str, cost: int) -> None:
        """The client leaves a namespace."""
        if self._outside is not None:
            self._outside.pop(namespace, None)
        if self._namespaces is not None and namespace in self._namespaces:
            self._keep_wish(namespace, 0)
            del self._namespaces[namespace]
        self.host.receiver.leaves(self, namespace, cost)
