"""How the requests of classic clients are answered."""

from __future__ import annotations

from collections.abc import Iterable

from ..dialects.base import Route
from ..dialects.classic import Classic
from ..refusal import Reason
from ..server.http.request import Refusal, Request
from ..session.session import Session
from ..transports.base import Transport
from ..transports.classic import ClassicTransport
from .refused_requests import is_question
from .request_checks import RequestChecks

__all__ = ["ClassicRequests"]


class ClassicRequests:
    """Answers requests whose session id stands in the path.

    Args:
        dialect: the classic dialect.
        checks: the checks of requests.
    """

    def __init__(self, dialect: Classic, checks: RequestChecks) -> None:
        self._dialect = dialect
        self._checks = checks

    def answer(self, route: Route, request: Request) -> Iterable[bytes]:
        """Answer a request.

        Raises:
            Refusal: if it is refused.
        """
        checks = self._checks
        transport = checks.transport(self._dialect, route.name, request)
        if transport is None:
            raise Refusal("404 Not Found", f"the transport {route.name} is not enabled")
        request.tail = route.tail
        if request.method not in transport.methods:
            allow = ", ".join((*transport.methods, "OPTIONS"))
            if request.method == "OPTIONS":
                return request.preflight(allow)
            raise Refusal("405 Method Not Allowed", f"use one of {allow}", ("Allow", allow))
        session = self._find(route, request) if route.session_id else None
        if request.method == "POST":
            if session is None or not _takes_post(transport, route.tail):
                raise Refusal("405 Method Not Allowed", "POST to <id>/send", ("Allow", "GET"))
            return self._take_post(transport, request, session)
        if session is None:
            checks.open_for_new()
        asked = is_question(request)
        if asked and session is not None:
            return request.answer("200 OK", b"ok")
        if asked:
            # For functions of the application with side effects: no session will be opened.
            request.environ["sockio_gevent.question"] = True
        else:
            transport.check(request)
        if session is not None:
            if session.replaced:
                checks.number(sum(not each.is_over for each in session.replaced))
            return transport.downlink(request, lambda: session)
        admitted = checks.admit(request)
        if asked:
            return request.answer("200 OK", b"ok")
        return transport.downlink(
            request, lambda: checks.open(self._dialect, route.name, request, admitted)
        )

    def _find(self, route: Route, request: Request) -> Session | None:
        """The session that a request names; ``None`` if the request opens a session after all."""
        found = self._checks.find(self._dialect, route.session_id, request)
        if isinstance(found, Session):
            return found
        if found.reason is Reason.SESSION and request.method == "GET":
            opening = self._dialect.opening(route)
            if opening is not None:
                request.tail = opening.tail
                return None
        if not is_question(request):
            self._checks.open_for_new()
        raise found

    def _take_post(
        self, transport: Transport, request: Request, session: Session
    ) -> Iterable[bytes]:
        # Before the body is read: many waiting requests would take memory.
        self._checks.number(session.posts)
        session.posts += 1
        try:
            return transport.uplink(request, session)
        finally:
            session.posts -= 1


def _takes_post(transport: Transport, tail: str) -> bool:
    """Whether messages may be posted to an address of this transport with this end."""
    return isinstance(transport, ClassicTransport) and transport.accepts_post(tail)
