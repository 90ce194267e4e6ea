"""Sessions that end for several reasons at once, and checks that each ends only once."""

from __future__ import annotations

import gc
import struct
from collections import Counter
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

import gevent

from sockio_gevent.client import session_of
from sockio_gevent.hub import runners
from sockio_gevent.server.stream.readers import Readers

from .waiting import wait_until


def running() -> set[gevent.Greenlet]:
    """The greenlets that have not ended."""
    found = [each for each in gc.get_objects() if isinstance(each, gevent.Greenlet)]
    # Some are kept for the next connection or the next handler.
    idle = {id(each) for each in Readers.of_this_hub()._parked}
    idle |= {id(each.greenlet) for each in runners._parked.here()}
    return {each for each in found if not each.dead and id(each) not in idle}


def reset(client: Any) -> None:
    """End the connections of a client without a word."""
    for connection in (client.get, client.post) if hasattr(client, "get") else (client,):
        linger = struct.pack("ii", 1, 0)
        try:
            connection.socket.setsockopt(SOL_SOCKET, SO_LINGER, linger)
        except OSError:
            pass  # closed already
        connection.socket.close()


class Ends:
    """Checks that each session of a listener ends once, in every way that is visible.

    Args:
        served: the listener on its server, before any client has come.
        greenlets: whether those are looked at, too, which takes a while.
    """

    def __init__(self, served: Any, greenlets: bool = True) -> None:
        self._served = served
        self._before = running() if greenlets else None
        self._own: Counter[str] = Counter()
        self._sessions: list[Any] = []
        served.listener.on("connection", self._watch)

    def _watch(self, client: Any) -> None:
        self._sessions.append(client)
        client.on("disconnect", lambda: self._own.update([client.session_id]))

    def check(self, *clients: Any, causes: set[str] | None = None) -> None:
        """Wait until nothing is left; then each session must have ended once.

        Args:
            *clients: those whose connections are closed first.
            causes: what may have ended them.
        """
        for client in clients:
            client.vanish()
        served, listener = self._served, self._served.listener
        wait_until(lambda: not listener.clients and not listener._sessions.closing_sessions)
        opened = listener.stats()["opened"]
        recently_ended = Counter(client.session_id for _, client in served.happened("disconnect"))
        closes = {cause: n for cause, n in listener.stats()["closes"].items() if n}
        ended = [line for line in served.lines if " ended: " in line]
        assert list(self._own.values()) == [1] * opened, "'disconnect' of each, once"
        assert recently_ended == self._own, "'clientDisconnect' of each, once"
        assert sum(closes.values()) == opened, closes
        assert len(ended) == opened, ended
        assert causes is None or closes.keys() <= causes, closes
        assert [session_of(session).buffered for session in self._sessions] == [0] * opened
        assert not listener._sessions.loops.here().deadlines._slots
        assert not listener._sessions.loops.here().flush._touched
        if self._before is not None:
            wait_until(self._all_over)

    def _all_over(self) -> bool:
        """Whether all greenlets have ended that came later; wait for them before the next look."""
        left = running() - self._before
        # A look takes as long as hundreds of turns of the loop.
        gevent.joinall(left, 0.02)
        return not left
