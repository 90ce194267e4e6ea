"""The transports: how a payload travels over HTTP or a socket, and nothing else."""

from __future__ import annotations

from .base import Transport
from .polling import XHRPollingTransport
from .websocket import WebSocketTransport

__all__ = ["TRANSPORTS"]

TRANSPORTS: dict[str, type[Transport]] = {
    transport.name: transport for transport in (WebSocketTransport, XHRPollingTransport)
}
