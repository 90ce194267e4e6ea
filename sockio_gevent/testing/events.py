"""An event that a client for tests has received."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Event"]


class Event(tuple[Any, ...]):
    """An event from the application: a tuple of its name and its arguments.

    Attributes:
        name: its name.
        arguments: its arguments.
        wants_answer: whether the application waits for an answer.
    """

    _answer: Callable[..., None] | None

    def __new__(
        cls, name: str | int, arguments: list[Any], answer: Callable[..., None] | None
    ) -> Event:
        """Make an event; ``answer`` sends the answer to it, ``None`` if none is wanted."""
        event = super().__new__(cls, (name, *arguments))
        event._answer = answer
        return event

    @property
    def name(self) -> str | int:
        """Its name."""
        name: str | int = self[0]
        return name

    @property
    def arguments(self) -> tuple[Any, ...]:
        """Its arguments."""
        return self[1:]

    @property
    def wants_answer(self) -> bool:
        """Whether the application waits for an answer."""
        return self._answer is not None

    def answer(self, *arguments: Any) -> None:
        """Send an answer to it.

        Raises:
            ValueError: if no answer is wanted.
        """
        if self._answer is None:
            raise ValueError(f"the application wants no answer to {self[0]!r}")
        self._answer(*arguments)
