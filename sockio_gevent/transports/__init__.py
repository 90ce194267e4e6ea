"""The transports: how a payload travels over HTTP or a socket."""

from __future__ import annotations

from .base import Transport
from .polling import JSONPPollingTransport, XHRPollingTransport
from .streaming import HTMLFileTransport, ServerEventsTransport, XHRMultipartTransport
from .websocket import FlashSocketTransport, WebSocketTransport

__all__ = ["TRANSPORTS"]

TRANSPORTS: dict[str, type[Transport]] = {
    transport.name: transport
    for transport in (
        WebSocketTransport,
        ServerEventsTransport,
        FlashSocketTransport,
        HTMLFileTransport,
        XHRMultipartTransport,
        XHRPollingTransport,
        JSONPPollingTransport,
    )
}
