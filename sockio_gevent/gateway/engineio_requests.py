"""How the requests of Engine.IO clients are answered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..dialects.base import Route
from ..dialects.engineio import EngineIO
from ..dialects.engineio_errors import (
    BAD_METHOD,
    BAD_REQUEST,
    UNKNOWN_SESSION,
    UNKNOWN_TRANSPORT,
    EngineIORefusal,
)
from ..monitoring.reasons import CloseReason, End
from ..refusal import Reason, Refusal
from ..server.http.request import Request
from ..session.engineio_session import EngineIOSession
from ..transports.base import Transport
from ..transports.engineio import PollingTransport
from ..transports.engineio_websocket import EngineIOWebSocketTransport
from .authorization import Admitted
from .request_checks import RequestChecks

__all__ = ["EngineIORequests"]

_ALLOWED = "GET, POST, OPTIONS"


class EngineIORequests:
    """Answers requests whose session id stands in the query.

    Args:
        dialect: the dialect.
        checks: the checks of requests.
    """

    def __init__(self, dialect: EngineIO, checks: RequestChecks) -> None:
        self._dialect = dialect
        self._checks = checks

    def answer(self, route: Route, request: Request) -> Iterable[bytes]:
        """Answer a request.

        Raises:
            Refusal: if it is refused.
        """
        checks = self._checks
        transport = checks.transport(self._dialect, route.name, request)
        if route.error is not None:
            raise EngineIORefusal(route.error)
        if transport is None:
            raise EngineIORefusal(UNKNOWN_TRANSPORT, f"{route.name} is not enabled")
        if request.method == "OPTIONS":
            return request.preflight(_ALLOWED)
        request.tail = route.tail
        if route.session_id:
            return self._continue(transport, route, request)
        if request.method != "GET":
            raise EngineIORefusal(BAD_METHOD)
        checks.open_for_new()
        transport.check(request)
        admitted = checks.admit(request)
        return transport.downlink(request, lambda: self._open(route, request, admitted))

    def _open(self, route: Route, request: Request, admitted: Admitted) -> EngineIOSession:
        """Open a session for a request that was admitted."""
        session: Any = self._checks.open(self._dialect, route.name, request, admitted)
        session.text_only = route.tail == "b64"
        return session  # type: ignore[no-any-return]

    def _continue(self, transport: Transport, route: Route, request: Request) -> Iterable[bytes]:
        """Answer a request for a session that it names."""
        session = self._find(route.session_id, request, transport)
        if not isinstance(session, EngineIOSession):
            return session
        if session.upgrade is not None and session.upgrade.catch_up():
            session = self._find(route.session_id, request, transport)  # it may have ended
            if not isinstance(session, EngineIOSession):
                return session
        if isinstance(transport, EngineIOWebSocketTransport):
            if request.method != "GET":
                raise EngineIORefusal(BAD_REQUEST)
            transport.check(request)
            # Those that were closed may wait for the last frame of the client.
            self._checks.number(sum(not each.is_over for each in session.replaced))
            return transport.upgrade(request, session)
        if not session.is_polling:
            raise EngineIORefusal(BAD_REQUEST, "the session goes on with a WebSocket")
        if session.text_only and route.name == "xhr-polling":
            request.tail = "b64"
        if request.method == "GET":
            if session.downlink is not None:
                self._overlap(session, "a poll came while another was waiting")
            transport.check(request)
            return transport.downlink(request, lambda: session)
        if request.method != "POST":
            raise EngineIORefusal(BAD_REQUEST, "use GET or POST")
        if session.posts:
            self._overlap(session, "a POST came while another was read")
        session.posts += 1
        try:
            return transport.uplink(request, session)
        finally:
            session.posts -= 1

    def _find(
        self, session_id: str, request: Request, transport: Transport
    ) -> EngineIOSession | Iterable[bytes]:
        """The session that a request names, or the answer if it has ended a moment ago."""
        found: Any = self._checks.find(self._dialect, session_id, request)
        if isinstance(found, Refusal):
            if request.method == "GET" and isinstance(transport, PollingTransport):
                farewell = self._checks.farewell(session_id, found)
                if farewell:
                    transport.check(request)
                    return transport.farewell(request, farewell)
            if found.reason not in (Reason.SESSION, Reason.PEER) or found.status[:3] == "421":
                raise found
            raise EngineIORefusal(UNKNOWN_SESSION).counted_as(found.reason, found.log_text)
        session: EngineIOSession = found
        # A POST may bring the sign of life that the server was too busy to read in time.
        excused = request.method == "POST" and session.loop.deadlines.stalled
        if session.is_overdue and not excused:
            session.heartbeat_lost()
            raise EngineIORefusal(UNKNOWN_SESSION).counted_as(Reason.SESSION)
        return session

    def _overlap(self, session: EngineIOSession, text: str) -> None:
        """End a session whose client sends two requests of one kind at once."""
        session.end(End(CloseReason.PROTOCOL, f"protocol error: {text}"))
        raise EngineIORefusal(BAD_REQUEST, text)
