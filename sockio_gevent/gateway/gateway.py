"""Where requests come in: which of them are for the resource, and who may connect."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import gevent

from ..dialects import classic_addresses
from ..monitoring.log import Log
from ..monitoring.reasons import Limit
from ..monitoring.statistics import Counters
from ..mounting import mount
from ..mounting.environment_checks import EnvironmentChecks
from ..options.hosts import Hosts
from ..options.limits import Limits, OverLimit
from ..options.listener_options import Context, Options
from ..options.origins import Origins, origin_of
from ..refusal import Reason
from ..server.http.environ import head_size
from ..server.http.request import Refusal, Request
from ..session.recently_ended import RecentlyEnded
from ..transports import TRANSPORTS
from ..transports.base import Session, Transport
from ..wire.redact import session_id_pattern
from .authorization import Admitted, Authorization
from .client_file import client_file
from .proxy_headers import believe
from .refused_requests import Refusals, is_question
from .session_quota import SessionQuota

__all__ = ["Gateway", "Sessions"]

# What browsers make a document of (Fetch Metadata, section 2.1), which could run scripts.
_DOCUMENTS = frozenset(("document", "embed", "fencedframe", "frame", "iframe", "object"))

# What is no mistake, but meant for the server around: the client has gone, or this
# greenlet, or the program, is to end; or for middleware that has set a time limit.
_PASSED_ON = OSError, gevent.GreenletExit, SystemExit, KeyboardInterrupt, gevent.Timeout


class Sessions(Protocol):
    """What the entrance asks of who keeps the sessions.

    Attributes:
        closing: whether no new sessions may begin.
        counters: where refusals are counted.
        limits: where it is counted, too, if somebody is over a limit.
        census: says whether there is room for one more session.
        context: what functions of the application are called in.
        departed: says why sessions have ended.
    """

    closing: bool
    counters: Counters
    limits: Limits
    quota: SessionQuota
    context: Context | None
    recently_ended: RecentlyEnded

    def find(self, session_id: str) -> Session | None:
        """The live session of this id."""

    def open(self, transport: str, request: Request) -> Session:
        """Begin a session for a request that was admitted."""


class Gateway:
    """The WSGI application of a listener.

    Args:
        options: the options of the listener.
        log: the log of the listener.
        sessions: who keeps the sessions.
        surroundings: what the listener has around it.

    Attributes:
        application: what gets the requests that are not for the resource.
        origins: the rule of who may connect.
    """

    def __init__(
        self, options: Options, log: Log, sessions: Sessions, environment: EnvironmentChecks
    ) -> None:
        self.application: Any = None
        self.origins = Origins(options.origins)
        self._hosts = None if options.hosts is None else Hosts(options.hosts)
        self._options = options
        self._refusals = Refusals(log, sessions, environment)
        self._sessions = sessions
        self._environment = environment
        self._authorization = Authorization(options, log, sessions)
        # Read at once: later there may be no file descriptor left for that.
        self._client_file = client_file()
        self._session_ids = session_id_pattern((options.resource,))
        self._transports = {name: TRANSPORTS[name](options, log) for name in options.transports}

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer a request, PEP 3333."""
        if not self._environment.seen:
            self._environment.see(environ)
        is_foreign = "sockio_gevent.socket" not in environ
        if is_foreign:
            from ..server.http import odd_requests

            odd_requests.correct(environ, start_response)
        route = classic_addresses.match(self._options.resource, environ.get("PATH_INFO", ""))
        if route is None:
            return self._pass_on(environ, start_response)
        if is_foreign or environ.get("wsgi.websocket"):
            from ..server.http import other_servers

            try:
                other_servers.adopt(environ, start_response)
                return self._answer(route, environ, start_response)
            finally:
                other_servers.conceal(environ, start_response, self._session_ids)
        return self._answer(route, environ, start_response)

    def _answer(
        self,
        route: classic_addresses.Route,
        environ: dict[str, Any],
        start_response: Callable[..., Any],
    ) -> Iterable[bytes]:
        """Answer a request that is for the resource."""
        request = self._read(environ, start_response)
        try:
            try:
                if route.name == classic_addresses.CLIENT_FILE:
                    return self._serve_client_file(request)
                return self._serve(route, request)
            except Refusal as refusal:
                self._refusals.note(refusal, route, request)
                return request.refuse(refusal)
        except _PASSED_ON:
            raise
        except BaseException as error:
            self._refusals.note_failure(error, route, request)
            return request.fail(
                Refusal("500 Internal Server Error", "the server has made a mistake")
            )

    def _read(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Request:
        """Make a request of what the server gives, and trusted proxies say."""
        if self._options.trusted_proxies:
            believe(environ, self._options.trusted_proxies)
        return Request(environ, start_response, self._sessions)

    def _pass_on(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Give the application behind a request that is not ours."""
        query = environ.get("QUERY_STRING", "")
        self._environment.miss(environ.get("PATH_INFO", ""), query)
        application = self.application
        if application is None:
            return Request(environ, start_response).answer("404 Not Found", b"not found\n")
        upgrade = environ.get("sockio_gevent.upgrade")
        kind = type(self._sessions)
        if upgrade is None or any(isinstance(x, kind) for x in mount.layers(application)):
            # There may be a listener behind, and it is for that one to decide.
            return application(environ, start_response)  # type: ignore[no-any-return]
        del environ["sockio_gevent.upgrade"]
        return upgrade.run(application, environ, start_response)  # type: ignore[no-any-return]

    def _serve_client_file(self, request: Request) -> list[bytes]:
        if request.method not in ("GET", "HEAD"):
            raise Refusal("405 Method Not Allowed", "GET only", ("Allow", "GET, HEAD"))
        return self._client_file.answer(request)

    def _serve(self, route: classic_addresses.Route, request: Request) -> Iterable[bytes]:
        transport = self._admit(route.name, request)
        request.tail = route.tail
        if request.method not in transport.methods:
            allow = ", ".join((*transport.methods, "OPTIONS"))
            if request.method == "OPTIONS":
                return request.preflight(allow)
            raise Refusal("405 Method Not Allowed", f"use one of {allow}", ("Allow", allow))
        session = self._find(route, request) if route.session_id else None
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
            # For functions of the application that do more than to answer.
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
        # Looked at once more: to be asked whom to let in may take time, and so may a handshake.
        self._check_open()
        self._sessions.quota.check(request.environ)
        if asked:
            return request.answer("200 OK", b"ok")
        return transport.downlink(request, lambda: self._open(route.name, request, admitted))

    def _find(self, route: classic_addresses.Route, request: Request) -> Session | None:
        """The session that a request goes on with; ``None`` if it is to open one after all."""
        authorization = self._authorization
        # Asked before anyone looks: how long it takes must not tell which ids there are.
        peer = authorization.peer_of(request) if authorization.binds else None
        session = self._sessions.find(route.session_id)
        if session is None and request.method == "GET":
            opening = classic_addresses.with_merged_slashes(route)
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
        """Check that the session will not keep too large an environ."""
        most = self._options.max_header_size
        # Where requests are read by our own handler, it has done so.
        if "sockio_gevent.answer_given" in request.environ or head_size(request.environ) <= most:
            return
        text = f"the head of the request has over {most} bytes"
        raise OverLimit(Limit.HEADER_SIZE, "431 Request Header Fields Too Large", text)

    def _take_post(
        self, transport: Transport, request: Request, session: Session
    ) -> Iterable[bytes]:
        # Before the body is read: many that wait would take memory.
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

    def _admit(self, name: str, request: Request) -> Transport:
        """The transport of this name, for a request that may use it."""
        environ = request.environ
        if self._hosts is not None and not self._hosts.include(environ):
            text = f"the host {environ.get('HTTP_HOST')!r:.80} is not in the option 'hosts'"
            # Browsers would send the same again after a 421, which is for another connection.
            raise Refusal("403 Forbidden", text).counted_as(Reason.HOST)
        transport = self._transports.get(name)
        scripted = transport is not None and transport.scripted and request.method == "GET"
        if not self.origins.allows(environ, scripted, self._authorization.ask_for_origin):
            origin = f"{origin_of(environ, scripted)!r:.80}"
            text = f"the origin {origin} is not in the option 'origins'"
            raise Refusal("403 Forbidden", text).counted_as(Reason.ORIGIN)
        request.origin = environ.get("HTTP_ORIGIN")
        if transport is None:
            raise Refusal("404 Not Found", f"the transport {name} is not enabled")
        goes_to = environ.get("HTTP_SEC_FETCH_DEST")
        if goes_to in _DOCUMENTS and (goes_to, request.method) != ("iframe", transport.framed):
            raise Refusal("403 Forbidden", f"{name} is for scripts, not to be opened as a page")
        return transport

    def _check_open(self) -> None:
        refusal = self._environment.refusal
        if refusal is not None:
            # Not the same again and again: it would keep the traceback of each time.
            raise Refusal(refusal.status, refusal.text)
        if self._sessions.closing:
            raise Refusal("503 Service Unavailable", "the server goes away")

    def _no_session(self, session: Session | None, session_id: str, peer: Any) -> Refusal:
        """What a request for no session, or for somebody else's, is refused with."""
        text = "no such session; it may have timed out"
        departure = self._sessions.recently_ended.find(session_id)
        if departure is not None and (
            not self._authorization.binds or self._authorization.is_same(departure.bound_to, peer)
        ):
            text = departure.why
        refusal = Refusal("404 Not Found", text)
        if session is None:
            return refusal.counted_as(Reason.SESSION)
        # Answered in the same way, so that nobody learns which ids there are.
        text = "this is not who opened the session, says the option 'same_peer'"
        return refusal.counted_as(Reason.PEER, text)

    def _open(self, transport: str, request: Request, admitted: Admitted) -> Session:
        self._check_open()
        self._sessions.quota.check(request.environ)
        session = self._sessions.open(transport, request)
        session.identity, session.bound_to = admitted
        return session

    def open_session(
        self, transport: str, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Session:
        """Begin a session for who brings a downlink of its own.

        Raises:
            Refusal: if the request may not connect.
        """
        request = self._read(environ, start_response)
        try:
            self._admit(transport, request)
            self._check_open()
            return self._open(transport, request, self._authorization.admit(request))
        except Refusal as refusal:
            self._refusals.note(refusal, classic_addresses.Route(transport, "", ""), request)
            raise
