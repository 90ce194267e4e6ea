"""The WebSockets of Engine.IO, for new sessions and for those that have begun with polling."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

import gevent

from ..compiled import trait
from ..dialects.engineio import EngineIO
from ..dialects.engineio_errors import BAD_REQUEST, EngineIORefusal
from ..monitoring.reasons import NONE_TAKEN, End
from ..options.listener_options import Options
from ..server.http.request import Request
from ..wire.packet import Packet
from ..wire.websocket import NORMAL, POLICY_VIOLATION
from .carried import Carried
from .downlink import Downlink, Upload
from .socket_downlink import SocketDownlink
from .websocket import WebSocketTransport

__all__ = ["EngineIOWebSocketTransport", "Upgradable"]

# Iterations of the loop until what is readable in this one has been read.
_ITERATIONS = 3


@trait
class Upgradable(Carried):
    """A session that may go on with a WebSocket.

    Attributes:
        upgrade: the WebSocket that the client tries; ``None`` if there is none.
    """

    __slots__ = ()

    upgrade: Trial | None

    @property
    @abstractmethod
    def is_polling(self) -> bool:
        """Whether its transport is polling."""

    @abstractmethod
    def note_trial(self, downlink: Downlink) -> None:
        """The client has opened a WebSocket to try it: remember it until it is over."""

    @abstractmethod
    def begin_upgrade(self) -> None:
        """The client tries a WebSocket, and it works."""

    @abstractmethod
    def finish_upgrade(self, downlink: Downlink) -> None:
        """Go on with this WebSocket."""

    @abstractmethod
    def give_up_upgrade(self, upgrade: Trial) -> None:
        """The client does not go on with its WebSocket."""

    @abstractmethod
    def take_farewell(self) -> Sequence[Packet]:
        """Take the messages for the next poll after the end of the session."""


class EngineIOWebSocketTransport(WebSocketTransport):
    """Packets both ways over one socket.

    Args:
        options: the options of the listener.
        dialect: the dialect of the clients that use it.
    """

    def __init__(self, options: Options, dialect: EngineIO) -> None:
        super().__init__(options, dialect)
        self._engineio = dialect

    def check(self, request: Request) -> None:
        """Refuse a request that is not a good handshake."""
        upgrade = request.upgrade
        if upgrade is None:
            raise EngineIORefusal(BAD_REQUEST, self.no_upgrade(request))
        problem = upgrade.problem()
        if problem is not None:
            raise problem

    def upgrade(self, request: Request, session: Upgradable) -> Iterable[bytes]:
        """Let the client of a session that polls try a WebSocket."""
        websocket = self.switch(request)
        trial = Trial(session, self.options.upgrade_timeout, self._engineio)
        downlink = SocketDownlink(self.name, websocket, trial)
        trial.begin(downlink)
        try:
            downlink.serve(request)
        except BaseException:
            downlink.over()
            raise
        return []


class Trial(Carried):
    """The session of a WebSocket that a client tries; later it passes all on to the real one.

    Args:
        session: the session that polls.
        timeout: how many seconds the client has.
        dialect: the dialect of the session.

    Attributes:
        downlink: the downlink that the WebSocket will be.
        handlers: the handler queue of the session.
        probed: whether the client has sent its probe.
    """

    downlink: Any  # a SocketDownlink

    __slots__ = (
        "_dialect",
        "_done",
        "_farewell",
        "_session",
        "_timer",
        "downlink",
        "handlers",
        "probed",
        "replaced",
        "uploads",
    )

    def __init__(self, session: Upgradable | Any, timeout: float, dialect: EngineIO) -> None:
        self._session: Upgradable | Any = session
        self._dialect = dialect
        self.handlers = session.handlers
        self.probed = False
        self._done = False
        self._farewell: tuple[int, str] | None = None
        self.replaced: Sequence[Downlink] = ()
        self.uploads: set[Upload] | None = None
        self._timer: Any = gevent.get_hub().loop.timer(timeout)
        self._timer.start(self.close, POLICY_VIOLATION, "the upgrade was not finished in time")

    def begin(self, downlink: Any) -> None:
        """The WebSocket stands; if the session has one already, it is closed at once.

        Args:
            downlink: the :class:`SocketDownlink`.
        """
        self.downlink = downlink
        session = self._session
        session.note_trial(downlink)
        if not session.is_polling or session.upgrade is not None or not session.connected:
            self.close(NORMAL, "the session has a WebSocket already")
        else:
            session.upgrade = self

    def receive(self, payloads: list[str | bytes]) -> str:
        """Take packets: a probe, then the end of the upgrade, then what is for the session."""
        for number, packet in enumerate(payloads):
            # A client that reads no answers could make them pile up.
            if packet == "2probe" and not self._done and self.downlink.ready:
                self.probed = True
                self.downlink.write((self._dialect.PROBED,))
                self._session.begin_upgrade()
            elif packet == "5" and self._farewell is not None:
                # A socket that is not ready leaves them to a poll.
                if self.downlink.ready and (packets := self._session.take_farewell()):
                    self.downlink.write(packets)
                self.close(*self._farewell)
                return ""
            elif packet == "5" and self.probed and not self._done:
                return self._finish(payloads[number + 1 :])
            else:
                self.close(POLICY_VIOLATION, "no packet of an upgrade")
                return NONE_TAKEN
        return ""

    def catch_up(self) -> bool:
        """Wait a moment for what the client has sent already; return whether it waited.

        It may have sent it before a request that came over another connection.
        """
        waited = False
        for _ in range(_ITERATIONS):
            if self._done or not self.downlink.has_unread():
                break
            waited = True
            gevent.sleep(0.000001)  # with 0 the loop would not look at its sockets
        return waited

    def end_session(self, owed: bool, code: int, reason: str) -> None:
        """The session has ended: close the WebSocket.

        Args:
            owed: whether there are messages for the next poll. If the client has ended its
                polls, it goes on with the WebSocket, and gets them there.
            code: the close code.
            reason: the reason in words.
        """
        if self.probed and owed and not self._done:
            self._farewell = code, reason
        else:
            self.close(code, reason)

    def _finish(self, rest: list[str | bytes]) -> str:
        self._stop_timer()
        self._done = True
        # In this order: what the session does from now on goes past this object.
        self.downlink.carried = self._session
        self._session.finish_upgrade(self.downlink)
        return self._session.receive(rest) if rest else ""

    def close(self, code: int, reason: str) -> None:
        """Close the WebSocket; the session goes on without it, or has ended."""
        self._give_up()
        self.downlink.close(code, reason)

    def _give_up(self) -> None:
        self._stop_timer()
        if not self._done:
            self._done = True
            self._session.give_up_upgrade(self)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer.close()
            self._timer = None

    # --- what a downlink asks of its session ---

    @property
    def is_carried(self) -> bool:
        """Whether the session goes on with this WebSocket."""
        return self.downlink.carried is self._session

    @property
    def connected(self) -> bool:
        """Whether the session is alive."""
        return self._session.connected

    def attach(self, downlink: Downlink) -> bool:
        """Nothing is attached before the end of the upgrade."""
        return False

    def detach(self, downlink: Downlink, end: End, undelivered: Sequence[Packet] = ()) -> None:
        """The WebSocket is over."""
        self._give_up()

    def end(self, end: End, code: int = NORMAL) -> None:
        """Something is wrong with the WebSocket: the session goes on without it."""
        if self.is_carried:
            self._session.end(end, code)
        else:
            self.close(code, end.text)

    def failed(self, what: str) -> None:
        """Log the exception that is being handled, and end the session."""
        self._session.failed(what)

    def missed(self, first: int, last: int) -> str:
        """Nothing is missed."""
        return ""

    def run_handlers(self) -> None:
        """Run the handlers of the session."""
        self._session.run_handlers()

    def start_handlers(self) -> None:
        """Run the handlers of the session in another greenlet."""
        self._session.start_handlers()

    def run_handlers_aside(self) -> None:
        """Run the handlers of the session; if they block, go on without them."""
        self._session.run_handlers_aside()

    def drained(self) -> None:
        """There is nothing more to write yet."""

    def take_in(self, change: int) -> None:
        """Count bytes of an incomplete message for the session."""
        self._session.take_in(change)

    def settle(self) -> None:
        """Tell the listener how much the session holds."""
        self._session.settle()
