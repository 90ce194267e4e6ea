"""What events raise: in the middleware of a namespace, and while an answer is awaited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["AckTimeout", "Disconnected", "Refused"]


class Refused(Exception):
    """Raised by middleware: the client is not let into the namespace.

    Args:
        text: why, for the client and the log.
        data: more about it, for the client: a JSON value.

    Attributes:
        text, data: the same as given.

    Raises:
        TypeError: if the text is no ``str``.
    """

    def __init__(self, text: str, data: Any = None) -> None:
        if not isinstance(text, str):
            raise TypeError(
                f"the text of a refusal is a str for the client, not {text!r:.80}: "
                "give anything else as the second argument, 'data'"
            )
        super().__init__(text)
        self.text = text
        self.data = data


class Disconnected(ConnectionError):
    """The client has left before it has answered, so its answer cannot come any more."""


class AckTimeout(TimeoutError):
    """An answer did not come in time.

    Args:
        text: what has happened.
        answers: the answers that came, by the ids of the clients.
        missing: the ids of the clients whose answers did not come.

    Attributes:
        answers, missing: the same as given.
    """

    def __init__(
        self, text: str, answers: Mapping[str, Any] | None = None, missing: Sequence[str] = ()
    ) -> None:
        super().__init__(text)
        self.answers = dict(answers or {})
        self.missing = list(missing)
