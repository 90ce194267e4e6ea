"""The gateway: which requests are for the resource, and who may connect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import gevent

from ..cluster.bus import Bus
from ..dialects.base import Dialect, Route
from ..dialects.engineio import EngineIO
from ..dialects.listing import shorteners_of
from ..mounting.environment_checks import EnvironmentChecks
from ..mounting.mount import layers
from ..options.listener_options import Context, Options
from ..options.origins import Origins
from ..server.http.environ import CONNECTION, connection_of
from ..server.http.request import Refusal, Request
from ..session.session import Session
from ..session.sessions import Sessions
from ..transports import transports_of
from .authorization import Authorization
from .classic_requests import ClassicRequests
from .client_files import client_files
from .engineio_requests import EngineIORequests
from .files import Files
from .health import Health
from .origin_checks import OriginChecks
from .other_workers import OtherWorkers
from .proxy_headers import believe
from .refused_requests import Refusals
from .request_checks import RequestChecks

__all__ = ["Gateway"]

# Not mistakes, but meant for the server around: the client has gone, or this greenlet
# or the program must end. A timeout is meant for middleware that has set it; a poll may wait
# for its answer when middleware has returned.
_PASSED_ON = OSError, gevent.GreenletExit, SystemExit, KeyboardInterrupt, gevent.Timeout

# What has addresses below the resource.
_Addressed = Dialect | Files | Health


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
        self._others: OtherWorkers | None = None
        self._kind = kind
        self._environment = environment
        log = sessions.throttled_log
        self._refusals = Refusals(log, sessions.counters, sessions.limits, environment)
        authorization = Authorization(options, log, context)
        self._origin_checks = OriginChecks(options, authorization)
        self._shorteners = shorteners_of(options)
        self._checks = RequestChecks(
            options,
            sessions,
            environment,
            authorization,
            self._origin_checks,
            transports_of(options, dialects),
        )
        answers_itself: list[Files | Health] = [client_files(options)]
        if options.health_check:
            answers_itself.append(Health(options.resource, sessions, environment))
        self._addressed: tuple[_Addressed, ...] = (*dialects, *answers_itself)
        self._requests: dict[Any, ClassicRequests | EngineIORequests | Files | Health] = {
            dialect: _requests_of(dialect, self._checks) for dialect in dialects
        }
        self._requests |= {each: each for each in answers_itself}

    def serve(self, files: Files) -> None:
        """Serve these files, too."""
        self._requests = {**self._requests, files: files}
        self._addressed = (*self._addressed, files)

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
        path, query = environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", "")
        for addressed in self._addressed:
            route = addressed.match(path, query)
            if route is not None:
                break
        else:
            return self._pass_on(environ, start_response)
        if is_foreign or environ.get("wsgi.websocket"):
            from ..server.http import other_servers
            from ..server.http.concealing import conceal, conceal_from_werkzeug

            conceal_from_werkzeug(environ, self._shorteners)
            try:
                other_servers.adopt(environ, start_response)
                return self._answer(addressed, route, environ, start_response)
            finally:
                conceal(environ, start_response, self._shorteners)
        return self._answer(addressed, route, environ, start_response)

    def _answer(
        self,
        addressed: _Addressed,
        route: Route,
        environ: dict[str, Any],
        start_response: Callable[..., Any],
    ) -> Iterable[bytes]:
        """Answer a request that is for the resource."""
        request = self._read(environ, start_response)
        try:
            try:
                if self._sessions.bus is not None:
                    answer = self._answer_of_others(self._sessions.bus, route, request)
                    if answer is not None:
                        return answer
                return self._requests[addressed].answer(route, request)
            except Refusal as refusal:
                self._refusals.note(refusal, route, request)
                return request.refuse(refusal, *addressed.refusal(refusal))
        except _PASSED_ON:
            raise
        except BaseException as error:
            self._refusals.note_failure(error, route, request)
            return request.fail(
                Refusal("500 Internal Server Error", "an error has occurred in the server")
            )

    def _answer_of_others(self, bus: Bus, route: Route, request: Request) -> Iterable[bytes] | None:
        """The answer of another worker; ``None`` if this one has to answer."""
        if self._others is None:
            self._others = OtherWorkers(bus, self, self._sessions, self._shorteners)
        return self._others.answer(route, request)

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

    def open_session(
        self,
        transport: str,
        environ: dict[str, Any],
        start_response: Callable[..., Any],
        dialect_name: str | None = None,
    ) -> Session:
        """Begin a session for a client that brings its own downlink.

        Args:
            transport: the name of the transport.
            environ: the environ of its request.
            start_response: as in WSGI.
            dialect_name: the name of its dialect; ``None`` for the main one.

        Raises:
            Refusal: if the request may not connect.
        """
        wanted = dialect_name or self._dialects[0].name
        dialect = next(each for each in self._dialects if each.name == wanted)
        request = self._read(environ, start_response)
        checks = self._checks
        try:
            if checks.transport(dialect, transport, request) is None:
                raise Refusal("404 Not Found", f"the transport {transport} is not enabled")
            checks.open_for_new()
            return checks.open(dialect, transport, request, checks.admit(request))
        except Refusal as refusal:
            self._refusals.note(refusal, Route(transport, "", ""), request)
            raise


def _requests_of(dialect: Dialect, checks: RequestChecks) -> ClassicRequests | EngineIORequests:
    if isinstance(dialect, EngineIO):
        return EngineIORequests(dialect, checks)
    return ClassicRequests(dialect, checks)  # type: ignore[arg-type]
