"""What the methods of a client for tests raise."""

from __future__ import annotations

from typing import Any

__all__ = ["Disconnected", "Refused"]


class Refused(ConnectionRefusedError):
    """The listener does not let this client connect.

    It is another class than :class:`sockio_gevent.Refused`, which middleware raises.

    Attributes:
        status: the HTTP status of the answer that a browser would get; empty if middleware
            has refused the client, because a browser is connected by then.
        text: what was wrong.
        data: what middleware has said besides; ``None`` for nothing.
    """

    def __init__(self, status: str, text: str, data: Any = None) -> None:
        super().__init__(f"{status}: {text}" if status else text)
        self.status = status
        self.text = text
        self.data = data


class Disconnected(ConnectionError):
    """The session has ended, or the client has left the namespace.

    Attributes:
        reason: why, as the log says it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"the session has ended: {reason}")
        self.reason = reason
