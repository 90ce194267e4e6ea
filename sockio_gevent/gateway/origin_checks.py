"""Requests are refused here because of their origin or their host name."""

from __future__ import annotations

from typing import Final

from ..options.hosts import Hosts
from ..options.listener_options import Options
from ..options.origins import Origins, origin_of
from ..refusal import Reason, Refusal
from ..server.http.request import Request
from ..transports.base import Transport
from .authorization import Authorization

__all__ = ["OriginChecks"]

# Destinations for which browsers make a document, which could run scripts (Fetch Metadata,
# section 2.1).
_DOCUMENTS: Final = frozenset(("document", "embed", "fencedframe", "frame", "iframe", "object"))


class OriginChecks:
    """The rules of one listener for hosts and origins.

    Args:
        options: the options of the listener.
        authorization: calls the function of the option ``origins``, if it is one.

    Attributes:
        origins: the rule of the option ``origins``.
    """

    __slots__ = ("_ask", "_hosts", "origins")

    def __init__(self, options: Options, authorization: Authorization) -> None:
        self.origins = Origins(options.origins)
        self._hosts = None if options.hosts is None else Hosts(options.hosts)
        self._ask = authorization.ask_for_origin

    def check(self, request: Request, transport: Transport | None) -> None:
        """Check the origin and the host of a request, and set ``request.origin``.

        Args:
            request: the request.
            transport: its transport; ``None`` if there is no such transport.

        Raises:
            Refusal: if its origin or its host is not allowed, or if a browser would show
                the answer as a page.
        """
        environ = request.environ
        if self._hosts is not None and not self._hosts.include(environ):
            text = f"the host {environ.get('HTTP_HOST')!r:.80} is not in the option 'hosts'"
            # Not a 421: browsers would send the request again on another connection.
            raise Refusal("403 Forbidden", text).counted_as(Reason.HOST)
        scripted = transport is not None and transport.scripted and request.method == "GET"
        if not self.origins.allows(environ, scripted, self._ask):
            origin = f"{origin_of(environ, scripted)!r:.80}"
            text = f"the origin {origin} is not in the option 'origins'"
            raise Refusal("403 Forbidden", text).counted_as(Reason.ORIGIN)
        request.origin = environ.get("HTTP_ORIGIN")
        if transport is None:
            return
        goes_to = environ.get("HTTP_SEC_FETCH_DEST")
        if goes_to in _DOCUMENTS and (goes_to, request.method) != ("iframe", transport.framed):
            text = f"{transport.name} is for scripts, not to be opened as a page"
            raise Refusal("403 Forbidden", text)
