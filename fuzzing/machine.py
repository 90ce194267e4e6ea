"""The life of sessions as state machines, for Hypothesis to find the shortest way to a mistake."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from .actions import SAME_TICK, World
from .engineio_world import EngineIOWorld
from .world import ClassicWorld

__all__ = ["ClassicMachine", "EngineIOMachine"]

# The clients, each with and without an idle loop after the action.
_WHICH = st.sampled_from([0, 1, 2, SAME_TICK + 1, SAME_TICK + 2, SAME_TICK + 3])
_AMOUNT = st.integers(0, 255)


def _rule(action: str) -> Callable[..., None]:
    def step(self: Any, which: int, amount: int) -> None:
        self.world.perform(action, which, amount)

    step.__name__ = action
    return rule(which=_WHICH, amount=_AMOUNT)(step)


def _machine(kind: type[World[Any]]) -> type[RuleBasedStateMachine]:
    """The actions of a world as rules; the world itself does the checks."""

    def begin(self: Any) -> None:
        RuleBasedStateMachine.__init__(self)
        self.world = kind()

    def teardown(self: Any) -> None:
        # Every client gets its last messages, and the listener closes.
        self.world.end()

    rules = {action: _rule(action) for action in kind.ACTIONS}
    methods = {**rules, "__init__": begin, "teardown": teardown}
    return type(f"{kind.__name__}Machine", (RuleBasedStateMachine,), methods)


ClassicMachine = _machine(ClassicWorld)
EngineIOMachine = _machine(EngineIOWorld)
