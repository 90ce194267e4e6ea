"""Waiting for the answers of clients of all workers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gevent

from ..errors import AckTimeout

__all__ = ["GRACE", "answers_elsewhere", "answers_here", "answers_of_all"]

#: Seconds that a worker has, besides those of its clients, to answer for them.
GRACE = 2.0


def answers_here(
    here: Callable[[], dict[str, Any]], gathering: gevent.Greenlet
) -> tuple[dict[str, Any], list[str]]:
    """Wait for the answers of this worker's clients while a greenlet gathers those of others.

    Args:
        here: waits for the answers, and returns them by the ids of the clients.
        gathering: the greenlet. It is killed if waiting fails.

    Returns:
        The answers that came, and the ids of the clients whose answers did not come.
    """
    try:
        return dict(here()), []
    except AckTimeout as error:
        return dict(error.answers), list(error.missing)
    except BaseException:
        gathering.kill()
        raise


def answers_elsewhere(gathering: gevent.Greenlet) -> Any:
    """Wait for what a greenlet gathers of others. It is killed if waiting fails."""
    try:
        return gathering.get()
    except BaseException:
        gathering.kill()
        raise


def answers_of_all(
    event: str | int,
    timeout: float | None,
    here: tuple[dict[str, Any], list[str]],
    elsewhere: tuple[Mapping[str, Any], Sequence[str]],
    silent: int,
    who: str,
) -> dict[str, Any]:
    """The answers of the clients of all workers.

    Args:
        event: the event that they answer.
        timeout: how many seconds they had; ``None`` for any number.
        here: the answers of this worker's clients by their ids, and the ids of those that have
            not answered.
        elsewhere: the same of other workers.
        silent: how many workers have not answered for their clients.
        who: what they are called.

    Raises:
        AckTimeout: if answers are missing.
    """
    came, missing = {**here[0], **elsewhere[0]}, [*here[1], *elsewhere[1]]
    if not missing and not silent:
        return came
    text = f"{len(missing)} of {len(came) + len(missing)} clients have not answered {event!r}"
    if silent:
        text += f", and {silent} {who} have not answered for their clients"
    raise AckTimeout(text if timeout is None else f"{text} within {timeout:g} s", came, missing)
