"""A client in the same process, for the tests of an application.

It has a real session on the listener and runs the real handlers; only the
transport is missing. What travels is spelled on the wire all the same, so that
tests see what a browser would see. How bytes travel over HTTP and sockets is
for the tests of this package.
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
    """The listener lets this client not connect.

    Attributes:
        status: the HTTP status of the answer that a browser would get.
        text: what was wrong.
    """

    def __init__(self, status: str, text: str) -> None:
        super().__init__(f"{status}: {text}")
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

    It is connected, and the handlers of ``connection`` have run, when it has
    been made. It takes at once what is sent to it and answers heartbeats by
    itself. It needs no server and no monkey-patching, and works in all
    greenlets of one thread. As a context manager it disconnects in the end::

        with Client(listener) as client:
            client.send("hello")
            assert client.receive() == "welcome"

    Args:
        listener: what :func:`sockio_gevent.listen` has returned.
        transport: the name of the transport that it pretends to come over;
            the session has the times of this one.
        environ: what the WSGI environ of its request is to hold beside the
            defaults, ``HTTP_COOKIE``, ``HTTP_ORIGIN`` or ``REMOTE_ADDR``, say.
        raise_exceptions: whether the first exception of a handler comes out
            of the call here that made it run; one of ``disconnect`` may have
            to wait for the next call. All exceptions are logged, as ever.

    Attributes:
        session: the client, as the handlers of ``connection`` receive it.
        session_id: its id, as the client was told it.

    Raises:
        Refused: if the listener refuses the client: for its origin, by the
            options ``authorize`` or ``same_peer``, because the transport is
            not enabled, or because it has been closed.
        TypeError: if ``listener`` is not one.
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
        if transport == "jsonp-polling" and _SHOWN.isdisjoint(complete):
            # Only a page asks over it, and has to show whose it is.
            complete["HTTP_SEC_FETCH_SITE"] = "same-origin"
        try:
            session = listener.open_session(transport, complete, _start_no_response)
        except Refusal as refusal:
            # What the option 'authorize' has failed with, if that is why.
            raise Refused(refusal.status, refusal.text) from refusal.__cause__
        self.session = session.client
        self._session = session
        # The first of its handlers: those after it run in the same context,
        # whoever ends the session.
        self.session.on("disconnect", lambda: failures.set(self._failures))
        self._dialect = _spelled_freely(listener.options)
        self._downlink = _Inbox(transport, session, self._dialect)
        session.attach(self._downlink)
        try:
            with self._noting_failures():
                session.run_handlers()
            greeting = self.receive(timeout=None)
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
            Exception: what a handler has raised.
        """
        session = self._session
        payload = self._dialect.encode(message).payload
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
            # A handler blocks in another greenlet, which goes on with this message then.
            session.handlers.wait_done()
        problem = problem or session.missed(first, last)
        if problem:
            raise ValueError(f"the listener does not take the message: {problem}")
        self._raise_failure()

    def receive(self, timeout: float | None = 1.0) -> Any:
        """Wait for the next message from the application.

        Args:
            timeout: how long to wait, in seconds. 0 takes what has been sent
                already, ``None`` waits for ever.

        Returns:
            A ``str``, or the decoded JSON.

        Raises:
            TimeoutError: if no message comes in this time.
            Disconnected: if the session has ended and nothing is left.
            Exception: what a handler of ``disconnect`` has raised.
        """
        messages = self._downlink.messages
        if messages.empty():
            # What has been sent arrives when the loop's tick ends.
            gevent.sleep(0)
        try:
            message = messages.get(timeout=timeout)
        except Empty:
            message = _NOTHING
        if message is _NOTHING:
            self._raise_failure()
            raise TimeoutError(f"no message came to {self!r} within {timeout} s")
        if message is _END:
            # It stays the last one, for whoever comes or waits.
            messages.put(_END)
            self._raise_failure()
            raise Disconnected(self._downlink.reason)
        return message

    def disconnect(self, timeout: float | None = 10.0) -> None:
        """Leave, and wait until the handlers of ``disconnect`` have run.

        The session ends at once, whatever its ``close_timeout``. Of a session
        that has ended already, only the handlers are waited for. Called by a
        handler of this session, it would wait for that handler.

        Args:
            timeout: how long to wait for them, in seconds; ``None`` waits for ever.

        Raises:
            TimeoutError: if they take longer; they go on all the same.
            Exception: what a handler has raised.
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
            # What went wrong first is what the test is to show.
            if kind is None:
                raise

    @contextmanager
    def _noting_failures(self) -> Iterator[None]:
        token = failures.set(self._failures)
        try:
            yield
        finally:
            failures.reset(token)

    def _raise_failure(self) -> None:
        if self._failures:
            del self._failures[1:]
            raise self._failures.pop()


_END: Any = object()
_NOTHING: Any = object()


class _Inbox(Downlink):
    """Takes what the session sends, as a client that always reads."""

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
        # Client and server spell it alike: this is one of the server's, to be answered.
        self._session.echoed(number)

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


def _spelled_freely(options: Options) -> Dialect:
    """What a client speaks: the dialect without the limits that are the server's own."""
    return Classic(
        replace(
            options,
            max_buffer=sys.maxsize,
            max_payload_messages=None,
            max_json_elements=None,
            max_json_depth=sys.maxsize,
        )
    )


# Where a browser says from which page a request comes.
_SHOWN = frozenset(("HTTP_ORIGIN", "HTTP_REFERER", "HTTP_SEC_FETCH_SITE"))


def _complete(given: Mapping[str, Any], path: str) -> dict[str, Any]:
    """The environ of a GET that asks for this path."""
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
