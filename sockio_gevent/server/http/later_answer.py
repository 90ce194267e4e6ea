"""An answer that is not there yet, which needs no greenlet to be sent."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator

__all__ = ["LaterAnswer"]


class LaterAnswer:
    """The body of an answer that comes later, and is not begun before.

    Whoever iterates over it waits, as for the body of any WSGI application (PEP 3333). The
    connection of a plain request does not. It is called in the hub when the answer is there,
    and sends it from there: the greenlet of the request sleeps until the next request.
    """

    __slots__ = ()

    @abstractmethod
    def when_there(self, call: Callable[[], None]) -> None:
        """Call a function once, in the hub, when the answer is there."""

    @abstractmethod
    def watch(self) -> None:
        """Notice from now on if the client hangs up: what is to be sent takes time."""

    @abstractmethod
    def wait(self) -> None:
        """Wait until the answer is there, or the client has hung up."""

    @property
    @abstractmethod
    def is_short(self) -> bool:
        """Whether the answer is there, and :meth:`begin` can be called in the hub."""

    @abstractmethod
    def begin(self) -> bytes:
        """Begin the answer, which is there; return its body."""

    @abstractmethod
    def sent(self) -> None:
        """All of the answer was sent."""

    @abstractmethod
    def pieces(self) -> Iterable[bytes]:
        """Wait for the answer, and begin it by ``start_response``."""

    @abstractmethod
    def close(self) -> None:
        """The server is done with it, whether it was sent or not (PEP 3333)."""

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.pieces())
