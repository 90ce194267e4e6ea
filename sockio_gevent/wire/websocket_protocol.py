"""What all versions of WebSocket have in common: one connection's frames, read and written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ..compiled import mypyc_attr
from .packet import Packet
from .websocket import Event

__all__ = ["WebSocketProtocol"]


# A base and no typing.Protocol: the compiled form calls its methods in a fraction of the time.
@mypyc_attr(allow_interpreted_subclasses=True)
class WebSocketProtocol:
    """How one connection's frames are read and written.

    Attributes:
        finished: whether a close or a violation has been read.
        held: how many bytes are kept of a message that is not whole yet.
        shares_frames: whether a packet that is sent alone has the frame as its own payload, so
            that the frame takes no more memory.
    """

    shares_frames: ClassVar[bool] = True

    __slots__ = ("finished", "held")

    def __init__(self) -> None:
        self.finished = False
        self.held = 0

    @property
    def paused(self) -> bool:
        """Whether bytes are kept that :meth:`feed` parses if it is called without more of them."""
        return False

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes, however they were cut.

        Returns:
            The messages and control frames that these bytes complete, in
            order. A ``Close`` or a ``Failure`` is always the last one ever returned.
        """
        raise NotImplementedError

    def discard(self) -> None:
        """Drop what is kept: nothing more will be read."""
        raise NotImplementedError

    def frames(self, batch: Sequence[Packet]) -> bytes:
        """The frames for a batch of messages."""
        raise NotImplementedError

    def sizes(self, batch: Sequence[Packet]) -> Sequence[int]:
        """The sizes of the frames in the batch that was made into frames last."""
        raise NotImplementedError

    def frame(self, opcode: int, payload: bytes) -> bytes:
        """One frame; empty if the version has no frames of this kind."""
        raise NotImplementedError

    def close(self, code: int, reason: str) -> bytes:
        """The close frame; empty if the version has none."""
        raise NotImplementedError
