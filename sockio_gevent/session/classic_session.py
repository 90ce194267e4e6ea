"""A session of the classic dialect: the server sends heartbeats, or polls end after a time."""

from __future__ import annotations

from ..dialects.classic import ClassicPeer
from ..monitoring.reasons import CloseReason, End
from .heartbeats import ClassicHeartbeats

__all__ = ["ClassicSession"]


class ClassicSession(ClassicHeartbeats, ClassicPeer):
    """One peer's link, in the dialect of Socket.IO 0.5 and 0.6."""

    __slots__ = ()

    def _attached(self) -> None:
        self._awaits_answer = 0
        times = self.classic.times(self.transport)
        self._set_deadline(times.heartbeat_interval or times.duration)

    def _detached(self, end: End) -> None:
        # An echo that comes now, by a POST, must not change how long the session waits.
        self._awaits_answer = 0
        close_timeout = self.classic.times(self.transport).close_timeout
        if not close_timeout:
            self.end(end)
            return
        self._set_deadline(close_timeout)
        log = self.host.log
        if log.debugs:  # names take time, and this comes with each poll
            self._log_end(log.debug, "session %s (%s, %s) is away: %s", end)

    def _poll_answered(self) -> None:
        # The deadline is now for the client to take the answer.
        self._set_deadline(self.classic.times(self.transport).duration)

    def _on_deadline(self) -> None:
        downlink = self.downlink
        times = self.classic.times(self.transport)
        if downlink is None:
            self.end(End(CloseReason.AWAY, f"away for longer than {times.close_timeout} s"))
        elif times.duration is not None:
            if not downlink.ready:
                text = "the answer of a poll was not taken in time"
                self.end(End(CloseReason.STALLED, text), abort=True)
            else:
                self._set_deadline(times.duration)
                downlink.write(self.classic.idle_poll())
        else:
            self._heartbeat_due(downlink, times)
