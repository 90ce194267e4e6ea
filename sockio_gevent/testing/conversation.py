"""What a connected client for tests does: it sends, and receives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any, TypeVar

import gevent
from gevent.event import AsyncResult
from gevent.queue import Empty

from ..acknowledgements import answer_of
from ..client import Client as ApplicationClient
from ..monitoring.log import failures
from ..monitoring.reasons import NOT_READ
from ..options.arguments import check_callback, check_timeout
from ..options.callables import callable_problem
from ..options.limits import OverLimit
from ..session.session import Session
from .errors import Disconnected
from .links import END, Link, SocketIOLink

__all__ = ["Conversation"]

H = TypeVar("H", bound=Callable[..., Any])

_NOTHING: Any = object()
_numbers = count()


class Conversation:
    """The part of a :class:`Client` that talks in one namespace.

    Attributes:
        session: the client, as the handlers of ``connection`` receive it.
    """

    session: ApplicationClient

    _failures: list[BaseException] | None
    _link: Link
    _namespace: str
    _session: Session

    def __repr__(self) -> str:
        return f"<testing.Client of {self.session!r}>"

    @property
    def connected(self) -> bool:
        """Whether neither side has disconnected."""
        return not self._link.is_over and self.session.connected

    def send(self, message: Any) -> None:
        """Send a message to the application, and run its handlers before returning.

        Args:
            message: a ``str``, or anything with a JSON form; ``bytes`` with ``'socket.io'``.

        Raises:
            Disconnected: if the session has ended, or the client has left the namespace.
            TypeError: if the message has no such form.
            ValueError: if it is NaN, holds itself, or is over a limit of the listener.
            Exception: the exception of a handler.
        """
        self._emit("message", (message,), None)

    def emit(
        self, event: str | int, *arguments: Any, callback: Callable[..., object] | None = None
    ) -> None:
        """Send an event to the application, and run its handlers before returning.

        Args:
            event: its name.
            *arguments: JSON values, and ``bytes`` with ``'socket.io'``.
            callback: gets the arguments of the answer; only with ``'socket.io'``.

        Raises:
            Disconnected, TypeError, ValueError, Exception: see :meth:`send`.
        """
        check_callback(callback)
        self._emit(event, arguments, callback)

    def call(self, event: str | int, *arguments: Any, timeout: float | None = 1.0) -> Any:
        """Send an event, and wait for the answer of the application.

        Args:
            event: its name.
            *arguments: JSON values and ``bytes``.
            timeout: how long to wait when its handlers have run, in seconds; ``None`` waits
                for ever.

        Returns:
            ``None`` for an answer without an argument, the argument if there is one, a tuple
            if there are several.

        Raises:
            TimeoutError: if no answer comes in this time.
            Disconnected, TypeError, ValueError, Exception: see :meth:`send`.
        """
        check_timeout(timeout)
        answered = AsyncResult()
        self._emit(event, arguments, lambda *answer: answered.set(answer))
        try:
            return answer_of(answered.get(timeout=timeout))
        except gevent.Timeout:
            raise TimeoutError(f"no answer to {event!r} came within {timeout} s") from None

    def on(self, event: str | int, handler: H) -> H:
        """Handle an event of the application; :meth:`receive` does not return it any more.

        Only with ``'socket.io'``. What the handler returns is the answer.

        Args:
            event: the name of the event.
            handler: gets the arguments.

        Raises:
            TypeError: if the handler is ``async`` or a generator, or with ``'classic'``.
        """
        problem = callable_problem(handler, None)
        if problem:
            raise TypeError(f"{handler!r:.80} cannot be a handler of {event!r}: {problem}")
        if not isinstance(self._link, SocketIOLink):
            raise TypeError("a client of the dialect 'classic' gets messages only, by receive()")
        self._link.handlers[self._namespace, event] = handler
        return handler

    def _emit(
        self, event: str | int, arguments: Sequence[Any], callback: Callable[..., object] | None
    ) -> None:
        ack_id = None if callback is None else next(_numbers)
        payloads = self._link.event(self._namespace, event, arguments, ack_id)
        limit = self._session.host.options.max_message_size
        for payload in payloads:
            size = len(payload.encode() if isinstance(payload, str) else payload)
            if size > limit:
                raise ValueError(
                    f"a payload of {size} bytes is over the option "
                    f"'max_message_size' of {limit}: the listener would not take it"
                )
        if not self.connected:
            raise Disconnected(self._reason)
        if callback is not None and isinstance(self._link, SocketIOLink) and ack_id is not None:
            self._link.answers[self._namespace, ack_id] = callback
        self._deliver(payloads)

    def _deliver(self, payloads: list[str | bytes]) -> None:
        """Give payloads to the session, and run the handlers for them."""
        session = self._session
        first = session.handlers.added
        with self._noting_failures():
            try:
                problem = session.receive(payloads)
            except OverLimit as error:
                problem = error.log_text
            last = session.handlers.added
            session.run_handlers()
        if session.handlers.busy:
            # A handler blocks in another greenlet, which will go on with this message.
            session.handlers.wait_done()
        problem = problem or session.missed(first, last)
        if problem is NOT_READ:
            self._raise_failure()
        if problem:
            raise ValueError(f"the listener does not take the message: {problem}")
        self._raise_failure()

    def receive(self, timeout: float | None = 1.0) -> Any:
        """Wait for the next message from the application.

        Args:
            timeout: how long to wait, in seconds. 0 takes only what has been sent
                already, ``None`` waits for ever.

        Returns:
            A ``str``, or the decoded JSON. With ``'socket.io'`` an
            :class:`~sockio_gevent.testing.Event`, a tuple of its name and its arguments, which
            can be answered.

        Raises:
            TimeoutError: if no message comes in this time.
            Disconnected: if the session has ended and no message is left.
            Exception: the exception of a ``disconnect`` handler.
        """
        check_timeout(timeout)
        messages = self._link.queues[self._namespace]
        if messages.empty():
            # Messages arrive at the end of the iteration of the loop.
            gevent.sleep(0)
        try:
            message = messages.get(timeout=timeout)
        except Empty:
            message = _NOTHING
        if message is _NOTHING:
            self._raise_failure()
            raise TimeoutError(f"no message came to {self!r} within {timeout} s")
        if message is END:
            # It stays in the queue, for other calls of receive().
            messages.put(END)
            self._raise_failure()
            raise Disconnected(self._reason)
        return message

    @contextmanager
    def _noting_failures(self) -> Iterator[None]:
        token = failures.set(self._failures)
        try:
            yield
        finally:
            failures.reset(token)

    @property
    def _reason(self) -> str:
        """Why it is not connected any more."""
        return self._link.reason or "it has left the namespace"

    def _raise_failure(self) -> None:
        if self._failures:
            del self._failures[1:]
            raise self._failures.pop()
