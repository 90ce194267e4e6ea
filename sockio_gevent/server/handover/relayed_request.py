"""The text of a request that is relayed.

What the server here has found out of the client, all texts of the WSGI environ, goes in one
header. The owner of the session believes it, because only workers have a socket to send it over.
"""

from __future__ import annotations

import json
import re
from io import BytesIO
from socket import SHUT_WR
from typing import Any

from ..stream.sockets import shut_down

__all__ = ["FACTS", "believe_facts", "body_at_hand", "relayed_head", "send_body", "size_of_body"]

#: The name of the header.
FACTS = "Sockio-Relayed"
_KEY = "HTTP_SOCKIO_RELAYED"

_PIECE = 16 * 1024  # bytes of a body that are passed on at once
_TARGET = re.compile("/[!-~]*")
_METHOD = re.compile("[A-Z]{1,20}")


def relayed_head(environ: dict[str, Any], target: str, upgrade: bool) -> bytes:
    """The head of a request.

    Args:
        environ: the WSGI environ of the request.
        target: its path and query, as they were sent.
        upgrade: whether the connection may become a WebSocket.
    """
    method = environ["REQUEST_METHOD"]
    facts = {name: value for name, value in environ.items() if type(value) is str}
    if environ.get("wsgi.websocket"):
        # The handshake is over, so nothing can be agreed on any more.
        facts.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
    lines = [
        f"{method if _METHOD.fullmatch(method) else 'UNKNOWN'} "
        f"{target if _TARGET.fullmatch(target) else '/'} HTTP/1.1",
        f"{FACTS}: {json.dumps(facts)}",
    ]
    if upgrade:
        lines += ["Upgrade: websocket", "Connection: Upgrade"]
    size = size_of_body(environ)
    if size is None:
        lines.append("Transfer-Encoding: chunked")
    elif size:
        lines.append(f"Content-Length: {size}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def believe_facts(environ: dict[str, Any]) -> None:
    """Let what the other server has found out count, and not what ours has read.

    Raises:
        ValueError: if it is malformed.
    """
    facts = json.loads(environ.pop(_KEY, ""))
    if not isinstance(facts, dict) or not all(type(value) is str for value in facts.values()):
        raise ValueError("not the texts of an environ")
    environ.update(facts)


def size_of_body(environ: dict[str, Any]) -> int | None:
    """How many bytes the body has; ``None`` if only its end will tell."""
    length = environ.get("CONTENT_LENGTH") or ""
    if length.isascii() and length.isdigit():
        return int(length)
    return None if "HTTP_TRANSFER_ENCODING" in environ else 0


def body_at_hand(environ: dict[str, Any]) -> bytes | None:
    """The body of a request, if there is none or all of a small one was read; or else ``None``."""
    size, source = size_of_body(environ), environ.get("wsgi.input")
    if not size:
        return None if size is None else b""
    if size > _PIECE or type(source) is not BytesIO:
        return None
    body = source.getvalue()
    return body if len(body) == size else None


def send_body(environ: dict[str, Any], socket: Any) -> bool:
    """Send the body of a request; if it is broken, end the sending too early.

    Args:
        environ: the WSGI environ of the request.
        socket: the gevent socket.

    Returns:
        Whether all of it was sent.
    """
    left = size_of_body(environ)
    read = environ["wsgi.input"].read
    try:
        if left is None:
            while data := read(_PIECE):
                socket.sendall(b"%x\r\n%b\r\n" % (len(data), data))
            socket.sendall(b"0\r\n\r\n")
            return True
        while left and (data := read(min(left, _PIECE))):
            left -= len(data)
            socket.sendall(data)
    except Exception:
        # Each server raises other errors for a broken body; or the owner has answered already.
        left = -1
    if left:
        shut_down(socket, SHUT_WR)
    return not left
