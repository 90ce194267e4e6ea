"""The handshakes of the WebSocket drafts hixie-75 and hixie-76, for the HTTP handler."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import gevent

from ...wire.hixie import challenge_answer, key_number

__all__ = ["HANDSHAKE_TIMEOUT", "draft_problem", "is_draft", "shake_hands"]

HANDSHAKE_TIMEOUT = 5.0  # seconds that a client has to send the last eight bytes of a handshake

_ECHOED = ("HTTP_HOST", "HTTP_SEC_WEBSOCKET_PROTOCOL", "HTTP_WEBSOCKET_PROTOCOL")
_PRINTABLE = re.compile(r"[ -~]*")
_KEYS = ("HTTP_SEC_WEBSOCKET_KEY1", "HTTP_SEC_WEBSOCKET_KEY2")


def is_draft(environ: dict[str, Any]) -> bool:
    """Whether an upgrade is for one of the drafts: it has no version and no RFC 6455 key."""
    return "HTTP_SEC_WEBSOCKET_VERSION" not in environ and "HTTP_SEC_WEBSOCKET_KEY" not in environ


def draft_problem(environ: dict[str, Any]) -> str | None:
    """Why the handshake cannot succeed, or ``None``."""
    for name in _ECHOED:
        if not _PRINTABLE.fullmatch(environ.get(name, "")):
            return f"{name} has characters in it that a header may not have"
    given = [environ[name] for name in _KEYS if name in environ]
    if given and (len(given) < 2 or any(key_number(key) is None for key in given)):
        return "Sec-WebSocket-Key1 and Key2 hide no numbers (hixie-76 5.2)"
    return None


def shake_hands(
    environ: dict[str, Any],
    target: str,
    send_head: Callable[[str, list[tuple[str, str]]], None],
    socket: Any,
    reader: Any,
) -> bool:
    """Switch protocols.

    Args:
        environ: the WSGI environ of a request without a :func:`draft_problem`.
        target: path and query of the request, as it was sent.
        send_head: sends a status and headers, at once.
        socket: the gevent socket of the connection.
        reader: a buffered reader of what follows the head of the request.

    Returns:
        Whether the client has completed the handshake.
    """
    keys = [environ[name] for name in _KEYS if name in environ]
    prefix = "Sec-WebSocket-" if keys else "WebSocket-"
    scheme = "wss" if environ["wsgi.url_scheme"] == "https" else "ws"
    headers = [
        ("Upgrade", "WebSocket"),
        ("Connection", "Upgrade"),
        (f"{prefix}Location", f"{scheme}://{environ.get('HTTP_HOST', '')}{target}"),
    ]
    if "HTTP_ORIGIN" in environ:
        headers.append((f"{prefix}Origin", environ["HTTP_ORIGIN"]))
    protocol = environ.get("HTTP_SEC_WEBSOCKET_PROTOCOL") or environ.get("HTTP_WEBSOCKET_PROTOCOL")
    if protocol:
        headers.append((f"{prefix}Protocol", protocol))
    # Sent before the eight bytes are read: proxies hold those back until they see a 101.
    status = "101 WebSocket Protocol Handshake" if keys else "101 Web Socket Protocol Handshake"
    send_head(status, headers)
    if not keys:
        return True
    numbers = [number for key in keys if (number := key_number(key)) is not None]
    try:
        with gevent.Timeout(HANDSHAKE_TIMEOUT, False):
            challenge = reader.read(8)
            if len(challenge) == 8:
                socket.sendall(challenge_answer(numbers, challenge))
                return True
    except OSError:
        pass  # the client has gone
    return False
