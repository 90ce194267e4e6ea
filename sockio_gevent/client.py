"""One session: its life, its outbox and its heartbeat.

A session is *open* while some request carries its downlink, *away* between
two of them, and *closed* in the end. It changes between these in ``attach``,
``detach`` and ``end``, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from time import monotonic
from typing import Any

from .events import Emitter
from .fairness import breathe
from .log import short_id
from .options import TransportOptions
from .outgoing import encode
from .table import Table
from .transports.base import Downlink
from .turns import Turns
from .wire import payload as wire
from .wire.packet import Packet
from .wire.websocket import INTERNAL_ERROR, NORMAL

__all__ = ["Client"]


class State(Enum):
    """Where a session is in its life."""

    OPEN = "open"
    AWAY = "away"
    CLOSED = "closed"


class Client(Emitter):
    """A connected client. Handlers of ``connection`` receive it; applications make none.

    Events: ``message(message)`` for what the client sends, ``disconnect()``
    once, when the session has ended.

    Attributes:
        listener: the :class:`~sockio_gevent.Listener` that it belongs to.
        session_id: the secret by which the client is known; who has it can
            act as this client, so keep it out of logs and other clients' pages.
        transport: the name of the transport in use, or used last.
        environ: the WSGI environ of the request that opened the session,
            without its input.
        connections: how often the client has connected, reconnects included.
    """

    __slots__ = (
        "__dict__",
        "__weakref__",
        "_awaits_echo",
        "_buffered",
        "_complained",
        "_deadline",
        "_heartbeats",
        "_outbox",
        "_polls",
        "_state",
        "_turns",
        "announced",
        "connections",
        "downlink",
        "environ",
        "listener",
        "session_id",
        "slot",
        "touched",
        "transport",
    )

    EVENTS = ("message", "disconnect")

    def __init__(
        self,
        listener: Table,
        session_id: str,
        transport: str,
        environ: dict[str, Any],
        greeting: Packet,
    ) -> None:
        super().__init__()
        self.listener = listener
        self.session_id = session_id
        self.transport = transport
        self.environ = environ
        self.connections = 0
        self.announced = False
        self.slot: int | None = None
        self.touched = False
        self._state = State.AWAY
        self._turns = Turns()
        self._outbox = [greeting]
        self._buffered = 0
        self.downlink: Downlink | None = None
        self._deadline: float | None = None
        self._heartbeats = 0
        self._awaits_echo = False
        self._complained = False
        self._polls = False

    def __repr__(self) -> str:
        return f"<Client {short_id(self.session_id)} {self.transport} {self._state.value}>"

    @property
    def connected(self) -> bool:
        """Whether the session lives; true also while the client is away for a moment."""
        return self._state is not State.CLOSED

    def send(self, message: Any) -> None:
        """Send a message to this client.

        It never blocks: the message leaves when the loop's tick ends, in one
        write with all others of this tick. What the client does not take is
        kept, up to ``max_buffer``; beyond that the session is closed. To a
        session that has ended nothing is sent. Other threads may call it, too.

        Args:
            message: a ``str``, or anything with a JSON form.

        Raises:
            TypeError: if the message has no JSON form.
            ValueError: if it is NaN, holds itself, or is over ``max_buffer``.
        """
        self.enqueue(encode(message, self.listener.options))

    def broadcast(self, message: Any) -> None:
        """Send a message to all other clients; see :meth:`send`."""
        self.listener.broadcast(message, exclude=self.session_id)

    def disconnect(self) -> None:
        """End the session. What was sent before goes out if the client is there to take it.

        Does not wait: ``disconnect`` fires in a greenlet of its own, after
        the handler that is running now.
        """
        self.end("disconnected by the application")

    def enqueue(self, packet: Packet) -> None:
        """Put an encoded message into the outbox."""
        if self._state is State.CLOSED:
            return
        self._outbox.append(packet)
        self._buffered += len(packet.payload)
        if self._buffered > self.listener.options.max_buffer:
            self._make_room()
        if not self.touched:
            self.listener.flush.touch(self)

    def flush(self) -> None:
        """Give the outbox to the downlink, if there is one and it is ready."""
        downlink = self.downlink
        if downlink is None or not self._outbox or not downlink.ready:
            return
        batch, self._outbox = self._outbox, []
        downlink.write(batch)
        if self._polls:
            # From now on it is the time to write the answer that is measured.
            self._set_deadline(self._times().duration)
        # What the socket did not take counts on, until drained() says it has.
        self._buffered = downlink.pending

    def _make_room(self) -> None:
        """Over the bound: what the socket takes right now does not count."""
        self.flush()
        downlink = self.downlink
        pending = 0 if downlink is None else downlink.pending
        self._buffered = pending + self._outbox_size()
        if self._buffered > self.listener.options.max_buffer:
            self.end(
                f"{self._buffered} bytes wait and are not taken (option 'max_buffer')", abort=True
            )

    def drained(self) -> None:
        """The downlink has written all that was pending."""
        self._buffered = self._outbox_size()
        if self._outbox and not self.touched:
            self.listener.flush.touch(self)

    def _outbox_size(self) -> int:
        return sum(len(packet.payload) for packet in self._outbox)

    def attach(self, downlink: Downlink) -> bool:
        """Make this the session's downlink, in place of the one it may have."""
        if self._state is State.CLOSED:
            return False
        older, self.downlink = self.downlink, downlink
        if older is not None:
            self._take_back(older.take_back())
            older.close(NORMAL, "replaced by a newer connection")
        self._state = State.OPEN
        self.connections += 1
        self.transport = downlink.transport
        self._awaits_echo = False
        times = self._times()
        self._polls = times.duration is not None
        self._set_deadline(times.heartbeat_interval or times.duration)
        if self._outbox and not self.touched:
            self.listener.flush.touch(self)
        return True

    def detach(self, downlink: Downlink, reason: str, undelivered: Sequence[Packet] = ()) -> None:
        """The downlink is over; without another one the session is away."""
        if downlink is not self.downlink:
            return
        self.downlink = None
        self._take_back(undelivered)
        close_timeout = self._times().close_timeout
        if not close_timeout:
            self.end(reason)
            return
        self._state = State.AWAY
        self._set_deadline(close_timeout)
        self.listener.log.debug("session %s is away: %s", short_id(self.session_id), reason)

    def _take_back(self, undelivered: Sequence[Packet]) -> None:
        self._outbox[:0] = undelivered
        self._buffered = self._outbox_size()

    def announce(self) -> None:
        """Run the handlers of a new session, once."""
        if not self.announced:
            self.announced = True
            with self._turns:
                self.listener.opened(self)

    def receive(self, payloads: Sequence[str]) -> str:
        """Take payloads from the client, in this greenlet; return what was wrong with them."""
        problem = ""
        with self._turns:
            rested = monotonic()
            for payload in payloads:
                messages, error = wire.decode(payload)
                for message in messages:
                    # Handlers that never block would keep all others waiting.
                    rested = breathe(rested)
                    if self._state is State.CLOSED:
                        return problem
                    error = self._take(message) or error
                if error:
                    problem = problem or error
                    self._complain(error)
        return problem

    def _take(self, text: str) -> str:
        """Take one message; return what was wrong with it."""
        message: Any = text
        if text.startswith("~"):
            if text.startswith(wire.HEARTBEAT):
                self._echoed(text[3:])
                return ""
            if text.startswith(wire.JSON):
                try:
                    message = wire.decode_json(text[3:])
                except ValueError as error:
                    return f"bad JSON: {error}"
        self._emit(self.listener.log, "message", message)
        self.listener.received(message, self)
        return ""

    def _complain(self, problem: str) -> None:
        # Once: a client that sends nothing else must not fill the log.
        log = self.listener.log.debug if self._complained else self.listener.log.warning
        self._complained = True
        log(
            "session %s (%s, %s) sent a bad payload: %s",
            short_id(self.session_id),
            self.transport,
            self.environ.get("REMOTE_ADDR"),
            problem,
        )

    def _echoed(self, number: str) -> None:
        if self._awaits_echo and number == str(self._heartbeats):
            self._awaits_echo = False
            self._set_deadline(self._times().heartbeat_interval)

    def _times(self) -> TransportOptions:
        return self.listener.options.transport_options[self.transport]

    def _set_deadline(self, seconds: float | None) -> None:
        if seconds is None:
            self._deadline = None
            self.listener.sweep.forget(self)
        else:
            self._deadline = monotonic() + seconds
            self.listener.sweep.look(self, self._deadline)

    def due(self, now: float) -> float | None:
        """The sweep asks: do what is due and return when to ask again."""
        if self._deadline is not None and now >= self._deadline:
            self._on_deadline()
        return None if self._state is State.CLOSED else self._deadline

    def _on_deadline(self) -> None:
        downlink = self.downlink
        times = self._times()
        if downlink is None:
            self.end(f"away for longer than {times.close_timeout} s")
        elif times.duration is not None:
            if not downlink.ready:
                self.end("the answer of a poll was not taken in time", abort=True)
            else:
                self._set_deadline(times.duration)
                downlink.write([])
        elif not self._awaits_echo:
            self._heartbeats += 1
            self._awaits_echo = True
            self._set_deadline(times.timeout)
            self.enqueue(Packet(wire.encode_heartbeat(self._heartbeats)))
        elif self._turns.busy and not downlink.hung_up():
            # While a handler blocks, nobody reads: the echo may well be there.
            self._set_deadline(times.timeout)
        else:
            undelivered = downlink.take_back()
            downlink.close(INTERNAL_ERROR, "heartbeat lost")
            self.detach(downlink, f"no echo of a heartbeat in {times.timeout} s", undelivered)

    def end(self, reason: str, code: int = NORMAL, abort: bool = False) -> None:
        """End the session, for whatever reason; the one way it can end."""
        if self._state is State.CLOSED:
            return
        self._state = State.CLOSED
        self.listener.sweep.forget(self)
        self.listener.ended(self)
        outbox, self._outbox = self._outbox, []
        downlink, self.downlink = self.downlink, None
        if downlink is not None:
            if abort:
                downlink.abort()
            else:
                downlink.close(code, reason, outbox)
        log = self.listener.log.warning if abort else self.listener.log.info
        log(
            "session %s (%s, %s) ended: %s",
            short_id(self.session_id),
            self.transport,
            self.environ.get("REMOTE_ADDR"),
            reason,
        )

    def farewell(self) -> None:
        """Run the handlers of the end, once the handler that is running now is done."""
        with self._turns:
            self._emit(self.listener.log, "disconnect")
            self.listener.gone(self)
        # Handlers mostly close over their client; without them it is free at once.
        self._handlers = None
