"""A client in the same process, for the tests of an application.

It has a real session on the listener and runs the real handlers; only the
transport is missing. Messages are encoded and decoded as on the wire, so tests
see what a browser would see. HTTP and sockets are not tested by this.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from wsgiref.util import setup_testing_defaults

import gevent
from gevent.queue import Empty, SimpleQueue

from .client import Client as ApplicationClient
from .dialects.base import Dialect
from .dialects.classic import Classic
from .listener import Listener
from .monitoring.log import failures
from .monitoring.reasons import CloseReason, End
from .options.limits import OverLimit
from .options.listener_options import KNOWN_TRANSPORTS, Options
from .options.suggestions import did_you_mean
from .server.http.request import Refusal
from .session.session import Session
from .transports.base import Downlink
from .wire.packet import Packet

__all__ = ["Client", "Disconnected", "Refused"]


class Refused(ConnectionRefusedError):
    """The listener does not let this client connect.

    It is another class than :class:`sockio_gevent.Refused`, which middleware raises.

    Attributes:
        status: the HTTP status of the answer that a browser would get; empty if middleware
            has refused the client, because a browser is connected by then.
        text: what was wrong.
    """

    def __init__(self, status: str, text: str) -> None:
        super().__init__(f"{status}: {text}" if status else text)
        self.status = status
        self.text = text


class Disconnected(ConnectionError):
    """The session has ended.

    Attributes:
        reason: why it has ended, as the log says it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"the session has ended: {reason}")
        self.reason = reason


class Client:
    """A client of a listener that runs in the same process.

    When it has been made, it is connected, and the handlers of ``connection`` have
    run. It takes at once what is sent to it, and answers heartbeats by itself. It
    needs no server and no monkey-patching. All greenlets of one thread may use it.
    As a context manager it disconnects in the end::

        with Client(listener) as client:
            client.send("hello")
            assert client.receive() == "welcome"

    Args:
        listener: the result of :func:`sockio_gevent.listen`.
        transport: the name of the transport that it pretends to use. The session has
            the times of this transport.
        environ: more keys for the WSGI environ of its request, such as
            ``HTTP_COOKIE``, ``HTTP_ORIGIN`` or ``REMOTE_ADDR``.
        raise_exceptions: whether the first exception of a handler is raised by the
            method that made the handler run. An exception of a ``disconnect``
            handler may be raised by the next method. All exceptions are logged, too.

    Attributes:
        session: the client, as the handlers of ``connection`` receive it.
        session_id: its id, as the client was told it.

    Raises:
        Refused: if the listener refuses the client: because of its origin, of the
            options ``authorize`` or ``same_peer``, of a transport that is not
            enabled, or because the listener has been closed.
        TypeError: if ``listener`` is not a listener.
        ValueError: if there is no such transport.
    """

    session: ApplicationClient
    session_id: str

    def __init__(
        self,
        listener: Listener,
        *,
        transport: str = "websocket",
        environ: Mapping[str, Any] | None = None,
        raise_exceptions: bool = True,
    ) -> None:
        if not isinstance(listener, Listener):
            raise TypeError(f"a Client takes what listen() has returned, not {listener!r:.80}")
        if transport not in KNOWN_TRANSPORTS:
            hint = did_you_mean(str(transport), KNOWN_TRANSPORTS)
            raise ValueError(f"no transport {transport!r}: {hint}")
        self._failures: list[BaseException] | None = [] if raise_exceptions else None
        path = f"/{listener.options.resource}/{transport}"
        complete = _complete(environ or {}, path)
        if transport == "jsonp-polling" and _ORIGIN_HEADERS.isdisjoint(complete):
            # Only pages use it, and their request must show its origin.
            complete["HTTP_SEC_FETCH_SITE"] = "same-origin"
        try:
            session = listener.open_session(transport, complete, _start_no_response)
        except Refusal as refusal:
            # If the option 'authorize' has failed, its exception is the cause.
            raise Refused(refusal.status, refusal.text) from refusal.__cause__
        self._session = session
        # Behind the call that makes the client, and before whatever ends the session.
        session.handlers.put(self._found, None, 0)
        self._dialect = _client_dialect(listener.options)
        self._downlink = _Inbox(transport, session, self._dialect)
        session.attach(self._downlink)
        try:
            with self._noting_failures():
                session.run_handlers()
            greeting = self.receive(timeout=None)
            self._raise_refusal()
        except BaseException:
            session.end(End(CloseReason.CLIENT, "the client gave up connecting"))
            raise
        self.session_id = greeting if isinstance(greeting, str) else greeting["sessionid"]
        if self._failures:
            self.disconnect()

    def __repr__(self) -> str:
        return f"<testing.Client of {self.session!r}>"

    @property
    def connected(self) -> bool:
        """Whether neither side has disconnected."""
        return not self._downlink.is_over

    def send(self, message: Any) -> None:
        """Send a message to the application, and run its handlers before returning.

        Args:
            message: a ``str``, or anything with a JSON form.

        Raises:
            Disconnected: if the session has ended.
            TypeError: if the message has no JSON form.
            ValueError: if it is NaN, holds itself, or is over a limit of the listener.
            Exception: the exception of a handler.
        """
        session = self._session
        [packet] = self._dialect.event("/", "message", (message,))
        payload = packet.payload
        limit = self.session.listener.options.max_message_size
        if len(payload) > limit:
            raise ValueError(
                f"a payload of {len(payload)} bytes is over the option "
                f"'max_message_size' of {limit}: the listener would not take it"
            )
        if not self.connected:
            raise Disconnected(self._downlink.reason)
        first = session.handlers.added
        with self._noting_failures():
            try:
                problem = session.receive((payload.decode(),))
            except OverLimit as error:
                problem = error.log_text
            last = session.handlers.added
            session.run_handlers()
        if session.handlers.busy:
            # A handler blocks in another greenlet, which will go on with this message.
            session.handlers.wait_done()
        problem = problem or session.missed(first, last)
        if problem:
            raise ValueError(f"the listener does not take the message: {problem}")
        self._raise_failure()

    def receive(self, timeout: float | None = 1.0) -> Any:
        """Wait for the next message from the application.

        Args:
            timeout: how long to wait, in seconds. 0 takes only what has been sent
                already, ``None`` waits for ever.

        Returns:
            A ``str``, or the decoded JSON.

        Raises:
            TimeoutError: if no message comes in this time.
            Disconnected: if the session has ended and no message is left.
            Exception: the exception of a ``disconnect`` handler.
        """
        messages = self._downlink.messages
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
        if message is _END:
            # It stays in the queue, for other calls of receive().
            messages.put(_END)
            self._raise_failure()
            raise Disconnected(self._downlink.reason)
        return message

    def disconnect(self, timeout: float | None = 10.0) -> None:
        """Disconnect, and wait until the handlers of ``disconnect`` have run.

        The session ends at once, without its ``close_timeout``. If it has ended
        already, this only waits for the handlers. A handler of this session must
        not call it, because it would wait for itself.

        Args:
            timeout: how long to wait for the handlers, in seconds; ``None`` waits for ever.

        Raises:
            TimeoutError: if the handlers take longer; they go on running.
            Exception: the exception of a handler.
        """
        self._session.end(End(CloseReason.CLIENT, "the client has left"))
        if not self._session.handlers.wait_done(timeout):
            raise TimeoutError(f"the handlers of {self!r} have not ended within {timeout} s")
        self._raise_failure()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, *exception: object) -> None:
        try:
            self.disconnect()
        except Exception:
            # The test must show the first error.
            if kind is None:
                raise

    @contextmanager
    def _noting_failures(self) -> Iterator[None]:
        token = failures.set(self._failures)
        try:
            yield
        finally:
            failures.reset(token)

    def _found(self, session: Session, _: None) -> None:
        if session.client is not None:
            self.session = session.client

    def _raise_refusal(self) -> None:
        """Raise an error if there is no client, because middleware has refused it."""
        if not hasattr(self, "session"):
            self._raise_failure()
            raise Refused("", self._downlink.reason)

    def _raise_failure(self) -> None:
        if self._failures:
            del self._failures[1:]
            raise self._failures.pop()


_END: Any = object()
_NOTHING: Any = object()


class _Inbox(Downlink):
    """The downlink of a client that always reads: it collects what the session sends."""

    __slots__ = ("_dialect", "_session", "messages", "reason")

    def __init__(self, transport: str, session: Session, dialect: Dialect) -> None:
        super().__init__(transport)
        self._session = session
        self._dialect = dialect
        self.messages: SimpleQueue = SimpleQueue()
        self.reason = ""

    @property
    def ready(self) -> bool:
        return not self.is_over

    def write(self, batch: Sequence[Packet]) -> None:
        if batch:
            self._dialect.receive(self, self._dialect.payload(batch).decode())

    def count_in(self, size: int, messages: int) -> None:
        pass

    def deliver(self, message: Any, cost: int) -> None:
        self.messages.put(message)

    def echoed(self, number: str) -> None:
        # A heartbeat of the server looks like an echo of a client: it is answered here.
        self._session.echoed(number)  # type: ignore[attr-defined]

    def close(self, code: int, reason: str, last: Sequence[Packet] = ()) -> None:
        self.write(last)
        self.reason = reason
        self.messages.put(_END)
        self._set_over()

    def take_back(self) -> Sequence[Packet]:
        return ()

    def abort(self) -> None:
        if not self.is_over:
            self.close(0, "the connection was cut")


def _client_dialect(options: Options) -> Dialect:
    """The dialect of the client, without the limits of the server."""
    return Classic(
        replace(
            options,
            max_buffer=sys.maxsize,
            max_payload_messages=None,
            max_json_elements=None,
            max_json_depth=sys.maxsize,
        )
    )


# The headers in which a browser tells the page that a request comes from.
_ORIGIN_HEADERS = frozenset(("HTTP_ORIGIN", "HTTP_REFERER", "HTTP_SEC_FETCH_SITE"))


def _complete(given: Mapping[str, Any], path: str) -> dict[str, Any]:
    """The environ of a GET of this path."""
    environ = {
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "REMOTE_ADDR": "127.0.0.1",
        "SERVER_NAME": "localhost",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SCRIPT_NAME": "",
        "wsgi.errors": sys.stderr,
        **given,
    }
    setup_testing_defaults(environ)
    return environ


def _start_no_response(*arguments: object) -> Any:
    raise AssertionError("a request without a transport has no response")
