"""The upgrade to a WebSocket, before the listener has accepted or refused it."""

from __future__ import annotations

import binascii
from abc import abstractmethod
from base64 import b64decode
from typing import Any

from ...compiled import mypyc_attr
from ...wire.websocket_deflate import DeflateRfc6455
from ...wire.websocket_extensions import Agreement, PerMessageDeflate, agree
from ...wire.websocket_protocol import WebSocketProtocol
from ...wire.websocket_versions import Hixie, Rfc6455
from ..stream.websocket import WebSocket
from .hixie_handshake import draft_problem, is_draft
from .request import Refusal

__all__ = ["VERSIONS", "Upgrade", "asks_for_websocket", "may_upgrade"]

VERSIONS = ("13", "8", "7")


def asks_for_websocket(environ: dict[str, Any]) -> bool:
    """Whether a request asks for an upgrade to WebSocket, RFC 6455 section 4.2.1."""
    return (
        environ["REQUEST_METHOD"] == "GET"
        and environ.get("HTTP_UPGRADE", "").lower() == "websocket"
        and _names_upgrade(environ.get("HTTP_CONNECTION", ""))
    )


def may_upgrade(environ: dict[str, Any]) -> bool:
    """Whether something other than HTTP may follow the head of a request.

    If not, the body or the next request follows. ``Connection: upgrade`` alone
    asks for nothing (RFC 9110, section 7.8); some proxies add it to every request.
    """
    return (
        asks_for_websocket(environ)
        and environ["SERVER_PROTOCOL"] == "HTTP/1.1"
        and not _announces_body(environ)
    )


def _names_upgrade(connection: str) -> bool:
    return any(option.strip("\t ").lower() == "upgrade" for option in connection.split(","))


def _announces_body(environ: dict[str, Any]) -> bool:
    length = environ.get("CONTENT_LENGTH") or "0"
    return "HTTP_TRANSFER_ENCODING" in environ or length.strip("0") != ""


@mypyc_attr(allow_interpreted_subclasses=True)
class Upgrade:
    """Switches protocols, once the listener has decided to.

    Args:
        environ: the WSGI environ of the request.
    """

    __slots__ = ("_environ",)

    def __init__(self, environ: dict[str, Any]) -> None:
        self._environ = environ

    def problem(self, drafts: bool = False) -> Refusal | None:
        """Why the handshake cannot succeed, or ``None`` (RFC 6455 section 4.2).

        Args:
            drafts: whether the drafts before RFC 6455 are accepted, too.
        """
        environ = self._environ
        if environ["SERVER_PROTOCOL"] != "HTTP/1.1":
            return self._refusal("400 Bad Request", "a WebSocket needs HTTP/1.1")
        if _announces_body(environ):
            # Nobody could tell the body from the frames that follow it.
            text = "a handshake for a WebSocket has no body"
            return Refusal("400 Bad Request", text, ("Connection", "close"))
        if drafts and is_draft(environ):
            found = draft_problem(environ)
            return None if found is None else self._refusal("400 Bad Request", found)
        version = environ.get("HTTP_SEC_WEBSOCKET_VERSION")
        if version not in VERSIONS:
            return self._refusal("426 Upgrade Required", f"no WebSocket version {version!r} here")
        try:
            key = b64decode(environ.get("HTTP_SEC_WEBSOCKET_KEY", ""), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != 16:
            return self._refusal("400 Bad Request", "Sec-WebSocket-Key is not 16 bytes in base64")
        return None

    def _refusal(self, status: str, text: str) -> Refusal:
        """A refusal that says what a right handshake has, RFC 6455 section 4.4."""
        return Refusal(
            status,
            text,
            ("Sec-WebSocket-Version", ", ".join(VERSIONS)),
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
        )

    def refuse(self, refusal: Refusal) -> bool:
        """Refuse by something other than an HTTP answer; false if there is no such way."""
        return False

    @abstractmethod
    def accept(self, max_size: int, deflate: PerMessageDeflate | None = None) -> WebSocket | None:
        """Switch protocols. Call this only if there is no :meth:`problem`.

        Args:
            max_size: the largest message to accept, in bytes.
            deflate: how messages are compressed if the client can read that; ``None``
                for no compression.

        Returns:
            The WebSocket, or ``None`` if the client did not finish its handshake.
        """

    def release(self) -> Any:
        """Let the connection outlive the request.

        Returns:
            A file that keeps the socket open until it is closed; or ``None`` if the
            server wants the request to last as long as the connection.
        """
        return None

    def _agree(self, deflate: PerMessageDeflate | None) -> Agreement | None:
        """Agree on compression with the client; ``None`` for no compression."""
        environ = self._environ
        offers = environ.get("HTTP_SEC_WEBSOCKET_EXTENSIONS")
        # Older drafts have other rules for extensions.
        if deflate is None or not offers or environ.get("HTTP_SEC_WEBSOCKET_VERSION") != "13":
            return None
        return agree(offers, deflate)

    def _protocol(self, max_size: int, agreement: Agreement | None = None) -> WebSocketProtocol:
        """The version of WebSocket that the request asks for."""
        if agreement is not None:
            return DeflateRfc6455(max_size, agreement)
        if is_draft(self._environ):
            return Hixie(max_size, closing="HTTP_SEC_WEBSOCKET_KEY1" in self._environ)
        return Rfc6455(max_size)
