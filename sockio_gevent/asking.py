"""Questions to clients: an event for all of them at once, and the wait for their answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .acknowledgements import Answers, Each
from .errors import AckTimeout
from .events import EventName
from .session.session import Session
from .space import Space

__all__ = ["ask", "ask_each"]


def ask(
    space: Space,
    asked: dict[Session, str],
    event: EventName,
    arguments: Sequence[Any],
    timeout: float | None,
    volatile: bool = False,
) -> dict[str, Any]:
    """Send an event to clients, and wait for their answers.

    Args:
        space: the namespace.
        asked: the ids of the clients by their sessions.
        event: the name of the event.
        arguments: its arguments.
        timeout: how many seconds to wait; ``None`` waits for ever.
        volatile: whether to leave out clients that could not get it now.

    Returns:
        The answers by the ids of the clients.

    Raises:
        AckTimeout: if a client has not answered in this time, or has left before.
        TypeError, ValueError: if the arguments cannot be sent.
    """
    number = next(space.numbers)
    answers = Answers(asked, space.gathered)
    receivers = [session for session in asked if space.pending.add(session, number, answers)]
    for session in asked.keys() - set(receivers):
        answers.lost(session)
    try:
        space.send(event, tuple(arguments), receivers, volatile, number)
        in_time = answers.wait(timeout)
    finally:
        late = answers.stop()
        for session in late:
            space.pending.take(session, number)
    missing = [*answers.missing, *[asked[session] for session in late]]
    if missing:
        why = f"within {timeout:g} s" if not in_time and timeout is not None else "before leaving"
        text = f"{len(missing)} of {len(asked)} clients have not answered {event!r} {why}"
        if answers.dropped:
            text += f"; {answers.dropped} answers were dropped, because all take too much memory"
        raise AckTimeout(text, answers.came, missing)
    return answers.came


def ask_each(
    space: Space,
    asked: dict[Session, str],
    event: EventName,
    arguments: Sequence[Any],
    begin: Callable[[list[str]], object],
    answered: Callable[[str, list[Any]], object],
    left: Callable[[str], object],
    volatile: bool = False,
) -> Callable[[], None]:
    """Send an event to clients, and tell of each answer as it comes.

    Args:
        space: the namespace.
        asked: the ids of the clients by their sessions.
        event: the name of the event.
        arguments: its arguments.
        begin: called with the ids of the clients, before they are asked.
        answered: called with the id of a client and the arguments of its answer.
        left: called with the id of a client that has left without an answer, or whose answer
            is waited for no longer.
        volatile: whether to leave out clients that could not get it now.

    Returns:
        A function that waits no longer for answers.
    """
    number, each = next(space.numbers), Each(asked, answered, left)
    begin(list(asked.values()))
    receivers = [session for session in asked if space.pending.add(session, number, each)]
    for session in asked.keys() - set(receivers):
        each.lost(session)
    if receivers:
        space.send(event, tuple(arguments), receivers, volatile, number)

    def stop() -> None:
        for session in receivers:
            if space.pending.take(session, number) is not None:
                each.lost(session)

    return stop
