"""Who gets in: what the functions of an application say of a request.

They are asked here, inside the option ``context``, and what they answer is
made a refusal or something to keep. When they are asked is for the entrance.
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
from ..options.same_peer import are_same, peer_rule
from ..refusal import Reason, Refusal
from ..server.http.environ import kept, peer_name
from ..server.http.request import Request
from ..server.stream.hang_up import has_hung_up

__all__ = ["Admitted", "Authorization"]


class Admitted(NamedTuple):
    """What is known of who was let in.

    Attributes:
        identity: what the option ``authorize`` has attached to the client.
        peer: what later requests of the session have to be the same in.
    """

    identity: Any = None
    peer: Any = None


_ANYONE = Admitted()


class Authorization:
    """The rule of one listener, beyond lists of origins.

    Args:
        options: the options of the listener.
        log: the throttled log of the listener; clients may be what makes a function fail,
            again and again.
        context: what they are called in, or ``None``.

    Attributes:
        asks: whether the application is asked, which may take time.
        binds: whether sessions are bound to who has opened them.
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
            # What is our own needs no context, and this is for every poll.
            rule = peer_rule(same_peer)
            return lambda request: rule(request.environ)
        return lambda request: self._ask("same_peer", same_peer, request.environ)

    def admit(self, request: Request) -> Admitted:
        """Ask whether a request may open a session; may block.

        Raises:
            Refusal: if it may not, or if nobody waits for the answer any more.
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
                # Bound to nothing, it would be anyone's, and nobody would notice.
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
        """Who sends a request that goes on with a session, to be compared by :meth:`is_same`.

        To be asked for unknown sessions, too: how long it takes must not tell
        which ids there are.
        """
        if self._peer is None:
            return None
        try:
            peer = self._peer(request)
        except Refusal:
            return None  # which no session is bound to
        return None if isinstance(peer, Refusal) else peer

    def is_same(self, bound_to: Any, peer: Any) -> bool:
        """Whether a session goes on with who opened it.

        Args:
            bound_to: the ``peer`` of who was admitted.
            peer: what :meth:`peer_of` has returned.
        """
        try:
            return bool(peer) and are_same(bound_to, peer)
        except Exception:
            line = "the option 'same_peer' returned what cannot be compared"
            self._log.exception("comparison", line)
            return False

    def _ask(
        self, option: str, function: Callable[..., Any], environ: Environ, *before: object
    ) -> Any:
        """What a function of the application returns, or the refusal that it raises.

        Args:
            option: which it is for.
            function: the function.
            environ: the WSGI environ, of which it gets a copy.
            *before: what it gets before that.

        Raises:
            Refusal: if it fails: a mistake is to let nobody in.
        """
        answer: Any = None
        try:
            with (self._context or nullcontext)():
                answer = function(*before, kept(environ))
            _check(answer)
        except Refusal as refusal:
            return refusal
        except (Exception, gevent.Timeout) as error:  # which is no Exception
            place = peer_name(environ)
            self._log.exception(option, "the option %r failed for %s", option, place)
            # The log has it all; the client is not to learn anything from it.
            failure = Refusal("500 Internal Server Error", "the server has made a mistake")
            raise failure.counted_as(Reason.FAILURE) from error
        return answer


def _anew(refusal: Refusal) -> Refusal:
    """The same as a new one.

    An application may raise one again and again; it would keep the traceback,
    and so the request, of each time.
    """
    refusal.__traceback__ = refusal.__context__ = None
    return Refusal(refusal.status, refusal.text, *refusal.headers)


def _check(answer: Any) -> None:
    """Raise if an answer is one that would count as a yes, and surely was not meant so."""
    if isinstance(answer, BaseException) and not isinstance(answer, Refusal):
        raise answer
    if isinstance(answer, type) and issubclass(answer, BaseException):
        raise TypeError(f"it returned the class {answer.__name__}, which is to be called")
    if hasattr(answer, "_get_current_object"):
        raise TypeError("it returned a proxy for what is current, which later is someone else")
    unfinished = isinstance(answer, (gevent.Greenlet, AsyncResult))
    if unfinished or isawaitable(answer) or isgenerator(answer) or _is_future(answer):
        raise TypeError(f"it returned {answer!r:.80}, which is still to run")
    bool(answer)  # which may fail


def _is_future(answer: Any) -> bool:
    """Whether it is one of :mod:`concurrent.futures`, which takes long to import."""
    return callable(getattr(answer, "add_done_callback", None))
