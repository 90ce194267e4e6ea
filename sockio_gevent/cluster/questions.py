"""The questions that this worker has asked others, and who waits for the answers."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

from ..hub.wake_up import WakeUp

__all__ = ["Question", "Questions"]


class Question:
    """One question. The greenlet that has made it waits for the answers.

    Args:
        workers: the names of those who are asked.

    Attributes:
        answers: the answers that came, by the names of the workers.
        awaited: the workers that have not answered yet.
        gone: the workers that have gone, or cannot answer. The value says whether the worker
            may have got the question.
    """

    __slots__ = ("_complete", "answers", "awaited", "gone")

    def __init__(self, workers: Iterable[str]) -> None:
        self.answers: dict[str, bytes] = {}
        self.awaited = set(workers)
        self.gone: dict[str, bool] = {}
        self._complete = WakeUp()

    def answered(self, worker: str, body: bytes) -> None:
        """An answer has come."""
        if worker in self.awaited:
            self.answers[worker] = body
            self._no_longer(worker)

    def lost(self, worker: str, begun: bool) -> None:
        """A worker cannot answer any more."""
        if worker in self.awaited:
            self.gone[worker] = begun
            self._no_longer(worker)

    def _no_longer(self, worker: str) -> None:
        # Last, so that the greenlet that waits finds everything in its place.
        self.awaited.discard(worker)
        if not self.awaited:
            self._complete.set()

    def wait(self, timeout: float | None) -> None:
        """Wait until nobody is awaited any more, for as many seconds; ``None`` waits for ever."""
        if self.awaited:
            self._complete.wait(timeout)


class Questions:
    """The questions of one worker that have not been answered yet."""

    __slots__ = ("_by_number", "_numbers")

    def __init__(self) -> None:
        self._numbers = count(1)
        self._by_number: dict[int, Question] = {}

    def new(self, workers: Iterable[str]) -> tuple[int, Question]:
        """Begin to wait; return the number of the question, too."""
        number, question = next(self._numbers), Question(workers)
        self._by_number[number] = question
        return number, question

    def get(self, number: int) -> Question | None:
        """The question with a number, if somebody still waits."""
        return self._by_number.get(number)

    def over(self, number: int) -> None:
        """Nobody waits any more."""
        self._by_number.pop(number, None)

    def lost(self, worker: str, begun: bool) -> None:
        """A worker has gone.

        Args:
            worker: its name.
            begun: whether it may have got the questions.
        """
        for question in list(self._by_number.values()):
            question.lost(worker, begun)
