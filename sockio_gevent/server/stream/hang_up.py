"""Notices a peer that hangs up while it waits for an answer and nobody reads the socket."""

from __future__ import annotations

import select
import socket as _socket
from collections.abc import Callable
from typing import Any, Final

import gevent
from gevent import monkey

from ...hub.gevent_private import bare_socket, unused_read_watcher

__all__ = ["HangUpWatch", "has_bytes", "has_hung_up"]

_READ = 1  # the event of libev's io watchers

_POLLRDHUP: Final = getattr(select, "POLLRDHUP", 0)
_GONE: Final = _POLLRDHUP | select.POLLHUP | select.POLLERR | select.POLLNVAL
# gevent's own would switch greenlets.
_poll: Final = monkey.get_original("select", "poll")


def has_hung_up(socket: Any) -> bool:
    """Whether the peer has closed or reset a socket on which no bytes are expected."""
    if _POLLRDHUP:
        # This sees the end of the stream even after unread bytes, which may be the
        # close message of TLS.
        poller = _poll()
        try:
            poller.register(bare_socket(socket).fileno(), _GONE)
        except ValueError:  # closed on this side
            return True
        return bool(poller.poll(0))
    try:
        return bool(bare_socket(socket).recv(1, _socket.MSG_PEEK) == b"")
    except BlockingIOError:
        return False
    except OSError:
        return True


def has_bytes(socket: Any) -> bool:
    """Whether a socket has bytes that nobody has read yet."""
    try:
        return bool(bare_socket(socket).recv(1, _socket.MSG_PEEK))
    except OSError:
        return False


_INTERVAL = 0.5  # seconds between two checks of a socket that has unread bytes


class HangUpWatch:
    """Notices when the peer of a waiting request hangs up.

    Args:
        socket: the gevent socket of the request.
        gone: called once, in the hub, when the peer has gone.
    """

    __slots__ = ("_borrowed", "_gone", "_paused", "_socket", "_watcher")

    def __init__(self, socket: Any, gone: Callable[[], None]) -> None:
        self._socket = socket
        self._gone = gone
        self._paused = False
        # The socket's own watcher, if nobody uses it: to start that needs no system call.
        watcher = unused_read_watcher(socket)
        self._borrowed = watcher is not None
        if not self._borrowed:
            watcher = gevent.get_hub().loop.io(socket.fileno(), _READ)
        self._watcher: Any = watcher
        # Not a bound method: if the socket is closed on this side, gevent throws an
        # error into the object that a watcher's method is bound to.
        watcher.start(self)

    def stop(self) -> None:
        """Stop watching. Call this before the socket is used again."""
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.stop()
            if not self._borrowed:
                watcher.close()

    def __call__(self) -> None:
        """Check whether the peer has hung up."""
        if has_hung_up(self._socket):
            self.stop()
            self._gone()
        elif not self._paused and has_bytes(self._socket):
            # Unread bytes: the client's next request, or the close message of TLS. The
            # watcher would call this again and again, so check only now and then.
            self.stop()
            self._paused = True
            self._borrowed = False
            self._watcher = gevent.get_hub().loop.timer(_INTERVAL, _INTERVAL)
            self._watcher.start(self)
