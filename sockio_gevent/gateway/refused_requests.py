"""Requests that are refused: how they are counted and logged."""

from __future__ import annotations

from typing import Final

from ..dialects.base import Route
from ..monitoring.log import short_id
from ..monitoring.statistics import Counters
from ..monitoring.throttled_log import ThrottledLog
from ..mounting.environment_checks import EnvironmentChecks
from ..options.limits import Limits, OverLimit
from ..refusal import Reason, Refusal
from ..server.http.request import Request

__all__ = ["Refusals", "is_question"]

_QUESTION: Final = "ask"  # the query of an address, or how it begins


def is_question(request: Request) -> bool:
    """Whether a client only asks how a GET of this address would be answered; it opens nothing."""
    if request.method != "GET":
        return False
    query = request.environ.get("QUERY_STRING", "")
    return query.startswith(_QUESTION) and query[len(_QUESTION) :][:1] in ("", "&")


class Refusals:
    """The refused requests of one listener.

    Args:
        log: the throttled log of the listener.
        counters: counts the refusals.
        limits: counts the refusals of clients that are over a limit, too.
        environment: knows whether no client can connect at all.
    """

    __slots__ = ("_counters", "_environment", "_limits", "_log")

    def __init__(
        self, log: ThrottledLog, counters: Counters, limits: Limits, environment: EnvironmentChecks
    ) -> None:
        self._log = log
        self._counters = counters
        self._limits = limits
        self._environment = environment

    def note(self, refusal: Refusal, route: Route, request: Request) -> None:
        """Count a refusal and log it."""
        reason = refusal.reason
        self._counters.note_refused(reason)
        line = "refused %r %r from %s (%s): %s"
        place = _place(route)
        said = request.method, place, request.peer, refusal.status, refusal.log_text
        if refusal.is_in_log:
            self._log.debug(reason, line, *said)
        elif isinstance(refusal, OverLimit):
            self._limits.note(refusal.limit, line, *said)
        elif reason is Reason.HUNG_UP or self._environment.refusal or is_question(request):
            # The client has hung up. Or nobody can connect, and that is in the log already. Or
            # the client asks why a request was refused, and that refusal is in the log already.
            self._log.debug(reason, line, *said)
        elif reason is Reason.UNAVAILABLE:
            # Not a mistake of the client.
            self._log.info(reason, line, *said)
        else:
            self._log.warning(reason, line, *said)

    def note_failure(self, error: BaseException, route: Route, request: Request) -> None:
        """Count and log the exception that is being handled, which prevents an answer.

        A server would log it with the address of the request, and so with the session id. It
        would also log it as often as it happens.
        """
        kind = "failed", type(error).__name__
        line = "the answer to %r %r from %s failed"
        self._log.exception(kind, line, request.method, _place(route), request.peer)
        self._counters.note_refused(Reason.FAILURE)


def _place(route: Route) -> str:
    """The address of a request, as the log shows it."""
    return f"{route.name}/{short_id(route.session_id)}"
