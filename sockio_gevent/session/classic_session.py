"""A session of the classic dialect: the server sends heartbeats, or polls end after a time."""

from __future__ import annotations

from typing import Any

from ..dialects.classic import Classic, ClassicPeer
from ..monitoring.reasons import CloseReason, End
from ..transports.downlink import Downlink
from ..wire.websocket import INTERNAL_ERROR
from .session import Session
from .session_host import SessionHost

__all__ = ["ClassicSession"]


class ClassicSession(Session, ClassicPeer):
    """One peer's link, in the dialect of Socket.IO 0.5 and 0.6."""

    __slots__ = ("_classic", "_heartbeats")

    def __init__(
        self,
        host: SessionHost,
        dialect: Classic,
        session_id: str,
        transport: str,
        environ: dict[str, Any],
    ) -> None:
        super().__init__(host, dialect, session_id, transport, environ)
        self._classic = dialect
        self._heartbeats = 0

    def echoed(self, number: str) -> None:
        """The client has answered the heartbeat of this number."""
        if self._awaits_answer and number == str(self._heartbeats):
            self._awaits_answer = 0
            self._set_deadline(self._classic.times(self.transport).heartbeat_interval)

    def _attached(self) -> None:
        self._awaits_answer = 0
        times = self._classic.times(self.transport)
        self._set_deadline(times.heartbeat_interval or times.duration)

    def _detached(self, end: End) -> None:
        # An echo that comes now, by a POST, must not change how long the session waits.
        self._awaits_answer = 0
        close_timeout = self._classic.times(self.transport).close_timeout
        if not close_timeout:
            self.end(end)
            return
        self._set_deadline(close_timeout)
        log = self.host.log
        if log.debugs:  # names take time, and this comes with each poll
            self._log_end(log.debug, "session %s (%s, %s) is away: %s", end)

    def _poll_answered(self) -> None:
        # The deadline is now for the client to take the answer.
        self._set_deadline(self._classic.times(self.transport).duration)

    def _on_deadline(self) -> None:
        downlink = self.downlink
        times = self._classic.times(self.transport)
        if downlink is None:
            self.end(End(CloseReason.AWAY, f"away for longer than {times.close_timeout} s"))
        elif times.duration is not None:
            if not downlink.ready:
                text = "the answer of a poll was not taken in time"
                self.end(End(CloseReason.STALLED, text), abort=True)
            else:
                self._set_deadline(times.duration)
                downlink.write(self._classic.idle_poll())
        elif not self._awaits_answer:
            self._heartbeats += 1
            self._awaits_answer = 1
            self._set_deadline(times.timeout)
            self.enqueue(self._classic.heartbeat(self._heartbeats))
        elif self._may_have_answered(downlink) and not downlink.hung_up():
            self._set_deadline(times.timeout)
        else:
            self._lost_heartbeat(downlink, times.timeout)

    def _lost_heartbeat(self, downlink: Downlink, timeout: float) -> None:
        undelivered = downlink.take_back()
        downlink.close(INTERNAL_ERROR, "heartbeat lost")
        text = f"no echo of a heartbeat in {timeout} s"
        self.detach(downlink, End(CloseReason.HEARTBEAT, text), undelivered)
