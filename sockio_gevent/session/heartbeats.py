"""The heartbeats of sessions: who sends them, when one is due, and when one is missed.

In the classic dialect and in Engine.IO 4 the server sends them, and the client answers. In
Engine.IO 3 the client sends them; there, anything that it sends counts as a sign of life.
"""

from __future__ import annotations

from time import monotonic
from typing import Any

from ..dialects.classic import Classic
from ..dialects.engineio import EngineIO
from ..hub.deadlines import RESOLUTION
from ..monitoring.reasons import CloseReason, End
from ..options.transport_options import TransportOptions
from ..transports.downlink import Downlink
from ..wire.packet import Packet
from ..wire.websocket import INTERNAL_ERROR
from .memberships import Memberships
from .session import Session
from .session_host import SessionHost

__all__ = ["ClassicHeartbeats", "EngineIOHeartbeats"]

# Seconds: clients and servers do not measure a time from the same moment.
_A_MOMENT = 0.005


class ClassicHeartbeats(Session):
    """The part of a classic session that numbers heartbeats, which its client echoes.

    Attributes:
        classic: its dialect.
    """

    __slots__ = ("_heartbeats", "classic")

    def __init__(
        self,
        host: SessionHost,
        dialect: Classic,
        session_id: str,
        transport: str,
        environ: dict[str, Any],
    ) -> None:
        super().__init__(host, dialect, session_id, transport, environ)
        self.classic = dialect
        self._heartbeats = 0

    def echoed(self, number: str) -> None:
        """The client has answered the heartbeat of this number."""
        if self._awaits_answer and number == str(self._heartbeats):
            self._awaits_answer = 0
            self._set_deadline(self.classic.times(self.transport).heartbeat_interval)

    def _heartbeat_due(self, downlink: Downlink, times: TransportOptions) -> None:
        """Send a heartbeat; or the one that was sent has not been answered in time."""
        if not self._awaits_answer:
            self._heartbeats += 1
            self._awaits_answer = 1
            self._set_deadline(times.timeout)
            self.enqueue(self.classic.heartbeat(self._heartbeats))
        elif self._may_have_answered(downlink) and not downlink.hung_up():
            self._set_deadline(times.timeout)
        else:
            undelivered = downlink.take_back()
            downlink.close(INTERNAL_ERROR, "heartbeat lost")
            text = f"no echo of a heartbeat in {times.timeout} s"
            self.detach(downlink, End(CloseReason.HEARTBEAT, text), undelivered)


class EngineIOHeartbeats(Memberships):
    """The part of a session of Engine.IO that sends pings, or answers them.

    Attributes:
        engineio: its dialect.
    """

    __slots__ = ("_heard", "engineio")

    def __init__(
        self,
        host: SessionHost,
        dialect: EngineIO,
        session_id: str,
        transport: str,
        environ: dict[str, Any],
    ) -> None:
        super().__init__(host, dialect, session_id, transport, environ)
        self.engineio = dialect
        self._heard = monotonic()

    @property
    def is_overdue(self) -> bool:
        """Whether it is about to end, because its client was not heard in time."""
        if not self.engineio.pings:
            return self._seconds_left() <= _A_MOMENT
        late = self._deadline is not None and monotonic() >= self._deadline
        return late and self._awaits_answer > 0

    def _seconds_left(self) -> float:
        """How long a client that sends the pings may still be silent."""
        options = self.host.options
        return self._heard + options.ping_interval + options.ping_timeout - monotonic()

    def heard(self) -> None:
        """The client has sent something, so it lives."""
        if not self.engineio.pings:
            self._heard = monotonic()
        elif self._awaits_answer:
            self._await_heartbeat()

    def pinged(self, pong: Packet) -> None:
        """The client has sent a ping, which this packet answers."""
        self.enqueue(pong)

    def _await_heartbeat(self) -> None:
        """Set the deadline for the next ping, or for the client to send something."""
        options = self.host.options
        self._awaits_answer = 0
        if self.engineio.pings:
            # Deadlines come a little late; a ping may come a little early.
            interval = options.ping_interval
            self._set_deadline(max(interval - RESOLUTION, interval / 2))
        else:
            self._set_deadline(options.ping_interval + options.ping_timeout)

    def _on_deadline(self) -> None:
        options = self.host.options
        if not self.engineio.pings:
            left = self._seconds_left()
            if left > 0:
                self._set_deadline(left)
            else:
                self.heartbeat_lost()
        elif not self._awaits_answer:
            self._awaits_answer = 1
            self._set_deadline(options.ping_timeout)
            self.enqueue(self.engineio.PING)
        else:
            downlink = self.downlink
            if downlink is not None and self._may_have_answered(downlink):
                self._set_deadline(options.ping_timeout)
            else:
                self.heartbeat_lost()

    def heartbeat_lost(self) -> None:
        """End the session, because its client was not heard in time."""
        options = self.host.options
        text = f"no answer to a ping in {options.ping_timeout:g} s"
        if not self.engineio.pings:
            text = f"nothing came for {options.ping_interval + options.ping_timeout:g} s"
        self.end(End(CloseReason.HEARTBEAT, text))
