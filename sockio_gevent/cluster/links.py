"""How the workers of one machine find each other, and the connections between them.

Each worker listens in the directory under its name, and connects to all others whose names it
finds there. A worker sends over the connections that it has made, and receives over those that
others have made to it: so between two workers there are two, and neither waits for the other.
Who is killed is gone at once, because the system closes its connections.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from gevent.event import Event

from ..monitoring.log import Log
from ..wire.bus_frames import HELLO, Frame
from . import place as places
from .incoming import Incoming
from .names import NAME
from .outgoing import CUT_OFF, LOST, UP, Outgoing
from .unix_sockets import connect, listen, peer_of

__all__ = ["HELLO_TEXT", "Links"]

#: What a worker says first, with its name in place of ``%s``.
HELLO_TEXT = "sockio_gevent bus 1 %s"
_RETRY = 0.1  # seconds before a connection that was lost is made again
_AT_ONCE = 16  # connections that are accepted at once
_MOST_INCOMING = 1024
_ATTEMPTS = 3
_LOOKING = 2.0  # seconds between two looks for the own socket

Take = Callable[[str, Frame, "int | None"], None]


class Links:
    """The connections of one worker to the others. They belong to the thread of the bus.

    Args:
        loop: the loop of that thread.
        name: the name of this worker.
        log: the log of the listener.
        largest: how many bytes a frame may have, and how many may wait for one worker.
        take: called with the name of the sender, a frame, and the file descriptor that came
            with it.
        gone: called with the name of a worker that has gone, and whether it may have got what
            was sent to it.

    Attributes:
        acquainted: set when all that were there before this worker know it.
        dropped: how many messages for workers that have gone were dropped.
        members: the names of the other workers that are there.
        ways: the ways to them, by their names; also those that are cut off.
    """

    def __init__(
        self,
        loop: Any,
        name: str,
        log: Log,
        largest: int,
        take: Take,
        gone: Callable[[str, bool], None],
    ) -> None:
        self.acquainted = Event()
        self.dropped = 0
        self.members: frozenset[str] = frozenset()
        self.ways: dict[str, Outgoing] = {}
        self._loop = loop
        self._name = name
        self._log = log
        self._largest = largest
        self._take = take
        self._gone = gone
        self._place = Path()
        self._find_place: Callable[[], Path | None] = lambda: None
        self._looking: Any = None
        self._is_lost = False
        self._is_open = False
        self._listening: Any = None
        self._accepting: Any = None
        self._incoming: set[Incoming] = set()
        self._strangers: set[str] = set()
        self._pids: dict[str, int] = {}

    def open(self, place: Path, find_place: Callable[[], Path | None]) -> None:
        """Listen in a directory, and connect to all that are there.

        Args:
            place: the directory.
            find_place: says where the workers meet if somebody removes the directory.

        Raises:
            OSError: if that cannot be.
        """
        self._find_place = find_place
        self._listen(place)
        self._is_open = True
        self._looking = self._loop.timer(_LOOKING, _LOOKING, ref=False)
        self._looking.start(self._look)
        self._strangers = set(self.ways)
        if not self._strangers:
            self.acquainted.set()

    def _listen(self, place: Path) -> None:
        for left in reversed(range(_ATTEMPTS)):
            try:
                places.prepare(place)
                self._listening = listen(place, self._name)
                break
            except OSError:  # perhaps the last of the others has just removed the directory
                if not left:
                    raise
        self._place = place
        self._accepting = self._loop.io(self._listening.fileno(), 1, ref=False)
        self._accepting.start(self._accept)
        for name in sorted(os.listdir(place)):
            if NAME.fullmatch(name) and name != self._name and name not in self.ways:
                self._connect(name)

    def _look(self) -> None:
        """See whether workers that start can still find this one.

        Some systems remove the directory: at the end of the user's last login, or because it is
        old.
        """
        if os.path.exists(self._place / self._name):
            return
        place = self._find_place()
        if place is None:
            return
        self._stop_listening()
        try:
            self._listen(place)
        except OSError as error:
            if not self._is_lost:
                self._is_lost = True
                text = "workers that start now do not find this one: %s was removed, and %s"
                self._log.warning(text, self._place, error)
            return
        self._is_lost = False
        text = "the directory of the workers was removed: this one can be found in %s again"
        self._log.warning(text, place)

    def _stop_listening(self) -> None:
        if self._accepting is not None:
            self._accepting.stop()
            self._accepting.close()
            self._listening.close()
            self._accepting = self._listening = None

    def remove_files(self) -> None:
        """Remove what is in the file system, at the end."""
        if self._is_open:
            with suppress(OSError):
                os.unlink(self._place / self._name)
            with suppress(OSError):
                os.rmdir(self._place)  # if this was the last

    def close(self) -> None:
        """Close all connections, without a word."""
        self._is_open = False
        if self._looking is not None:
            self._looking.stop()
            self._looking.close()
            self._looking = None
        self._stop_listening()
        for incoming in self._incoming:
            incoming.close()
        for way in self.ways.values():
            way.abandon()
        self._incoming.clear()
        self.ways.clear()
        self.members = frozenset()

    def look_for(self, worker: str) -> None:
        """Connect to a worker that may have started a moment ago."""
        if self._is_open and worker not in self.ways and worker != self._name:
            self._connect(worker)

    def has_socket(self, worker: str) -> bool:
        """Whether a worker that is not known listens in the directory, or was killed there."""
        known = worker in self.ways or worker == self._name
        return self._is_open and not known and os.path.exists(self._place / worker)

    # --- others come ---

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                socket, _ = self._listening.accept()
            except OSError:
                return
            socket.setblocking(False)
            if peer_of(socket) is None:
                self._log.warning("a process of another user wants to be a worker: it is refused")
                socket.close()
            elif len(self._incoming) >= _MOST_INCOMING:
                self._log.warning("over %d workers: one more is refused", _MOST_INCOMING)
                socket.close()
            else:
                self._incoming.add(
                    Incoming(self._loop, socket, HELLO_TEXT, self._largest, self._came, self._over)
                )

    def _came(self, incoming: Incoming, found: Frame, descriptor: int | None) -> None:
        if found.form == HELLO:
            self.look_for(incoming.worker)
            self._meet(incoming.worker)
        else:
            self._take(incoming.worker, found, descriptor)

    def _over(self, incoming: Incoming, why: str) -> None:
        """A connection of another worker is over."""
        self._incoming.discard(incoming)
        if why:
            self._log.warning("worker %s: %s", incoming.worker or "of unknown name", why)

    def _meet(self, worker: str) -> None:
        """A worker knows this one, or never will."""
        self._strangers.discard(worker)
        if not self._strangers:
            self.acquainted.set()

    # --- ways to others ---

    def _connect(self, worker: str, way: Outgoing | None = None) -> None:
        """Connect to a worker, if it is there; again if there is a way, which was cut off."""
        try:
            socket = connect(self._place, worker)
        except OSError as error:
            if isinstance(error, ConnectionRefusedError):
                with suppress(OSError):
                    os.unlink(self._place / worker)  # it was killed
            if way is not None:
                way.lose()
            return
        if socket is None:  # it is stopped, and too many wait for it
            self._later(self.look_for if way is None else self._reconnect, worker)
            return
        process = peer_of(socket)
        if process is None:
            self._log.warning("the socket of worker %s belongs to another user", worker)
            socket.close()
            return
        self._pids[worker] = process
        if way is None:
            hello = (HELLO_TEXT % self._name).encode()
            way = Outgoing(self._loop, worker, hello, self._largest, self._changed)
            self.ways[worker] = way
        way.connect(socket)
        self._recount()

    def _changed(self, way: Outgoing) -> None:
        """The state of a way has changed."""
        worker, process = way.worker, self._pids.get(way.worker)
        if way.state == UP:
            self._log.debug("worker %s has joined (process %s)", worker, process)
        elif way.state == CUT_OFF:
            text = (
                "worker %s (process %s) does not read: %d messages for it are dropped, and so "
                "are those that follow until it reads again"
            )
            self._log.warning(text, worker, process, way.dropped)
            self._later(self._reconnect, worker)
        elif self.ways.get(worker) is way:
            del self.ways[worker]
            del self._pids[worker]
            self.dropped += way.dropped
            self._meet(worker)
            if way.was_up:
                self._log.debug("worker %s has gone (process %s)", worker, process)
                self._later(self.look_for, worker)
        self._recount()
        if way.state in (CUT_OFF, LOST):
            # Who has never said welcome has not read anything.
            self._gone(worker, way.was_up)

    def _later(self, function: Callable[[str], object], worker: str) -> None:
        timer = self._loop.timer(_RETRY, ref=False)

        def run() -> None:
            timer.close()
            if self._is_open:
                function(worker)

        timer.start(run)

    def _reconnect(self, worker: str) -> None:
        way = self.ways.get(worker)
        if way is not None and way.state == CUT_OFF and not way.is_connected:
            self._connect(worker, way)

    def _recount(self) -> None:
        self.members = frozenset(name for name, way in self.ways.items() if way.takes)
