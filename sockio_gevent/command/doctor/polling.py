"""What the doctor tries over plain requests: polling of both dialects, and a stream."""

from __future__ import annotations

import json
from http.client import HTTPException
from time import time
from typing import Any

from . import advice
from .findings import Finding, bad, good, skipped
from .http import Answer, Failed, Server

__all__ = ["Opened", "classic_polling", "has_classic", "open_polling", "polling", "stream"]

_ROUNDS = 3
_AT_ONCE = 5.0  # seconds
_POLLING = "?EIO=4&transport=polling"
_UNKNOWN_TRANSPORT = 0


class Opened:
    """A session that polls, as the server has described it.

    Args:
        server: the server.
        text: the open packet.
    """

    def __init__(self, server: Server, text: str) -> None:
        told: dict[str, Any] = json.loads(text[1:])
        self._server = server
        self.sid = str(told["sid"])
        self.upgrades = told.get("upgrades", [])
        #: Seconds between two pings, and how long the answer may take.
        self.ping_interval = told["pingInterval"] / 1000
        self.ping_timeout = told["pingTimeout"] / 1000
        self.path = server.path(f"{_POLLING}&sid={self.sid}")

    def post(self, packet: str) -> Answer:
        """Send a packet."""
        return self._server.ask("POST", self.path, packet)

    def close(self) -> None:
        """End the session."""
        try:
            self.post("1")
        except Failed:
            pass


def open_polling(server: Server) -> tuple[Answer, Opened | None]:
    """Open a session of Engine.IO; ``None`` if the answer is another one."""
    answer = server.ask("GET", server.path(_POLLING))
    try:
        return answer, Opened(server, answer.text)
    except (ValueError, KeyError, TypeError):
        return answer, None


def polling(server: Server) -> Finding:
    """Whether a client of Socket.IO 4 can poll."""
    name = "Socket.IO 4, polling"
    for _ in range(_ROUNDS):
        answer, session = open_polling(server)
        if session is None:
            return _not_opened(server, name, answer)
        sent = session.post("40")
        polled = sent if sent.status != 200 else server.ask("GET", session.path)
        session.close()
        if polled.is_misdirected:
            return bad(name, f"the second request of a session got {polled.said}", *advice.SEVERAL)
        if polled.status != 200:
            return bad(name, f"the session was opened, and then got {polled.said}")
        if not polled.text.startswith("4"):
            return bad(name, f"the poll got something else: {polled.text[:60]!r}")
        if not polled.text.startswith("40"):
            return skipped(name, f"the application does not let the doctor in: {polled.text[:100]}")
    return good(name, f"a session was opened and polled, {_ROUNDS} times")


def _not_opened(server: Server, name: str, answer: Answer) -> Finding:
    if answer.status in (401, 403):
        return skipped(name, f"the server does not let the doctor in: {answer.said}")
    if answer.status in (502, 504):
        return bad(name, f"the proxy does not reach the server: {answer.said}", ends=True)
    if answer.status == 503:
        return bad(name, f"the server takes no clients: {answer.said}", ends=True)
    if answer.code == _UNKNOWN_TRANSPORT:
        return skipped(name, "the server does not offer it: see its option 'transports'")
    if has_classic(server):
        return skipped(name, advice.OTHER_DIALECT)
    return bad(name, f"no session was opened: {answer.said}", *advice.PATH, ends=True)


def has_classic(server: Server) -> bool:
    """Whether the server speaks with classic clients."""
    answer = server.ask("GET", server.path(f"xhr-polling/{_now()}?ask"))
    return answer.text == "ok" or (answer.status == 403 and "text/plain" in answer.kind)


def classic_polling(server: Server) -> Finding:
    """Whether a released client of Socket.IO 0.6 can poll: its address has two slashes."""
    name = "Socket.IO 0.6, polling"
    answer = server.ask("GET", server.path(f"xhr-polling//{_now()}"))
    if answer.status == 200 and "~m~" in answer.text[:20]:
        return good(name, "a session was opened, at an address with two slashes")
    other = server.ask("GET", server.path(f"xhr-polling/{_now()}"))
    if other.status == 200 and "~m~" in other.text[:20]:
        return bad(name, f"the address with two slashes got {answer.said}", *advice.SLASHES)
    return skipped(name, f"the server does not offer it: {other.said}")


def stream(server: Server) -> Finding:
    """Whether a stream brings what is sent at once, and as it is."""
    name = "a stream"
    path = server.path(f"server-events/{_now()}")
    try:
        connection, response = server.begin(
            "GET", path, timeout=_AT_ONCE, headers={"Accept-Encoding": "gzip, deflate"}
        )
    except Failed as error:
        return bad(name, f"no answer begins: {error}", *advice.BUFFERING)
    try:
        if not (response.getheader("Content-Type") or "").startswith("text/event-stream"):
            return skipped(name, f"the server does not offer it: status {response.status}")
        if response.getheader("Content-Encoding"):
            return bad(name, "it is compressed on the way", *advice.COMPRESSION)
        data = response.read1(1000)
    except TimeoutError:
        return bad(name, f"its head came, but no data within {_AT_ONCE:g} s", *advice.BUFFERING)
    except (OSError, HTTPException) as error:
        return bad(name, f"it was cut: {error}")
    finally:
        connection.close()
    if not data.startswith(b"data:"):
        return bad(name, f"it begins with something else: {data[:40]!r}")
    return good(name, "its first message came at once")


def _now() -> int:
    return int(time() * 1000)
