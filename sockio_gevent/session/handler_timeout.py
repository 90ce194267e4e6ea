"""What is raised in a handler that has not returned in time."""

from __future__ import annotations

from gevent import Timeout

__all__ = ["HandlerTimeout"]


# In a module of its own, which is not compiled: the compiler does not know its base.
class HandlerTimeout(Timeout):  # type: ignore[misc]
    """Raised in a handler that has not returned in time.

    Like other timeouts of gevent it is not an ``Exception``: a handler that
    goes on after any ``Exception`` does not go on after this one.

    Args:
        text: the text of the error.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def __str__(self) -> str:
        return self._text
