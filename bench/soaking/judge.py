"""Which sessions had to end, because of what was done to their workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Deed", "excuse"]

_FROZEN_FOR = 25.0  # seconds after a standstill in which its sessions may end
_CUT_FOR = 3.0  # seconds after a kill in which connections that came to the killed may break


@dataclass
class Deed:
    """Something that was done to workers.

    Attributes:
        what: what.
        pids: to which processes; empty for all.
        began: when, on the monotonic clock.
        ended: when it was over.
        kills: whether the processes end by it.
    """

    what: str
    pids: frozenset[int]
    began: float
    ended: float
    kills: bool


def excuse(worker: int, at: float, deeds: Sequence[Deed]) -> str:
    """Why a session had to end; empty if it had not.

    Args:
        worker: the process of its worker; 0 if it was not known.
        at: when it ended, on the monotonic clock.
        deeds: what was done.
    """
    done = [deed for deed in deeds if deed.began <= at]
    of_worker = [deed for deed in done if worker in deed.pids]
    if any(deed.kills for deed in of_worker):
        return "its worker was killed or replaced"
    if any(at <= deed.ended + _FROZEN_FOR for deed in of_worker):
        return "its worker stood still"
    for deed in done:
        late = at - deed.ended
        if not worker and late <= (_CUT_FOR if deed.kills else _FROZEN_FOR):
            return "not opened yet"
        # Its request may have come to a worker that was killed before it could hand it over.
        if deed.kills and late <= _CUT_FOR:
            return "one of its connections had come to a worker that was killed"
    return ""
