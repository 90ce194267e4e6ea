"""Hostile clients: each attack is short, and many run at the same time."""

from __future__ import annotations

import random
import secrets
from collections import Counter
from collections.abc import Callable
from typing import Protocol

import gevent

from ..load.websocket import frame
from .connection import Connection, Gone
from .downlinks import PING, TEXT, WebSocket
from .ledger import GUESSED

__all__ = ["attack"]

_HOLD = 3.0  # seconds that an attack lasts, at most


class Load(Protocol):
    """The data that the attacks need.

    Attributes:
        port: where the server listens on loopback.
        counts: where to count what must not happen.
        faults: where to count the attacks.
    """

    port: int
    counts: Counter[str]
    faults: Counter[str]


def attack(load: Load) -> None:
    """Do one of them."""
    title, kind = random.choice(list(ATTACKS.items()))
    load.faults[title] += 1
    try:
        with gevent.Timeout(_HOLD, False):
            kind(load)
    except Gone:
        pass  # usually the server has ended the connection


def _slow_head(load: Load) -> None:
    connection = Connection(load.port)
    try:
        for byte in b"GET /socket.io/xhr-polling//1 HTTP/1.1\r\nHost: x\r\nX-Slow: " + 999 * b"x":
            connection.send(bytes((byte,)))
            gevent.sleep(0.05)
    finally:
        connection.close()


def _slow_body(load: Load) -> None:
    connection = Connection(load.port)
    try:
        path = f"/socket.io/xhr-polling/{secrets.token_hex(20)}/send"
        connection.send(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n".encode())
        while True:
            connection.send(b"x")
            gevent.sleep(0.05)
    finally:
        connection.reset()


def _silence(load: Load) -> None:
    connection = Connection(load.port)
    try:
        gevent.sleep(_HOLD)
    finally:
        connection.close()


def _stopped_reader(load: Load) -> None:
    websocket = WebSocket(load.port, "websocket", receive_buffer=4096)
    try:
        while True:
            websocket.send(b"~m~5005~m~echo " + 5000 * b"x")
            gevent.sleep(0.01)
    finally:
        websocket.connection.reset()


def _cut_frames(load: Load) -> None:
    websocket = WebSocket(load.port, "websocket")
    whole = frame(TEXT, b"~m~1000~m~" + 1000 * b"x")
    try:
        websocket.connection.send(whole[: random.randrange(1, len(whole))])
    finally:
        websocket.connection.reset()


def _garbage_frames(load: Load) -> None:
    websocket = WebSocket(load.port, "websocket")
    try:
        websocket.connection.send(random.randbytes(random.randrange(2, 2000)))
        websocket.connection.half_close()
        websocket.connection.drain()
    finally:
        websocket.connection.close()


def _garbage_requests(load: Load) -> None:
    connection = Connection(load.port)
    try:
        connection.send(random.randbytes(random.randrange(2, 2000)) + b"\r\n\r\n")
        connection.half_close()
        connection.drain()
    finally:
        connection.close()


def _fragments(load: Load) -> None:
    websocket = WebSocket(load.port, "websocket")
    try:
        websocket.connection.send(frame(0x01, b"x"))
        for _ in range(1000):
            websocket.connection.send(frame(0x00, 100 * b"x"))
    finally:
        websocket.connection.reset()


def _ping_flood(load: Load) -> None:
    websocket = WebSocket(load.port, "websocket", receive_buffer=4096)
    try:
        pings = 200 * frame(PING, 100 * b"x")
        for _ in range(100):
            websocket.connection.send(pings)
    finally:
        websocket.connection.reset()


def _half_closed(load: Load) -> None:
    connection = Connection(load.port)
    try:
        connection.send(b"GET /socket.io/xhr-polling//1 HTTP/1.1\r\n")
        connection.half_close()
        connection.drain()
    finally:
        connection.close()


def _guessing(load: Load) -> None:
    connection = Connection(load.port)
    try:
        for _ in range(50):
            guess = secrets.token_hex(20).encode()
            connection.send(b"GET /socket.io/xhr-polling/%b/1 HTTP/1.1\r\nHost: x\r\n\r\n" % guess)
            if connection.answer().status == 200:
                load.counts[GUESSED] += 1
    finally:
        connection.close()


ATTACKS: dict[str, Callable[[Load], None]] = {
    "head sent byte by byte": _slow_head,
    "body sent byte by byte": _slow_body,
    "connection that says nothing": _silence,
    "reader that stops": _stopped_reader,
    "reset in the middle of a frame": _cut_frames,
    "frames of random bytes": _garbage_frames,
    "requests of random bytes": _garbage_requests,
    "fragments without end": _fragments,
    "flood of pings": _ping_flood,
    "half a request, half-closed": _half_closed,
    "50 session ids guessed": _guessing,
}
