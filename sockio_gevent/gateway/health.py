"""The address that load balancers and supervisors ask whether this process takes clients."""

from __future__ import annotations

from ..dialects.base import Route
from ..mounting.environment_checks import EnvironmentChecks
from ..refusal import Refusal
from ..server.http.request import Closing, Request

__all__ = ["Health"]

_NAME = "healthz"


class Health:
    """Answers requests for ``/<resource>/healthz``.

    Everybody may ask: the answer tells nothing else. Probes come every few seconds, so they are
    neither counted nor logged, whatever the answer is.

    Args:
        resource: the option of this name.
        sessions: knows whether the listener is closing.
        environment: knows whether no client can connect at all.
    """

    def __init__(self, resource: str, sessions: Closing, environment: EnvironmentChecks) -> None:
        self._path = f"/{resource}/{_NAME}"
        self._sessions = sessions
        self._environment = environment

    def match(self, path: str, query: str) -> Route | None:
        """Read an address; ``None`` if it is another one."""
        return Route(_NAME, "", "") if path == self._path else None

    def answer(self, route: Route, request: Request) -> list[bytes]:
        """Answer a request: 200 if clients can connect, else 503 with the reason.

        Raises:
            Refusal: if it is neither a GET nor a HEAD.
        """
        if request.method not in ("GET", "HEAD"):
            raise Refusal("405 Method Not Allowed", "GET only", ("Allow", "GET, HEAD"))
        problem = self._problem()
        if problem:
            return request.answer("503 Service Unavailable", f"{problem}\n".encode())
        return request.answer("200 OK", b"ok\n")

    def _problem(self) -> str:
        if self._sessions.closing:
            return "the server is closing"
        refusal = self._environment.refusal
        return "" if refusal is None else refusal.text

    def refusal(self, refusal: Refusal) -> tuple[str, bytes]:
        """The answer to a refused request: its content type and its body."""
        return "text/plain; charset=UTF-8", refusal.text.encode() + b"\n"
