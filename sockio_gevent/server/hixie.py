"""The handshakes of the WebSocket drafts hixie-75 and hixie-76, for the HTTP handler."""

from __future__ import annotations

from typing import Any

import gevent

from ..wire.hixie import challenge_answer, key_number

__all__ = ["HANDSHAKE_TIMEOUT", "draft_problem", "is_draft", "shake_hands"]

HANDSHAKE_TIMEOUT = 5.0  # seconds that the last eight bytes of a handshake may take

_KEYS = ("HTTP_SEC_WEBSOCKET_KEY1", "HTTP_SEC_WEBSOCKET_KEY2")


def is_draft(environ: dict[str, Any]) -> bool:
    """Whether an upgrade speaks one of the drafts: it names no version and has no RFC 6455 key."""
    return "HTTP_SEC_WEBSOCKET_VERSION" not in environ and "HTTP_SEC_WEBSOCKET_KEY" not in environ


def draft_problem(environ: dict[str, Any]) -> tuple[str, str] | None:
    """Why the handshake cannot succeed: a status and a text, or ``None``."""
    given = [environ[name] for name in _KEYS if name in environ]
    if given and (len(given) < 2 or any(key_number(key) is None for key in given)):
        return "400 Bad Request", "Sec-WebSocket-Key1 and Key2 hide no numbers (hixie-76 5.2)"
    return None


def shake_hands(handler: Any) -> bool:
    """Switch protocols.

    Args:
        handler: the pywsgi handler of a request without a :func:`draft_problem`.

    Returns:
        Whether the client has completed its part.
    """
    environ = handler.environ
    keys = [environ[name] for name in _KEYS if name in environ]
    prefix = "Sec-WebSocket-" if keys else "WebSocket-"
    scheme = "wss" if environ["wsgi.url_scheme"] == "https" else "ws"
    headers = [
        ("Upgrade", "WebSocket"),
        ("Connection", "Upgrade"),
        (f"{prefix}Location", f"{scheme}://{environ.get('HTTP_HOST', '')}{handler.path}"),
    ]
    if "HTTP_ORIGIN" in environ:
        headers.append((f"{prefix}Origin", environ["HTTP_ORIGIN"]))
    protocol = environ.get("HTTP_SEC_WEBSOCKET_PROTOCOL") or environ.get("HTTP_WEBSOCKET_PROTOCOL")
    if protocol:
        headers.append((f"{prefix}Protocol", protocol))
    status = "101 WebSocket Protocol Handshake" if keys else "101 Web Socket Protocol Handshake"
    handler.start_response(status, headers)
    # Before the eight bytes are read: proxies hold them back until they see this.
    handler.provided_date = True
    handler.write(b"")
    if not keys:
        return True
    numbers = [number for key in keys if (number := key_number(key)) is not None]
    try:
        with gevent.Timeout(HANDSHAKE_TIMEOUT, False):
            challenge = handler.rfile.read(8)
            if len(challenge) == 8:
                handler.socket.sendall(challenge_answer(numbers, challenge))
                return True
    except OSError:
        pass  # the client has gone
    return False
