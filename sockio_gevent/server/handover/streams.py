"""The sockets to other workers that have carried a relayed request, and may carry another one."""

from __future__ import annotations

from collections import deque
from time import monotonic
from typing import Any

import gevent

from ...hub.per_hub import PerHub
from ..stream.hang_up import has_hung_up

__all__ = ["Streams"]

_MOST = 128  # sockets to one worker that are kept
_LONGEST = 10.0  # seconds that one is kept without a request


class _Idle:
    """The idle sockets of one hub, by workers; those that were used last come last."""

    def __init__(self) -> None:
        self.of: dict[str, deque[tuple[float, Any]]] = {}
        self._timer: Any = None

    def put(self, worker: str, socket: Any) -> None:
        """Keep a socket."""
        sockets = self.of.setdefault(worker, deque())
        sockets.append((monotonic(), socket))
        if len(sockets) > _MOST:
            sockets.popleft()[1].close()
        if self._timer is None:
            self._timer = gevent.get_hub().loop.timer(_LONGEST, _LONGEST, ref=False)
            self._timer.start(self._close_old)

    def _close_old(self) -> None:
        oldest = monotonic() - _LONGEST
        for worker, sockets in list(self.of.items()):
            while sockets and sockets[0][0] < oldest:
                sockets.popleft()[1].close()
            if not sockets:
                del self.of[worker]
        if not self.of:
            self._timer.stop()
            self._timer.close()
            self._timer = None


class Streams:
    """The idle sockets of one listener."""

    def __init__(self) -> None:
        self._idle = PerHub(lambda hub: _Idle())

    def take(self, worker: str) -> Any:
        """Take a socket to a worker; ``None`` if there is none that works."""
        sockets = self._idle.here().of.get(worker)
        while sockets:
            socket = sockets.pop()[1]
            if not has_hung_up(socket):
                return socket
            socket.close()
        return None

    def put(self, worker: str, socket: Any) -> None:
        """Keep a socket for another request."""
        self._idle.here().put(worker, socket)
