"""The transports: how a payload travels over HTTP or a socket."""

from __future__ import annotations

from collections.abc import Iterable

from ..dialects.base import Dialect
from ..dialects.engineio import EngineIO
from ..options.listener_options import Options
from .base import Transport
from .classic_polling import JSONPPollingTransport, XHRPollingTransport
from .engineio import JSONPTransport, PollingTransport
from .engineio_websocket import EngineIOWebSocketTransport
from .streaming import HTMLFileTransport, ServerEventsTransport, XHRMultipartTransport
from .websocket import FlashSocketTransport, WebSocketTransport

__all__ = ["transports_of"]

_CLASSIC: dict[str, type[Transport]] = {
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
_ENGINEIO: dict[str, type[Transport]] = {
    transport.name: transport
    for transport in (EngineIOWebSocketTransport, PollingTransport, JSONPTransport)
}


def transports_of(
    options: Options, dialects: Iterable[Dialect]
) -> dict[tuple[Dialect, str], Transport]:
    """The transports that the option of this name lets in, by their dialects and names."""
    found: dict[tuple[Dialect, str], Transport] = {}
    for dialect in dialects:
        kinds = _ENGINEIO if isinstance(dialect, EngineIO) else _CLASSIC
        for name in options.transports:
            if name in kinds:
                found[dialect, name] = kinds[name](options, dialect)
    return found
