"""What every request for the resource is checked for, whatever its dialect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..compiled import mypyc_attr
from ..dialects.base import Dialect
from ..monitoring.reasons import Limit
from ..mounting.environment_checks import EnvironmentChecks
from ..options.limits import OverLimit
from ..options.listener_options import Options
from ..refusal import Reason
from ..server.http.environ import connection_of, head_size
from ..server.http.request import Refusal, Request
from ..session.session import Session
from ..session.sessions import Sessions
from ..transports.base import Transport
from ..wire.packet import Packet
from .authorization import Admitted, Authorization
from .origin_checks import OriginChecks

__all__ = ["RequestChecks"]


@mypyc_attr(native_class=False)
class NoSession(Refusal):
    """The refusal of a request whose session does not exist or belongs to another peer.

    Args:
        text: what is wrong.
        is_owed: whether the peer may take what is left of a session that has ended.

    Attributes:
        is_owed: the same as given.
    """

    def __init__(self, text: str, is_owed: bool) -> None:
        super().__init__("404 Not Found", text)
        self.is_owed = is_owed


class RequestChecks:
    """The checks of one listener. Each raises a :class:`Refusal`.

    Args:
        options: the options of the listener.
        sessions: the sessions of the listener.
        environment: the checks of the server and the application around the listener.
        authorization: who may connect.
        origin_checks: which pages may connect.
        transports: the enabled transports, by their dialects and names.
    """

    def __init__(
        self,
        options: Options,
        sessions: Sessions,
        environment: EnvironmentChecks,
        authorization: Authorization,
        origin_checks: OriginChecks,
        transports: Mapping[tuple[Dialect, str], Transport],
    ) -> None:
        self._options = options
        self._sessions = sessions
        self._environment = environment
        self._authorization = authorization
        self._origin_checks = origin_checks
        self._transports = transports

    def transport(self, dialect: Dialect, name: str, request: Request) -> Transport | None:
        """The transport of this name for a request whose origin may use it.

        ``None`` if it is not enabled.
        """
        transport = self._transports.get((dialect, name))
        self._origin_checks.check(request, transport)
        return transport

    def open_for_new(self) -> None:
        """Check that new sessions may begin."""
        refusal = self._environment.refusal
        if refusal is not None:
            # A new one, because the same object would keep the traceback of each time.
            raise Refusal(refusal.status, refusal.text)
        if self._sessions.closing:
            raise Refusal("503 Service Unavailable", "the server goes away")

    def admit(self, request: Request) -> Admitted:
        """Check that a request may open a session; may block."""
        self._head(request)
        self._sessions.quota.check(request.environ)
        admitted = self._authorization.admit(request)
        if self._authorization.asks:
            # Authorization may have taken time. A handshake may take time, too: see open.
            self.room(request)
        return admitted

    def room(self, request: Request) -> None:
        """Check that one more session may be opened now."""
        self.open_for_new()
        self._sessions.quota.check(request.environ)

    def open(
        self, dialect: Dialect, transport: str, request: Request, admitted: Admitted
    ) -> Session:
        """Open a session for a request that was admitted."""
        self.room(request)
        session = self._sessions.open(dialect, transport, request)
        session.identity, session.bound_to = admitted
        return session

    def find(self, dialect: Dialect, session_id: str, request: Request) -> Session | Refusal:
        """The session that a request names, or the refusal if there is none for this peer."""
        authorization = self._authorization
        # Before the session is searched: the time must not tell which session ids exist.
        peer = authorization.peer_of(request) if authorization.binds else None
        session = self._sessions.by_id.get(session_id)
        is_here = session is not None and session.is_here
        if not is_here:
            session = self._sessions.find(session_id)
        if session is not None and session.dialect is not dialect:
            session = None
        if session is None or (
            authorization.binds and not authorization.is_same(session.bound_to, peer)
        ):
            return self._no_session(session, session_id, peer)
        if not is_here and not session.is_here:
            text = "this session belongs to another server of this program"
            return Refusal("421 Misdirected Request", text).counted_as(Reason.SESSION)
        return session

    def _no_session(self, session: Session | None, session_id: str, peer: Any) -> Refusal:
        """The refusal of a request whose session does not exist or belongs to another peer."""
        text = "no such session; it may have timed out"
        ended = self._sessions.recently_ended.find(session_id)
        if ended is not None and (
            self._authorization.binds and not self._authorization.is_same(ended.bound_to, peer)
        ):
            ended = None  # it was a session of somebody else
        if ended is None:
            refusal = NoSession(text, is_owed=False)
        else:
            refusal = NoSession(ended.why, is_owed=bool(ended.farewell))
        if session is None:
            return refusal.counted_as(Reason.SESSION)
        # The same answer, so that nobody learns which session ids exist.
        text = "another peer has opened the session (option 'same_peer')"
        return refusal.counted_as(Reason.PEER, text)

    def farewell(self, session_id: str, refusal: Refusal) -> Sequence[Packet]:
        """What is left for the client of a session that has ended; empty for another peer.

        Args:
            session_id: the id of the session.
            refusal: what :meth:`find` has returned.
        """
        if not isinstance(refusal, NoSession) or not refusal.is_owed:
            return ()
        return self._sessions.recently_ended.take_farewell(session_id)

    def number(self, under_way: int) -> None:
        """Check that there are not too many requests of a session under way."""
        most = self._options.max_requests_per_session
        if most is not None and under_way >= most:
            text = f"there are {under_way} requests of this session under way already"
            raise OverLimit(Limit.REQUESTS, "429 Too Many Requests", text)

    def _head(self, request: Request) -> None:
        """Check that the environ is not too large to be kept by a session."""
        most = self._options.max_header_size
        # Our own HTTP handler has checked this already.
        connection = connection_of(request.environ)
        checked = connection is not None and connection.limits_heads
        if checked or head_size(request.environ) <= most:
            return
        text = f"the head of the request has over {most} bytes"
        raise OverLimit(Limit.HEADER_SIZE, "431 Request Header Fields Too Large", text)
