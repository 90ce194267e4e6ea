"""The life of Engine.IO sessions, with upgrades and namespaces: the input is a row of actions."""

from __future__ import annotations

from functools import partial

from ..actions import play
from ..actions import spell as spell_for
from ..engineio_world import EngineIOWorld

__all__ = ["SEEDS", "TOKENS", "check"]

spell = partial(spell_for, EngineIOWorld)

# Three bytes for each action: which, about whom, and how.
TOKENS = tuple(spell((name, 0, how)) for name in EngineIOWorld.ACTIONS for how in (0, 1, 2, 4, 31))
# A poll waits behind these.
_JOINED = (("open", 0, 0), ("receive", 0, 1), ("finish", 0, 1), ("finish", 0, 1))
SEEDS = (
    # Polls of both versions: what is sent while one waits, and between two.
    spell(*_JOINED, ("send", 0, 0), ("finish", 0, 0), ("send", 0, 8), ("poll", 0, 0)),
    spell(("open", 0, 3), ("finish", 0, 1), ("send", 0, 7), ("finish", 0, 1), ("receive", 0, 2)),
    # An upgrade with messages at each step.
    spell(
        *(*_JOINED, ("try_websocket", 0, 0), ("send", 0, 0), ("probe", 0, 0), ("send", 0, 0)),
        *(("finish", 0, 0), ("send", 0, 0), ("upgrade", 0, 0), ("send", 0, 0)),
    ),
    # An upgrade that ends while a poll is being answered, and one while a poll waits.
    spell(
        *(*_JOINED, ("try_websocket", 0, 0), ("send", 128, 0), ("send", 0, 0), ("probe", 0, 0)),
        ("upgrade", 0, 1),
    ),
    spell(
        *_JOINED, ("try_websocket", 0, 0), ("probe", 128, 0), ("upgrade", 128, 1), ("send", 0, 0)
    ),
    # Upgrades that are cut at each step; the session goes on with its polls.
    spell(*_JOINED, ("try_websocket", 0, 0), ("spoil", 0, 1), ("send", 0, 0), ("finish", 0, 1)),
    spell(*_JOINED, ("try_websocket", 0, 0), ("probe", 0, 1), ("spoil", 0, 2), ("send", 0, 0)),
    spell(*_JOINED, ("try_websocket", 0, 0), ("probe", 0, 1), ("spoil", 0, 3), ("send", 0, 0)),
    # An upgrade that is still being tried when the listener closes.
    spell(*_JOINED, ("try_websocket", 0, 0)),
    # The application ends a session that is in the middle of its upgrade.
    spell(
        *(*_JOINED, ("try_websocket", 0, 0), ("probe", 0, 1), ("send", 128, 0)),
        *(("disconnect", 0, 11), ("receive", 0, 255), ("upgrade", 0, 1)),
    ),
    spell(
        *_JOINED,
        ("try_websocket", 0, 1),
        ("probe", 0, 1),
        ("send", 128, 0),
        ("receive", 0, 255),
        ("upgrade", 0, 1),
    ),
    # Namespaces: several at once, refused ones, unknown ones, left and joined again.
    spell(*_JOINED, ("receive", 0, 17), ("receive", 0, 49), ("broadcast", 0, 1), ("finish", 0, 1)),
    spell(*_JOINED, ("receive", 0, 8), ("receive", 0, 9), ("receive", 0, 1), ("finish", 0, 1)),
    spell(*_JOINED, ("receive", 0, 11), ("receive", 0, 7), ("finish", 0, 1), ("receive", 0, 1)),
    # Answers both ways, and one that never comes.
    spell(
        *_JOINED,
        ("receive", 0, 4),
        ("ask", 0, 0),
        ("ask", 0, 0),
        ("finish", 0, 1),
        ("answer", 0, 0),
    ),
    spell(("open", 0, 2), ("receive", 0, 0), ("ask", 0, 0), ("answer", 0, 0), ("disconnect", 0, 1)),
    # A handler that waits while its client leaves, comes again, and is lost.
    spell(
        *(*_JOINED, ("receive", 0, 3), ("receive", 0, 11), ("receive", 0, 1), ("lose", 0, 1)),
        ("release", 0, 0),
    ),
    # Heartbeats: answered, and lost; a client that connects to nothing.
    spell(*_JOINED, ("pass_time", 0, 0), ("finish", 0, 1), ("receive", 0, 10), ("pass_time", 0, 0)),
    spell(*_JOINED, ("pass_time", 0, 0), ("pass_time", 0, 0)),
    spell(("open", 0, 0), ("receive", 0, 8), ("pass_time", 0, 3)),
    # A client that has connected in time.
    spell(*_JOINED, ("pass_time", 0, 3)),
)


def check(data: bytes) -> None:
    """Do all actions."""
    play(EngineIOWorld, data)
