"""The life of classic sessions: the input is a sequence of actions."""

from __future__ import annotations

from functools import partial

from ..actions import play
from ..actions import spell as spell_for
from ..world import ClassicWorld

__all__ = ["SEEDS", "TOKENS", "check"]

spell = partial(spell_for, ClassicWorld)

# Three bytes for each action: which, about whom, and how.
TOKENS = tuple(spell((name, 0, how)) for name in ClassicWorld.ACTIONS for how in (0, 1, 2, 4, 31))
SEEDS = (
    # A stream that is lost with a message under way, and comes again.
    spell(("open", 0, 4), ("send", 0, 1), ("lose", 0, 0), ("attach", 0, 1), ("send", 0, 2)),
    # The same with two messages under way at once.
    spell(
        *(("open", 0, 4), ("take", 0, 0), ("send", 200, 0), ("send", 0, 8), ("lose", 0, 0)),
        ("attach", 0, 1),
    ),
    # Polls: an answer, what is sent between two, and a poll that times out.
    spell(("open", 0, 2), ("finish", 0, 0), ("send", 0, 0), ("attach", 0, 2), ("finish", 0, 0)),
    spell(("open", 0, 2), ("finish", 0, 0), ("attach", 0, 2), ("pass_time", 0, 0), ("lose", 0, 0)),
    # Heartbeats: echoed, and lost.
    spell(("open", 0, 1), ("pass_time", 0, 0), ("receive", 0, 3), ("pass_time", 0, 0)),
    spell(("open", 0, 1), ("pass_time", 0, 0), ("pass_time", 0, 0), ("pass_time", 0, 0)),
    spell(("open", 0, 1), ("pass_time", 0, 0), ("receive", 0, 4), ("pass_time", 0, 0)),
    # A slow socket that another one replaces, and a buffer that overflows.
    spell(("open", 0, 3), ("send", 0, 16), ("take", 0, 9), ("attach", 0, 0), ("late", 0, 0)),
    spell(("open", 0, 3), ("take", 0, 255), *[("send", 0, 24)] * 4),
    spell(("open", 0, 0), *[("send", 200, 24)] * 5, ("send", 0, 0)),
    # A handler that waits while more messages come, and while the session ends.
    spell(
        *(("open", 0, 0), ("receive", 0, 2), ("receive", 0, 0), ("receive", 0, 1)),
        ("release", 0, 0),
    ),
    spell(("open", 0, 0), ("receive", 0, 2), ("receive", 0, 65), ("lose", 0, 0), ("release", 0, 0)),
    # An application that wants no more of a client: while messages wait, and at once.
    spell(
        *(("open", 0, 0), ("receive", 0, 2), ("receive", 0, 0)),
        *(("disconnect", 0, 1), ("release", 0, 0)),
    ),
    spell(("open", 200, 0), ("disconnect", 0, 1)),
    spell(("open", 0, 0), ("open", 0, 4), ("send", 0, 7), ("disconnect", 1, 1), ("send", 1, 7)),
)


def check(data: bytes) -> None:
    """Do all actions."""
    play(ClassicWorld, data)
