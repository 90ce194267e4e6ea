"""Runners: greenlets that run functions which may block, for callers that must not wait."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from typing import Any, Final

from gevent import Greenlet, get_hub, getcurrent

from .per_hub import PerHub

__all__ = ["run_aside"]

# Greenlets that are kept for the next function. If no function blocks, one is enough.
_MOST_PARKED: Final = 1


class _Runner:
    """A greenlet that runs one function after the other.

    Args:
        parked: the list of runners without work. It adds itself to this list.
    """

    __slots__ = ("_caller", "_function", "_parked", "_wake_up", "greenlet")

    def __init__(self, parked: list[_Runner]) -> None:
        self._parked = parked
        self._function: Any = None  # it may change while its greenlet does not run
        self._caller: Any = None
        self._wake_up: Any = None
        self.greenlet = Greenlet(self._work)

    def run(self, function: Callable[[], object]) -> None:
        self._function = function
        self._caller = caller = getcurrent()
        # If the function blocks, the hub runs this callback, and the caller goes on.
        self._wake_up = wake_up = get_hub().loop.run_callback(caller.switch)
        try:
            self.greenlet.switch()
        finally:
            wake_up.stop()
            self._caller = None

    def _work(self) -> None:
        try:
            self._run_functions()
        finally:
            if self in self._parked:  # it was killed while it had no work
                self._parked.remove(self)

    def _run_functions(self) -> None:
        hub = get_hub()
        while True:
            function, self._function = self._function, None
            if function is not None:
                function()
                function = None
            if len(self._parked) >= _MOST_PARKED:
                return
            self._parked.append(self)
            if self._wake_up.pending:
                # The function has not blocked: switch back to the caller, which stops the
                # callback, and not through the hub.
                self._caller.switch()
            while self._function is None:
                # Something else may wake it, such as an event from an earlier handler.
                hub.switch()


_parked: PerHub[list[_Runner]] = PerHub(lambda hub: [])


def run_aside(function: Callable[[], object]) -> None:
    """Run a function in another greenlet; return when it has ended, or soon after it has blocked.

    The function sees the context variables of the caller. Those that it sets are its own.

    Args:
        function: the function. If it raises an error, its greenlet ends like any other.
    """
    parked = _parked.here()
    runner = parked.pop() if parked else _Runner(parked)
    context = copy_context()
    runner.run(lambda: context.run(function))
