"""The text of a request that is relayed, and the facts that go with it.

The owner of the session reads the text from a socket of its own, with the same limits as at
home. What the server here has found out of the client goes beside it.
"""

from __future__ import annotations

import re
from socket import SHUT_WR
from typing import Any

from ..stream.sockets import shut_down

__all__ = ["facts_of", "head_of", "send_body", "size_of_body"]

_PIECE = 16 * 1024  # bytes of a body that are passed on at once
_TARGET = re.compile("/[!-~]*")
_METHOD = re.compile("[A-Z]{1,20}")


def facts_of(environ: dict[str, Any]) -> dict[str, str]:
    """The texts of an environ."""
    return {name: value for name, value in environ.items() if type(value) is str}


def head_of(environ: dict[str, Any], target: str, upgrade: bool) -> bytes:
    """The head of a request, without what the facts tell.

    Args:
        environ: the WSGI environ of the request.
        target: its path and query, as they were sent.
        upgrade: whether the connection may become a WebSocket.
    """
    method = environ["REQUEST_METHOD"]
    if not _TARGET.fullmatch(target):
        target = "/"
    if not _METHOD.fullmatch(method):
        method = "UNKNOWN"
    lines = [f"{method} {target} HTTP/1.1"]
    lines += ["Upgrade: websocket", "Connection: Upgrade"] if upgrade else ["Connection: close"]
    size = size_of_body(environ)
    if size is None:
        lines.append("Transfer-Encoding: chunked")
    elif size:
        lines.append(f"Content-Length: {size}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def size_of_body(environ: dict[str, Any]) -> int | None:
    """How many bytes the body has; ``None`` if only its end will tell."""
    length = environ.get("CONTENT_LENGTH") or ""
    if length.isascii() and length.isdigit():
        return int(length)
    return None if "HTTP_TRANSFER_ENCODING" in environ else 0


def send_body(environ: dict[str, Any], socket: Any) -> None:
    """Send the body of a request; if it is broken, end the sending too early.

    Args:
        environ: the WSGI environ of the request.
        socket: the gevent socket.
    """
    left = size_of_body(environ)
    read = environ["wsgi.input"].read
    try:
        if left is None:
            while data := read(_PIECE):
                socket.sendall(b"%x\r\n%b\r\n" % (len(data), data))
            socket.sendall(b"0\r\n\r\n")
            return
        while left and (data := read(min(left, _PIECE))):
            left -= len(data)
            socket.sendall(data)
    except Exception:
        # Each server raises other errors for a broken body; or the owner has answered already.
        shut_down(socket, SHUT_WR)
    if left:
        shut_down(socket, SHUT_WR)
