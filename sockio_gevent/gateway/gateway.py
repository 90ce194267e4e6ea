"""The gateway: which requests are for the resource, and who may connect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import gevent

from ..dialects.base import CLIENT_FILE, Dialect, Route
from ..monitoring.reasons import Limit
from ..mounting.environment_checks import EnvironmentChecks
from ..mounting.mount import layers
from ..options.limits import OverLimit
from ..options.listener_options import Context, Options
from ..options.origins import Origins
from ..refusal import Reason
from ..server.http.environ import CONNECTION, connection_of, head_size
from ..server.http.request import Refusal, Request
from ..session.session import Session
from ..session.sessions import Sessions
from ..transports import TRANSPORTS
from ..transports.base import Transport
from ..wire.redact import session_id_pattern
from .authorization import Admitted, Authorization
from .client_file import client_file
from .origin_checks import OriginChecks
from .proxy_headers import believe
from .refused_requests import Refusals, is_question

__all__ = ["Gateway"]

# Not mistakes, but meant for the server around: the client has gone, or this greenlet
# or the program must end. A timeout is meant for middleware that has set it.
_PASSED_ON = OSError, gevent.GreenletExit, SystemExit, KeyboardInterrupt, gevent.Timeout


class Gateway:
    """The WSGI application of a listener.

    Args:
        options: the options of the listener.
        dialects: the dialects that clients may speak.
        sessions: the sessions of the listener.
        environment: the checks of the server and the application around the listener.
        context: the option ``context`` for functions of the application, or ``None``.
        kind: the class of listeners, by which it recognises other listeners.

    Attributes:
        application: the application that gets the requests for other addresses.
    """

    def __init__(
        self,
        options: Options,
        dialects: Sequence[Dialect],
        sessions: Sessions,
        environment: EnvironmentChecks,
        context: Context | None,
        kind: type,
    ) -> None:
        self.application: Any = None
        self._options = options
        self._dialects = dialects
        self._sessions = sessions
        self._kind = kind
        self._environment = environment
        log = sessions.throttled_log
        self._refusals = Refusals(log, sessions.counters, sessions.limits, environment)
        self._authorization = Authorization(options, log, context)
        self._origin_checks = OriginChecks(options, self._authorization)
        # Read now: later there may be no file descriptor left.
        self._client_file = client_file()
        self._session_ids = session_id_pattern((options.resource,))
        self._transports = {
            (dialect, name): TRANSPORTS[name](options, dialect)
            for dialect in dialects
            for name in options.transports
        }

    @property
    def origins(self) -> Origins:
        """The origins that may connect."""
        return self._origin_checks.origins

    @origins.setter
    def origins(self, origins: Origins) -> None:
        self._origin_checks.origins = origins

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer a request, PEP 3333."""
        if not self._environment.seen:
            self._environment.see(environ)
        is_foreign = CONNECTION not in environ
        if is_foreign:
            from ..server.http import odd_requests

            odd_requests.correct(environ, start_response)
        path = environ.get("PATH_INFO", "")
        for dialect in self._dialects:
            route = dialect.match(path)
            if route is not None:
                break
        else:
            return self._pass_on(environ, start_response)
        if is_foreign or environ.get("wsgi.websocket"):
            from ..server.http import other_servers

            try:
                other_servers.adopt(environ, start_response)
                return self._answer(dialect, route, environ, start_response)
            finally:
                other_servers.conceal(environ, start_response, self._session_ids)
        return self._answer(dialect, route, environ, start_response)

    def _answer(
        self,
        dialect: Dialect,
        route: Route,
        environ: dict[str, Any],
        start_response: Callable[..., Any],
    ) -> Iterable[bytes]:
        """Answer a request that is for the resource."""
        request = self._read(environ, start_response)
        try:
            try:
                if route.name == CLIENT_FILE:
                    return self._serve_client_file(request)
                return self._serve(dialect, route, request)
            except Refusal as refusal:
                self._refusals.note(refusal, route, request)
                return request.refuse(refusal, *dialect.refusal(refusal))
        except _PASSED_ON:
            raise
        except BaseException as error:
            self._refusals.note_failure(error, route, request)
            return request.fail(
                Refusal("500 Internal Server Error", "the server has made a mistake")
            )

    def _read(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Request:
        """Make the request from the environ and the headers of trusted proxies."""
        if self._options.trusted_proxies:
            believe(environ, self._options.trusted_proxies)
        return Request(environ, start_response, self._sessions)

    def _pass_on(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Pass a request for another address on to the application."""
        query = environ.get("QUERY_STRING", "")
        self._environment.miss(environ.get("PATH_INFO", ""), query)
        application = self.application
        if application is None:
            return Request(environ, start_response).answer("404 Not Found", b"not found\n")
        connection = connection_of(environ)
        upgrade = None if connection is None else connection.upgrade
        if (
            connection is None
            or upgrade is None
            or any(isinstance(x, self._kind) for x in layers(application))
        ):
            # There may be another listener behind, which decides about the upgrade.
            return application(environ, start_response)  # type: ignore[no-any-return]
        connection.upgrade = None
        return upgrade.run(application, environ, start_response)  # type: ignore[no-any-return]

    def _serve_client_file(self, request: Request) -> list[bytes]:
        if request.method not in ("GET", "HEAD"):
            raise Refusal("405 Method Not Allowed", "GET only", ("Allow", "GET, HEAD"))
        return self._client_file.answer(request)

    def _serve(self, dialect: Dialect, route: Route, request: Request) -> Iterable[bytes]:
        transport = self._admit(dialect, route.name, request)
        request.tail = route.tail
        if request.method not in transport.methods:
            allow = ", ".join((*transport.methods, "OPTIONS"))
            if request.method == "OPTIONS":
                return request.preflight(allow)
            raise Refusal("405 Method Not Allowed", f"use one of {allow}", ("Allow", allow))
        session = self._find(dialect, route, request) if route.session_id else None
        if request.method == "POST":
            if session is None or not transport.accepts_post(route.tail):
                raise Refusal("405 Method Not Allowed", "POST to <id>/send", ("Allow", "GET"))
            return self._take_post(transport, request, session)
        if session is None:
            self._check_open()
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
                self._check_number(sum(not each.is_over for each in session.replaced))
            return transport.downlink(request, lambda: session)
        self._check_head(request)
        self._sessions.quota.check(request.environ)
        admitted = self._authorization.admit(request)
        if self._authorization.asks:
            # Authorization may have taken time. A handshake may take time, too: see _open.
            self._check_room(request)
        if asked:
            return request.answer("200 OK", b"ok")
        return transport.downlink(
            request, lambda: self._open(dialect, route.name, request, admitted)
        )

    def _find(self, dialect: Dialect, route: Route, request: Request) -> Session | None:
        """The session that a request names; ``None`` if the request opens a session after all."""
        authorization = self._authorization
        # Before the session is searched: the time must not tell which session ids exist.
        peer = authorization.peer_of(request) if authorization.binds else None
        session = self._sessions.find(route.session_id)
        if session is None and request.method == "GET":
            opening = dialect.opening(route)
            if opening is not None:
                request.tail = opening.tail
                return None
        if session is None or (
            authorization.binds and not authorization.is_same(session.bound_to, peer)
        ):
            if not is_question(request):
                self._check_open()
            raise self._no_session(session, route.session_id, peer)
        if not session.is_here:
            text = "this session belongs to another server of this program"
            raise Refusal("421 Misdirected Request", text).counted_as(Reason.SESSION)
        return session

    def _check_head(self, request: Request) -> None:
        """Check that the environ is not too large to be kept by a session."""
        most = self._options.max_header_size
        # Our own HTTP handler has checked this already.
        connection = connection_of(request.environ)
        checked = connection is not None and connection.limits_heads
        if checked or head_size(request.environ) <= most:
            return
        text = f"the head of the request has over {most} bytes"
        raise OverLimit(Limit.HEADER_SIZE, "431 Request Header Fields Too Large", text)

    def _take_post(
        self, transport: Transport, request: Request, session: Session
    ) -> Iterable[bytes]:
        # Before the body is read: many waiting requests would take memory.
        self._check_number(session.posts)
        session.posts += 1
        try:
            return transport.uplink(request, session)
        finally:
            session.posts -= 1

    def _check_number(self, under_way: int) -> None:
        """Check that there are not too many requests of a session under way."""
        most = self._options.max_requests_per_session
        if most is not None and under_way >= most:
            text = f"there are {under_way} requests of this session under way already"
            raise OverLimit(Limit.REQUESTS, "429 Too Many Requests", text)

    def _admit(self, dialect: Dialect, name: str, request: Request) -> Transport:
        """The transport of this name, for a request that may use it."""
        transport = self._transports.get((dialect, name))
        self._origin_checks.check(request, transport)
        if transport is None:
            raise Refusal("404 Not Found", f"the transport {name} is not enabled")
        return transport

    def _check_open(self) -> None:
        refusal = self._environment.refusal
        if refusal is not None:
            # A new one, because the same object would keep the traceback of each time.
            raise Refusal(refusal.status, refusal.text)
        if self._sessions.closing:
            raise Refusal("503 Service Unavailable", "the server goes away")

    def _check_room(self, request: Request) -> None:
        """Check that a session may be opened now."""
        self._check_open()
        self._sessions.quota.check(request.environ)

    def _no_session(self, session: Session | None, session_id: str, peer: Any) -> Refusal:
        """The refusal of a request whose session does not exist or belongs to another peer."""
        text = "no such session; it may have timed out"
        ended = self._sessions.recently_ended.find(session_id)
        if ended is not None and (
            not self._authorization.binds or self._authorization.is_same(ended.bound_to, peer)
        ):
            text = ended.why
        refusal = Refusal("404 Not Found", text)
        if session is None:
            return refusal.counted_as(Reason.SESSION)
        # The same answer, so that nobody learns which session ids exist.
        text = "this is not who opened the session, says the option 'same_peer'"
        return refusal.counted_as(Reason.PEER, text)

    def _open(
        self, dialect: Dialect, transport: str, request: Request, admitted: Admitted
    ) -> Session:
        self._check_room(request)
        session = self._sessions.open(dialect, transport, request)
        session.identity, session.bound_to = admitted
        return session

    def open_session(
        self, transport: str, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Session:
        """Begin a session for a client that brings its own downlink.

        Raises:
            Refusal: if the request may not connect.
        """
        dialect = self._dialects[0]
        request = self._read(environ, start_response)
        try:
            self._admit(dialect, transport, request)
            self._check_open()
            admitted = self._authorization.admit(request)
            return self._open(dialect, transport, request, admitted)
        except Refusal as refusal:
            self._refusals.note(refusal, Route(transport, "", ""), request)
            raise
