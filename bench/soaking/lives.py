"""How sessions come and go: each life is opened, used, and ended in one of many ways."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import gevent

from ..load.websocket import frame
from .connection import Gone
from .downlinks import CLOSE, TEXT, Downlink, Poll, WebSocket
from .session import Session

__all__ = ["LIVES", "TRANSPORTS", "Life", "live"]

STREAMS = ("server-events", "htmlfile", "xhr-multipart")
POLLS = ("xhr-polling", "jsonp-polling")
SOCKETS = ("websocket", "flashsocket")
TRANSPORTS = (*SOCKETS, *STREAMS, *POLLS)
SMALL = 4096  # bytes of the receive buffer of a reader that stops

BAD_FRAMES = (
    bytes((TEXT, 5)) + b"hello",  # not masked
    bytes((0xF1, 0x80)) + b"\0\0\0\0",  # reserved bits
    bytes((0x83, 0x80)) + b"\0\0\0\0",  # a kind that there is not
    frame(TEXT, b"\xff\xfe"),  # not UTF-8
    bytes((TEXT, 0xFF)) + (1 << 32).to_bytes(8, "big") + b"\0\0\0\0",  # of 4 GiB
    bytes((0x09, 0x80)) + b"\0\0\0\0",  # a ping in fragments
    frame(0x82, b"bytes"),
)


def close_handshake(session: Session) -> None:
    session.downlink.connection.send(frame(CLOSE, (1000).to_bytes(2, "big")))
    session.downlink.connection.drain()


def reset(session: Session) -> None:
    session.reset()


def vanish(session: Session) -> None:
    session.close()


def half_close(session: Session) -> None:
    session.downlink.connection.half_close()
    session.downlink.connection.drain()


def disconnected(session: Session) -> None:
    session.send(b"disconnect")
    until_gone(session)


def until_gone(session: Session) -> None:
    try:
        while True:
            session.messages()
    except Gone:
        pass


def read_to_end(downlink: Downlink) -> None:
    """Read all that comes, and answer nothing."""
    try:
        downlink.payload()
        while not isinstance(downlink, Poll):
            downlink.payload()
    except Gone:
        pass
    downlink.connection.close()


def protocol_error(session: Session) -> None:
    session.downlink.connection.send(random.choice(BAD_FRAMES))
    session.downlink.connection.drain()


def cut_frame(session: Session) -> None:
    whole = frame(TEXT, b"~m~100~m~" + 100 * b"x")
    session.downlink.connection.send(whole[: random.randrange(1, len(whole))])
    session.reset()


def heartbeat_lost(session: Session) -> None:
    read_to_end(session.downlink)


def flood(session: Session) -> None:
    """The server sends more than the buffers hold, and the client does not read."""
    session.send(b"flood")
    if isinstance(session.downlink, WebSocket):
        # A POST is answered after its handler; only the end of the connection shows the end here.
        gevent.sleep(0.05)
    session.reset()


def nap(session: Session) -> None:
    """The client goes while a handler waits."""
    session.downlink.connection.send(frame(TEXT, b"~m~3~m~nap"))
    session.reset()


def nap_of_post(session: Session) -> None:
    session.begin_post(len("data=~m~3~m~nap")).send(b"data=~m~3~m~nap")
    session.reset()


def cut_body(session: Session) -> None:
    session.begin_post(100).send(b"data=~m~4~m~half")
    session.reset()


def bad_payload(session: Session) -> None:
    session.post(b"~m~99~m~short")
    session.close()


def left_away(session: Session) -> None:
    """No client comes back until the time of the session is over."""
    session.downlink.connection.close()


def lost_poll(session: Session) -> None:
    assert isinstance(session.downlink, Poll)
    session.downlink.begin()
    session.close()


def reset_poll(session: Session) -> None:
    assert isinstance(session.downlink, Poll)
    session.downlink.begin()
    session.reset()


def empty_poll(session: Session) -> None:
    """A poll waits to its end, and no other poll follows."""
    session.messages()
    session.close()


def replaced(session: Session) -> None:
    """Another connection takes the place of the first, and then the session ends."""
    if isinstance(session.downlink, Poll):
        session.downlink.begin()
    older, session.downlink = session.downlink, session.attach()
    read_to_end(older)
    disconnected(session)


def came_back(session: Session) -> None:
    """The connection is lost, another one goes on, and then the session ends."""
    session.downlink.connection.reset()
    session.downlink = session.attach()
    session.send(b"echo 2")
    session.wait_for(b"echo 2")
    disconnected(session)


@dataclass(frozen=True)
class Life:
    """A way to end.

    Attributes:
        title: what the tables call it.
        end: does it, to an open session.
        transports: over which ones there is such a thing.
        share: how often it happens, beside the others.
        receive_buffer: see :class:`~bench.soaking.connection.Connection`.
    """

    title: str
    end: Callable[[Session], None]
    transports: Sequence[str] = TRANSPORTS
    share: int = 4
    receive_buffer: int | None = None


LIVES = (
    Life("closing handshake", close_handshake, SOCKETS, 8),
    Life("disconnect() by the application", disconnected),
    Life("connections reset", reset),
    Life("connections closed without a word", vanish),
    Life("half-closed", half_close),
    Life("WebSocket protocol error", protocol_error, SOCKETS),
    Life("reset in the middle of a frame", cut_frame, SOCKETS),
    Life("heartbeat not answered", heartbeat_lost, (*SOCKETS, *STREAMS), 1),
    Life("outbox full", flood, share=1, receive_buffer=SMALL),
    Life("gone while a handler waits", nap, SOCKETS),
    Life("gone while the handler of a POST waits", nap_of_post, (*STREAMS, *POLLS)),
    Life("reset in the middle of a POST", cut_body, (*STREAMS, *POLLS)),
    Life("bad payload posted, then gone", bad_payload, (*STREAMS, *POLLS)),
    Life("left away until its time was over", left_away, (*STREAMS, *POLLS)),
    Life("gone during a poll", lost_poll, POLLS),
    Life("reset during a poll", reset_poll, POLLS),
    Life("gone after an empty poll", empty_poll, POLLS, 1),
    Life("replaced by another connection", replaced, (*STREAMS, *POLLS)),
    Life("lost, came back, and ended", came_back, (*STREAMS, *POLLS)),
)


def live(port: int, transport: str, life: Life) -> None:
    """Open a session, see that it works, and end it.

    Raises:
        Gone: if the server ends it earlier, or does not open it.
    """
    session = Session(port, transport, life.receive_buffer)
    try:
        session.send(b"echo 1")
        session.wait_for(b"echo 1")
        life.end(session)
    finally:
        session.close()
