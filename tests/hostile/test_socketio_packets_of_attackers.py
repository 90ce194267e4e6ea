"""Broken packets of Socket.IO by the hundred, over each transport of both versions."""

from __future__ import annotations

import itertools
import json
from typing import Any
from urllib.parse import quote

import pytest
from support.attackers import answer, ask, request, until_closed
from support.client_frames import frame
from support.engineio import address
from support.engineio_wire import encode
from support.raw import Raw
from support.siege import Siege

OPTIONS = {"dialects": ["classic", "socket.io"], "ping_interval": 3, "ping_timeout": 3}

TEXT = 1
# The last packet of each is a mistake, whatever the client has joined.
BROKEN = [
    ["4x"],
    ["47"],
    ["9"],
    ["0{}"],
    ["42"],
    ["42{}"],
    ["42[]"],
    ['42["connect"]'],
    ['42["disconnect"]'],
    ['42["message"'],
    ["42" + "[" * 10_000],
    ['42/elsewhere,["message","hello"]'],
    ["41/elsewhere,"],
    ['44"an error"'],
    ["40[]"],
    ["40/" + "x" * 5_000 + ","],
    ['4511-["message"]'],
    ['451-["message",{"_placeholder":true,"num":0}]', '42["message","too early"]'],
    ['451-["message",{"_placeholder":true,"num":7}]', "binary"],
    ["binary"],
    ['42["message","before it"]', "4x"],
]

versions = itertools.cycle((4, 3))


class Link:
    """A session of an attacker that polls.

    Args:
        siege: the siege.
        version: 3 or 4.
    """

    more = ""
    kind = "text/plain"

    def __init__(self, siege: Siege, version: int) -> None:
        self._siege, self._version = siege, version
        self.raw: Raw = siege.connect(self._get(""))
        status, body = answer(self.raw)
        assert status == 200
        self.session_id = json.loads(self.opened(body))["sid"]

    def opened(self, body: bytes) -> bytes:
        """The JSON of the open packet, which others may follow."""
        text = body.decode()
        _, end = json.JSONDecoder().raw_decode(text, text.index("{"))
        return text[text.index("{") : end].encode()

    def _get(self, session_id: str) -> bytes:
        where = address("polling", session_id, self._version, self.more)
        return request("GET", where, "Sec-Fetch-Site: same-origin")

    def _payload(self, packets: list[Any]) -> bytes:
        return encode(self._version, *packets).encode()

    def put(self, packets: list[Any]) -> tuple[int, bytes]:
        """Send packets; the status and the body of the answer."""
        body = self._payload(packets)
        where = address("polling", self.session_id, self._version, self.more)
        lines = f"Content-Type: {self.kind}", f"Content-Length: {len(body)}"
        status, _, text = ask(self._siege, request("POST", where, *lines, body=body))
        return status, text

    def join(self) -> None:
        """Connect to the main namespace."""
        if self._version == 4:
            assert self.put(["40"]) == (200, b"ok")

    def break_down(self, packets: list[Any]) -> None:
        """Send a mistake; check that the session is over."""
        status, text = self.put(packets)
        assert status in (400, 413), (status, packets)
        assert json.loads(text)["code"] == 3
        status, _, text = ask(self._siege, self._get(self.session_id))
        assert status in (200, 400)
        self.raw.close()


class Script(Link):
    """The same with scripts and forms."""

    more = "&j=0"
    kind = "application/x-www-form-urlencoded"

    def opened(self, body: bytes) -> bytes:
        called = body.decode().partition("(")[2].rpartition(")")[0]
        return super().opened(json.loads(called).encode())

    def _payload(self, packets: list[Any]) -> bytes:
        return f"d={quote(super()._payload(packets).decode(), safe='')}".encode()


class Socket(Link):
    """The same with a WebSocket."""

    def __init__(self, siege: Siege, version: int) -> None:
        self._version = version
        handshake = (
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        )
        self.raw = siege.connect(request("GET", address("websocket", "", version), *handshake))
        status, _ = self.raw.head()
        assert status == "HTTP/1.1 101 Switching Protocols"

    def join(self) -> None:
        if self._version == 4:
            self.raw.send(frame(TEXT, b"40"))

    def break_down(self, packets: list[Any]) -> None:
        for each in packets:
            mark = b"" if self._version == 4 else b"\x04"
            binary = isinstance(each, bytes)
            self.raw.send(frame(2, mark + each) if binary else frame(TEXT, each.encode()))
        assert until_closed(self.raw) in (1002, 1009), packets
        self.raw.close()


@pytest.mark.parametrize("kind", [Link, Script, Socket], ids=["polling", "jsonp", "websocket"])
def test_a_broken_packet_ends_only_the_session_that_sends_it(
    besiege: Any, kind: type[Link]
) -> None:
    broken = itertools.cycle(BROKEN)

    def attack(siege: Siege) -> None:
        link = kind(siege, next(versions))
        link.join()
        link.break_down([b"\0\xff" if each == "binary" else each for each in next(broken)])

    with besiege(**OPTIONS) as siege:
        siege.run(attack)
        ended = siege.counted("closes", "protocol_error") + siege.counted(
            "closes", "limit_exceeded"
        )
        assert ended == siege.counted("opened") > len(BROKEN)
