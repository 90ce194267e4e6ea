"""What a session asks of whatever brings its messages to the client."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, Protocol

from gevent.event import Event

from ..compiled import mypyc_attr
from ..wire.packet import Packet

__all__ = ["Downlink", "Upload"]


@mypyc_attr(allow_interpreted_subclasses=True)
class Downlink:
    """The request or socket that carries a session's messages to its client.

    Args:
        transport: the name of the transport.

    Attributes:
        copied: about how many bytes of memory the encoded copy of a batch takes while
            it is being written.
        in_pieces: whether the outbox may be written in several batches without a
            difference to clients.
        is_over: whether it is over: nothing is written or read any more.
        once: whether it is over after one batch.
    """

    in_pieces: ClassVar[bool] = False
    once = False

    __slots__ = ("_over", "copied", "is_over", "transport")

    def __init__(self, transport: str) -> None:
        self.transport = transport
        self.copied = 0
        self.is_over = False
        self._over: Event | None = None

    @property
    @abstractmethod
    def ready(self) -> bool:
        """Whether a batch can be written now."""

    @property
    def writing(self) -> bool:
        """Whether it keeps a batch that the socket has not taken completely."""
        return False

    def offer(self, batch: Sequence[Packet]) -> bool | None:
        """Send a batch in one write, if it is ready.

        Returns:
            Whether it keeps the batch because the socket has not taken all of it
            yet; ``None`` if it is not ready and the batch was not taken.
        """
        if not self.ready:
            return None
        self.write(batch)
        return self.writing

    @abstractmethod
    def write(self, batch: Sequence[Packet]) -> None:
        """Send a batch in one write. Must not block; call it only when ready."""

    @abstractmethod
    def close(self, code: int, reason: str, last: Sequence[Packet] = ()) -> None:
        """End it cleanly, without waiting.

        Args:
            code: a WebSocket close code, for transports that can send it.
            reason: the reason in words.
            last: the messages to send before the end, where that is possible.
        """

    @abstractmethod
    def take_back(self) -> Sequence[Packet]:
        """Take back the messages that certainly did not arrive, and stop sending them."""

    def has_unread(self) -> bool:
        """Whether the client has sent something over it that was not read yet."""
        return False

    def hung_up(self) -> bool:
        """Whether the client has hung up, and this was not noticed yet."""
        return False

    @abstractmethod
    def abort(self) -> None:
        """End it at once, even in the middle of a write, and keep no batch."""

    def shut_down(self) -> None:
        """Shut the socket down, so that the client notices; any thread may call it."""

    def wait_over(self) -> None:
        """Wait until it is over."""
        if not self.is_over:
            self._over = self._over or Event()
            self._over.wait()

    def link_over(self, callback: Callable[[Downlink], None]) -> None:
        """Call a function, in the hub, when it is over. Call this only while it is not."""
        self._over = self._over or Event()
        self._over.rawlink(lambda _: callback(self))

    def _set_over(self) -> None:
        self.is_over = True
        if self._over is not None:
            self._over.set()


class Upload(Protocol):
    """A request whose body is being read."""

    def cut(self) -> None:
        """Cut its connection."""
