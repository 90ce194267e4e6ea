"""The life of sessions as a state machine, for Hypothesis to find the shortest way to a mistake."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from .world import SAME_TICK, World

__all__ = ["SessionMachine"]

# The clients, each with and without an idle loop after the action.
_WHICH = st.sampled_from([0, 1, 2, SAME_TICK + 1, SAME_TICK + 2, SAME_TICK + 3])
_AMOUNT = st.integers(0, 255)


def _rule(action: Callable[[World, int, int], None]) -> Callable[..., None]:
    def step(self: SessionMachine, which: int, amount: int) -> None:
        self.world.perform(action.__name__, which, amount)

    step.__name__ = action.__name__
    return rule(which=_WHICH, amount=_AMOUNT)(step)


class SessionMachine(RuleBasedStateMachine):
    """The actions as rules; the world itself does the checks."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    open = _rule(World.open)
    attach = _rule(World.attach)
    send = _rule(World.send)
    receive = _rule(World.receive)
    take = _rule(World.take)
    finish = _rule(World.finish)
    lose = _rule(World.lose)
    late = _rule(World.late)
    notice = _rule(World.notice)
    pass_time = _rule(World.pass_time)
    release = _rule(World.release)
    disconnect = _rule(World.disconnect)

    def teardown(self) -> None:
        """Every client gets its last messages, and the listener closes."""
        self.world.end()
