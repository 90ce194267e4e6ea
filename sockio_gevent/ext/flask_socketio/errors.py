"""The error with which a ``connect`` handler refuses a client, and why clients have left."""

from __future__ import annotations

from typing import Any

from sockio_gevent import Refused

__all__ = ["REJECTED", "ConnectionRefusedError", "Reason", "reason_of"]

#: What a client is told for which the handler has returned ``False``.
REJECTED = "Connection rejected by server"


class ConnectionRefusedError(Refused):  # noqa: A001 - its name there
    """Raised by a ``connect`` handler: the client is not let in.

    Args:
        *args: the text for the client, and more data for it; several are a list.
    """

    def __init__(self, *args: Any) -> None:
        text, *data = args or (REJECTED,)
        super().__init__(str(text), data[0] if len(data) == 1 else data or None)


class Reason:
    """Why a client has left: the argument of ``disconnect`` handlers."""

    CLIENT_DISCONNECT = "client disconnect"
    SERVER_DISCONNECT = "server disconnect"
    PING_TIMEOUT = "ping timeout"
    TRANSPORT_CLOSE = "transport close"
    TRANSPORT_ERROR = "transport error"


# By the names of ``client.disconnect_reason``; all others are errors.
_REASONS = {
    "client_closed": Reason.CLIENT_DISCONNECT,
    "disconnected": Reason.SERVER_DISCONNECT,
    "going_away": Reason.SERVER_DISCONNECT,
    "heartbeat_lost": Reason.PING_TIMEOUT,
    "connection_lost": Reason.TRANSPORT_CLOSE,
    "away_too_long": Reason.TRANSPORT_CLOSE,
}


def reason_of(disconnect_reason: str | None) -> str:
    """The reason in the words of Flask-SocketIO.

    Args:
        disconnect_reason: the attribute of this name of the client.
    """
    return _REASONS.get(disconnect_reason or "", Reason.TRANSPORT_ERROR)
