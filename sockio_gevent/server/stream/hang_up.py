"""Peers that hang up while they wait for an answer, and nobody reads."""

from __future__ import annotations

import select
import socket as _socket
from collections.abc import Callable
from typing import Any

import gevent
from gevent import monkey

from ...hub.gevent_private import bare_socket, unused_read_watcher

__all__ = ["HangUpWatch", "has_bytes", "has_hung_up"]

_READ = 1  # the event of libev's io watchers

_POLLRDHUP = getattr(select, "POLLRDHUP", 0)
_GONE = _POLLRDHUP | select.POLLHUP | select.POLLERR | select.POLLNVAL
# gevent's own would switch greenlets.
_poll = monkey.get_original("select", "poll")


def has_hung_up(socket: Any) -> bool:
    """Whether the peer of a socket that should be silent has closed or reset it."""
    if _POLLRDHUP:
        # Sees the end of the stream behind unread bytes too, which may be the
        # last words of TLS.
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


_REST = 0.5  # seconds between two looks at a socket that has unread bytes


class HangUpWatch:
    """Tells when the peer of a waiting request hangs up.

    Args:
        socket: the gevent socket of the request.
        gone: called once, in the hub, when the peer has gone.
    """

    __slots__ = ("_borrowed", "_gone", "_paused", "_socket", "_watcher")

    def __init__(self, socket: Any, gone: Callable[[], None]) -> None:
        self._socket = socket
        self._gone = gone
        self._paused = False
        # That of the socket itself, if nobody reads: the kernel knows it already.
        watcher = unused_read_watcher(socket)
        self._borrowed = watcher is not None
        if not self._borrowed:
            watcher = gevent.get_hub().loop.io(socket.fileno(), _READ)
        self._watcher: Any = watcher
        # Not a method: if the socket is closed here meanwhile, gevent throws an
        # error into the object that the method of a watcher belongs to.
        watcher.start(self)

    def stop(self) -> None:
        """Stop watching; to be called before the socket is used again."""
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.stop()
            if not self._borrowed:
                watcher.close()

    def __call__(self) -> None:
        """Look whether the peer has gone."""
        if has_hung_up(self._socket):
            self.stop()
            self._gone()
        elif not self._paused and has_bytes(self._socket):
            # The client's next request, sent early, or the last words of TLS:
            # they would wake this up again and again, so look only now and then.
            self.stop()
            self._paused = True
            self._borrowed = False
            self._watcher = gevent.get_hub().loop.timer(_REST, _REST)
            self._watcher.start(self)
