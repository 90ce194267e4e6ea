"""Authorization: the functions of an application decide who may connect.

They are called here, inside the option ``context``. The answer becomes a refusal
or an :class:`Admitted`. The gateway decides when they are called.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from inspect import isawaitable, isgenerator
from typing import Any, NamedTuple

import gevent
from gevent.event import AsyncResult

from ..monitoring.throttled_log import ThrottledLog
from ..options.listener_options import Context, Options
from ..options.origins import Environ, OriginCheck
from ..options.same_peer import are_same_peer, peer_rule
from ..refusal import Reason, Refusal
from ..server.http.environ import kept, peer_name
from ..server.http.request import Request
from ..server.stream.hang_up import has_hung_up

__all__ = ["Admitted", "Authorization"]


class Admitted(NamedTuple):
    """What the application says of a client that may connect.

    Attributes:
        identity: the identity of the client, from the option ``authorize``.
        peer: the peer of the request, from the option ``same_peer``. Later requests of the
            session must have the same.
    """

    identity: Any = None
    peer: Any = None


_ANYONE = Admitted()


class Authorization:
    """The options ``authorize`` and ``same_peer`` of one listener, and functions as ``origins``.

    Args:
        options: the options of the listener.
        log: the throttled log of the listener: clients may make a function fail again
            and again.
        context: the option ``context``: functions are called inside it. ``None`` if
            there is none.

    Attributes:
        asks: whether functions of the application are called, which may take time.
        binds: whether sessions are bound to the peer that has opened them.
    """

    __slots__ = ("_authorize", "_context", "_log", "_peer", "asks", "binds")

    def __init__(self, options: Options, log: ThrottledLog, context: Context | None) -> None:
        self._authorize = options.authorize
        self._peer = None if options.same_peer is None else self._peer_by(options.same_peer)
        self.binds = self._peer is not None
        self.asks = self._authorize is not None or callable(options.same_peer)
        self._log = log
        self._context = context

    def _peer_by(self, same_peer: str | Callable[..., Any]) -> Callable[[Request], Any]:
        if isinstance(same_peer, str):
            # Our own rule needs no context, and every poll comes here.
            rule = peer_rule(same_peer)
            return lambda request: rule(request.environ)
        return lambda request: self._ask("same_peer", same_peer, request.environ)

    def admit(self, request: Request) -> Admitted:
        """Ask whether a request may open a session; may block.

        Raises:
            Refusal: if it may not, or if the client has hung up meanwhile.
        """
        if self._authorize is None and self._peer is None:
            return _ANYONE
        identity = peer = None
        if self._authorize is not None:
            identity = self._identity(self._authorize, request)
        if self._peer is not None:
            peer = self._peer(request)
            if isinstance(peer, Refusal):
                raise _anew(peer).counted_as(Reason.PEER)
            if not peer:
                # A session that is bound to nothing would be open to anyone, without a sign.
                text = "the option 'same_peer' finds nothing to bind a session to"
                raise Refusal("403 Forbidden", text).counted_as(Reason.PEER)
        if request.socket is not None and has_hung_up(request.socket):
            text = "the client hung up before it was let in"
            raise Refusal("400 Bad Request", text).counted_as(Reason.HUNG_UP)
        return Admitted(identity, peer)

    def _identity(self, authorize: Callable[..., Any], request: Request) -> Any:
        answer = self._ask("authorize", authorize, request.environ)
        if isinstance(answer, Refusal):
            raise _anew(answer).counted_as(Reason.AUTHORIZATION)
        if not answer:
            text = "the option 'authorize' does not let this client in"
            raise Refusal("403 Forbidden", text).counted_as(Reason.AUTHORIZATION)
        return None if answer is True else answer

    def ask_for_origin(self, check: OriginCheck, origin: str | None, environ: Environ) -> Any:
        """Ask the function of the option ``origins``; may block.

        Raises:
            Refusal: if it raises one, or fails.
        """
        answer = self._ask("origins", check, environ, origin)
        if isinstance(answer, Refusal):
            raise _anew(answer).counted_as(Reason.ORIGIN)
        return answer

    def peer_of(self, request: Request) -> Any:
        """The peer of a request for a session, for :meth:`is_same`.

        Call it for unknown sessions, too: the time of an answer must not tell which
        session ids exist.
        """
        if self._peer is None:
            return None
        try:
            peer = self._peer(request)
        except Refusal:
            return None  # no session is bound to this
        return None if isinstance(peer, Refusal) else peer

    def is_same(self, bound_to: Any, peer: Any) -> bool:
        """Whether a request comes from the peer that opened the session.

        Args:
            bound_to: the ``peer`` of the client that was admitted.
            peer: the result of :meth:`peer_of`.
        """
        return are_same_peer(self._log, bound_to, peer)

    def _ask(
        self, option: str, function: Callable[..., Any], environ: Environ, *before: object
    ) -> Any:
        """Call a function of the application; return its answer, or the refusal that it raises.

        Args:
            option: the option that it belongs to.
            function: the function.
            environ: the WSGI environ. The function gets a copy of it.
            *before: the arguments before the environ.

        Raises:
            Refusal: if the function fails: a mistake must let nobody in.
        """
        answer: Any = None
        try:
            with (self._context or nullcontext)():
                answer = function(*before, kept(environ))
            _check(answer)
        except Refusal as refusal:
            return refusal
        except (Exception, gevent.Timeout) as error:  # a Timeout is not an Exception
            place = peer_name(environ)
            self._log.exception(option, "the option %r failed for %s", option, place)
            # The log has the details; the client must not get them.
            failure = Refusal("500 Internal Server Error", "an error has occurred in the server")
            failure.__cause__ = error  # the compiled form knows no "from"
            raise failure.counted_as(Reason.FAILURE) from error
        return answer


def _anew(refusal: Refusal) -> Refusal:
    """A copy of a refusal.

    An application may raise the same object again and again. That object would keep the
    traceback, and so the request, of each time.
    """
    refusal.__traceback__ = refusal.__context__ = None
    anew = Refusal(refusal.status, refusal.text, *refusal.headers)
    anew.is_chosen = True
    return anew


def _check(answer: Any) -> None:
    """Raise an error for an answer that counts as true and is a mistake."""
    if isinstance(answer, BaseException) and not isinstance(answer, Refusal):
        raise answer
    if isinstance(answer, type) and issubclass(answer, BaseException):
        raise TypeError(f"it returned the class {answer.__name__}, not an object of that class")
    if hasattr(answer, "_get_current_object"):
        raise TypeError("it returned a proxy, which stands for another user in another request")
    unfinished = isinstance(answer, (gevent.Greenlet, AsyncResult))
    if unfinished or isawaitable(answer) or isgenerator(answer) or _is_future(answer):
        raise TypeError(f"it returned {answer!r:.80}, which has not run yet")
    bool(answer)  # this may raise an error, too


def _is_future(answer: Any) -> bool:
    """Whether it is a future. :mod:`concurrent.futures` takes too long to import for that."""
    return callable(getattr(answer, "add_done_callback", None))
