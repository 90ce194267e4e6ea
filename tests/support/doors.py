"""Requests to a listener with any headers, over any transport."""

from __future__ import annotations

from typing import Any

from gevent.event import Event
from websockets.exceptions import InvalidStatus

from .clients import ALL, FlashSocket, WebSocket
from .http import HTTP
from .raw import Raw

SOCKETS = {"websocket": WebSocket, "flashsocket": FlashSocket}
TRANSPORTS = [client.transport for client in ALL]


# The headers of a browser for a script that a page of the server requests.
OWN_SCRIPT = {"Sec_Fetch_Site": "same-origin"}


def path(transport: str, session_id: str = "") -> str:
    tail = "/1290000000000/3" if transport == "jsonp-polling" else "/1"
    return f"/socket.io/{transport}/{session_id}{tail}"


class Knock:
    """A GET that opens a session or continues one; open connections stay open.

    Attributes:
        status: 200 or 101 if it was let in.
        headers: those of the answer, by their names in lower case.
        body: what the refusal says, or all of a poll.
    """

    def __init__(self, port: int, transport: str, session_id: str = "", **headers: str) -> None:
        self.begin(port, transport, session_id, **headers)
        self.finish()

    def begin(self, port: int, transport: str, session_id: str, **headers: str) -> None:
        self.body = b""
        self.socket: Any = None
        self._refused: Any = None
        self._http = HTTP(port)
        if transport not in SOCKETS:
            self._http.begin("GET", path(transport, session_id), **_shown(transport, headers))
            return
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            self.socket = SOCKETS[transport](port, session_id, headers=named)
        except InvalidStatus as error:
            self._refused = error.response

    def finish(self) -> None:
        if self.socket is not None:
            self.status, self.headers = 101, {}
        elif self._refused is not None:
            self.status = self._refused.status_code
            self.headers = {name.lower(): text for name, text in self._refused.headers.items()}
            self.body = bytes(self._refused.body or b"")
        else:
            response = self._http.head()
            self.status = response.status
            self.headers = {name.lower(): text for name, text in response.getheaders()}
            if "content-length" in self.headers:
                self.body = response.read()

    @property
    def let_in(self) -> bool:
        return self.status in (101, 200)

    def close(self) -> None:
        if self.socket is not None:
            self.socket.vanish()
        self._http.close()


def head(transport: str, session_id: str = "", method: str = "GET", **headers: str) -> bytes:
    """A request as bytes; for WebSocket transports, with the handshake."""
    if method == "POST":
        place = f"/socket.io/{transport}/{session_id}/send"
        headers["Content-Length"] = "0"
    else:
        place = path(transport, session_id)
        headers = _shown(transport, headers)
    if transport in SOCKETS:
        headers |= {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
        headers["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()]
    return f"{method} {place} HTTP/1.1\r\nHost: localhost\r\n{''.join(lines)}\r\n".encode()


def _shown(transport: str, headers: dict[str, str]) -> dict[str, str]:
    """The headers of a GET; a script that shows no other origin is the server's own."""
    return {**OWN_SCRIPT, **headers} if transport == "jsonp-polling" else headers


def answer(port: int, request: bytes) -> tuple[str, dict[str, str], bytes]:
    """Status line, headers but the date, and body: all that a client gets to see."""
    raw = Raw(port, request)
    status, headers = raw.head()
    headers.pop("Date", None)
    body = raw.take(int(headers.get("Content-Length", "0")))
    raw.close()
    return status, headers, body


class Asked:
    """A function for the option; it keeps its arguments."""

    def __init__(self, *answers: Any) -> None:
        self.environs: list[dict[str, Any]] = []
        self.answers = list(answers)

    def __call__(self, environ: dict[str, Any]) -> Any:
        self.environs.append(environ)
        said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(said, BaseException):
            raise said
        return said


class Door(Asked):
    """A function that waits for as long as the test wants."""

    def __init__(self, said: Any = True) -> None:
        super().__init__(said)
        self.opens = Event()

    def __call__(self, environ: dict[str, Any]) -> Any:
        said = super().__call__(environ)
        self.opens.wait()
        return said


def assert_nobody(served: Any) -> None:
    assert dict(served.listener.clients) == {}
    assert served.events == []
    assert served.listener.stats()["opened"] == 0
