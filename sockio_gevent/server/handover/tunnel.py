"""One end of a stream to another worker, over the bus.

A channel of Redis brings nothing to a worker that does not listen just then: what is published
before it has subscribed again is lost. So each piece has an offset, is kept until the other end
has it, and is sent again when that finds a gap, or is asked where it stands and is behind. In
normal times that costs no message: what travels the other way confirms what has come.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable
from socket import SHUT_WR
from time import monotonic
from typing import Any, NamedTuple

import gevent
from gevent.event import Event

from ...hub.gevent_private import bare_socket
from ..stream.sockets import shut_down
from .pieces import DATA, END, Pieces, size_of

__all__ = ["ASKING", "BROKEN", "WINDOW", "Link", "Tunnel"]

#: Bytes that may be on their way in one direction: those that were not written at the other end.
WINDOW = 256 * 1024
_PIECE = 32 * 1024  # bytes of one message
_AT_LEAST = 64 * 1024  # bytes that are written before the other side is told: far below the window

_PATIENCE = 2.0  # seconds after which the other end is asked where it stands
_ASKED_AGAIN = 0.5  # seconds after which the same rest is asked for again
_LONGEST = 20.0  # seconds without progress, while the bus works, after which a stream is cut

# The types of messages besides pieces: so much was written and has come; send again from there;
# so much was sent, where do you stand?
_WRITTEN, _AGAIN, _SENT = b"w", b"a", b"s"
#: The type of a message that says that there is no such stream any more.
BROKEN = b"b"
#: The types of messages whose sender must be told if there is no such stream.
ASKING = (DATA, END, _AGAIN, _SENT)

_ONE, _TWO = struct.Struct("!Q"), struct.Struct("!QQ")


class Link(NamedTuple):
    """The way to the other end.

    Attributes:
        tell: sends a message of a type; returns whether the worker is there.
        reaches: whether messages go out now.
        over: called when the stream is over.
    """

    tell: Callable[[bytes, bytes], bool]
    reaches: Callable[[], bool]
    over: Callable[[], object]


class Tunnel:
    """One end of a stream. It belongs to the thread that has made it.

    Args:
        socket: the gevent socket that stands at this end.
        link: the way to the other end.

    Attributes:
        has_begun: whether the other end is there for sure, or was.
    """

    def __init__(self, socket: Any, link: Link) -> None:
        self._socket = socket
        self._link = link
        self.has_begun = False
        self._sent = Pieces()
        self._read_there = 0  # the offset up to which the other end has written
        self._has_room = Event()
        self._received = 0  # the offset at which the next piece from there begins
        self._written = 0  # the offset up to which that was written
        self._told = 0  # and up to which the other side knows that
        self._answered = 0  # the offset up to which the other side knows that it has come
        self._asked = (-1, 0.0)  # the offset from which the rest was asked for, and when
        self._incoming: deque[bytes | None] = deque()
        self._held = 0  # bytes in there
        self._has_come = Event()
        self._directions = 2  # those that have not ended
        self._is_cut = False
        self._timer: Any = None
        self._checked = 0  # the offset up to which was sent at the last check
        self._confirmed_then = 0  # and that up to which it was confirmed
        self._due = 0.0  # when it is cut, if nothing is confirmed until then
        gevent.spawn(self._send)
        gevent.spawn(self._write)

    # --- from the other end ---

    def took(self, form: bytes, body: bytes) -> None:
        """A message has come from the other end."""
        if form == BROKEN:
            self.cut(tell=False)
            return
        try:
            is_good = self._took(form, body)
        except struct.error:
            is_good = False
        if not is_good:
            self.cut()

    def _took(self, form: bytes, body: bytes) -> bool:
        """Handle a message; false if it makes no sense."""
        if form in (DATA, END):
            offset, confirmed = _TWO.unpack_from(body)
            return self._take(offset, form, body[_TWO.size :]) and self._confirm(confirmed)
        if form == _WRITTEN:
            written, confirmed = _TWO.unpack(body)
            if written > confirmed or not self._confirm(confirmed):
                return False
            self._read_there = max(self._read_there, written)
            self._has_room.set()
            return True
        if form == _AGAIN:
            (offset,) = _ONE.unpack(body)
            return self._confirm(offset) and self._send_again()
        if form == _SENT:
            (end,) = _ONE.unpack(body)
            if end > self._received:
                self._ask_again()
            else:
                self._tell_written()
            return True
        return False

    def _take(self, offset: int, form: bytes, data: bytes) -> bool:
        """Take a piece if it is the next one; false if it makes no sense."""
        size = size_of(form, data)
        if offset > self._received:
            self._ask_again()
            return True
        if offset < self._received:
            return offset + size <= self._received  # it has come before
        if self._held + len(data) > WINDOW:
            return False
        self._received += size
        if form == END:
            self._incoming.append(None)
            self._has_come.set()
            return True
        left = self._written_at_once(data)
        if left:
            self._incoming.append(left)
            self._held += len(left)
            self._has_come.set()
        return True

    def _ask_again(self) -> None:
        """Something from the other end is missing; those that follow it come soon, too."""
        offset, when = self._asked
        if offset != self._received or monotonic() >= when + _ASKED_AGAIN:
            self._asked = self._received, monotonic()
            self._link.tell(_AGAIN, _ONE.pack(self._received))

    def _written_at_once(self, data: bytes) -> bytes:
        """Write what the socket takes now, which spares a switch; returns the rest."""
        if self._held or self._written + len(data) >= self._told + _AT_LEAST:
            return data
        try:
            count = bare_socket(self._socket).send(data)
        except OSError:
            return data  # it has no room, or it is broken, which the greenlet will find
        self._written += count
        return data[count:]

    def _tell_written(self) -> None:
        self._told, self._answered = self._written, self._received
        self._link.tell(_WRITTEN, _TWO.pack(self._written, self._received))

    # --- what the other end has ---

    def _confirm(self, offset: int) -> bool:
        """The other end has all up to an offset; false if it never was sent."""
        sent = self._sent
        if offset > sent.end:
            return False
        sent.confirm(offset)
        if not self._directions and sent.confirmed == sent.end:
            self._over()
        return True

    def _send_again(self) -> bool:
        """Send all again that the other end does not have."""
        for piece in self._sent.rest():
            self._tell(*piece)
        return True

    def ask(self) -> None:
        """Ask where the other end stands: something may have been lost."""
        if self.has_begun or self._sent.end or self._received:
            self._link.tell(_SENT, _ONE.pack(self._sent.end))

    def _tell(self, offset: int, form: bytes, data: bytes) -> bool:
        self._answered = self._received
        return self._link.tell(form, _TWO.pack(offset, self._received) + data)

    def _add(self, form: bytes, data: bytes) -> bool:
        """Send a new piece; false if the worker is not there."""
        offset = self._sent.add(form, data)
        if self._timer is None:
            self._due = monotonic() + _LONGEST
            self._checked, self._confirmed_then = self._sent.end, self._sent.confirmed
            self._timer = gevent.get_hub().loop.timer(_PATIENCE, _PATIENCE, ref=False)
            self._timer.start(self._check)
        return self._tell(offset, form, data)

    def _check(self) -> None:
        """Check again and again whether the other end has what was sent, until it has all."""
        sent, now = self._sent, monotonic()
        if sent.confirmed == sent.end:
            if sent.end - self._read_there < WINDOW:
                self._stop_checking()
            else:
                self.ask()  # how far it was written may have been told in vain
            self._due = now + _LONGEST
            return
        is_away = not self._link.reaches()
        if sent.confirmed > self._confirmed_then or is_away:
            self._due = now + _LONGEST
        elif now >= self._due:
            self.cut()
            return
        if sent.confirmed < self._checked and not is_away:
            self.ask()
        self._checked, self._confirmed_then = sent.end, sent.confirmed

    def _stop_checking(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer.close()
            self._timer = None

    # --- it ends ---

    def cut(self, tell: bool = True) -> None:
        """End both directions: the stream is broken, or the other worker has gone.

        Args:
            tell: whether the other end has to be told.
        """
        if tell and not self._is_cut:
            self._link.tell(BROKEN, b"")
        self._is_cut = True
        shut_down(self._socket)
        self._incoming.append(None)
        self._has_come.set()
        self._has_room.set()
        if not self._directions:
            self._over()

    def _send(self) -> None:
        """Send what comes over the socket."""
        try:
            while not self._is_cut:
                self._has_room.clear()
                room = WINDOW - self._sent.end + self._read_there
                if room <= 0:
                    self._has_room.wait()
                    continue
                data = self._socket.recv(min(_PIECE, room))
                if not data:
                    break
                if not self._add(DATA, data):
                    self.cut(tell=False)
            if not self._is_cut:
                self._add(END, b"")
        except OSError:
            self.cut()
        finally:
            self._ended()

    def _write(self) -> None:
        """Write what has come from the other end."""
        try:
            while True:
                while not self._incoming:
                    self._has_come.clear()
                    self._has_come.wait()
                data = self._incoming.popleft()
                if data is None:
                    break
                self._socket.sendall(data)
                self._held -= len(data)
                self._written += len(data)
                if self._written >= self._told + _AT_LEAST:
                    self._tell_written()
            shut_down(self._socket, SHUT_WR)
        except OSError:
            self.cut()
        finally:
            self._ended()

    def _ended(self) -> None:
        self._directions -= 1
        if self._directions:
            return
        self._socket.close()
        if self._is_cut or self._sent.confirmed == self._sent.end:
            self._over()

    def _over(self) -> None:
        if not self._is_cut and self._answered < self._received:
            self._tell_written()  # the other end need not ask
        self._stop_checking()
        self._link.over()
