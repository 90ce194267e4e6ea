"""Where a request is refused for the page it comes from, or for the name it is sent to."""

from __future__ import annotations

from ..options.hosts import Hosts
from ..options.listener_options import Options
from ..options.origins import Origins, origin_of
from ..refusal import Reason, Refusal
from ..server.http.request import Request
from ..transports.base import Transport
from .authorization import Authorization

__all__ = ["OriginChecks"]

# What browsers make a document of (Fetch Metadata, section 2.1), which could run scripts.
_DOCUMENTS = frozenset(("document", "embed", "fencedframe", "frame", "iframe", "object"))


class OriginChecks:
    """The rules of one listener for hosts and origins.

    Args:
        options: the options of the listener.
        authorization: asks a function of the option ``origins``.

    Attributes:
        origins: the rule of the option ``origins``.
    """

    __slots__ = ("_authorization", "_hosts", "origins")

    def __init__(self, options: Options, authorization: Authorization) -> None:
        self.origins = Origins(options.origins)
        self._hosts = None if options.hosts is None else Hosts(options.hosts)
        self._authorization = authorization

    def check(self, request: Request, transport: Transport | None) -> None:
        """Check where a request comes from and goes to, and note its origin on it.

        Args:
            request: the request.
            transport: the transport that it is for; ``None`` if there is none.

        Raises:
            Refusal: if a page at this origin may not use the resource, or the server may
                not be addressed by this name; or if a browser would show the answer.
        """
        environ = request.environ
        if self._hosts is not None and not self._hosts.include(environ):
            text = f"the host {environ.get('HTTP_HOST')!r:.80} is not in the option 'hosts'"
            # Browsers would send the same again after a 421, which is for another connection.
            raise Refusal("403 Forbidden", text).counted_as(Reason.HOST)
        scripted = transport is not None and transport.scripted and request.method == "GET"
        if not self.origins.allows(environ, scripted, self._authorization.ask_for_origin):
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
