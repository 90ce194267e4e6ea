"""The engine that is always installed: Hypothesis, which makes inputs and shortens them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from math import inf
from time import monotonic, process_time

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from .harnesses import Harness
from .inputs import LONGEST, first_inputs

__all__ = ["SLOWEST", "Found", "inputs", "limited", "run", "run_examples"]

# No input may take more processor time than this, in seconds; sound code takes far less.
SLOWEST = 10.0
_ROUND = 500  # inputs between two checks of the clock that ends a run


class Found(AssertionError):
    """An input breaks a promise; the cause of this exception says which one.

    Attributes:
        data: the input, made as short as possible.
        tried: how many inputs there were until then.
    """

    def __init__(self, data: bytes, tried: int) -> None:
        super().__init__(f"found with {data!r}")
        self.data = data
        self.tried = tried


def inputs(name: str, harness: Harness) -> st.SearchStrategy[bytes]:
    """Inputs made of a harness's tokens, of pieces of its seeds, and of anything else."""
    seeds = st.sampled_from(first_inputs(name, harness))
    bound = st.integers(0, 64)
    pieces = st.one_of(
        st.sampled_from(harness.TOKENS),
        st.binary(max_size=8),
        st.builds(lambda data, start, size: data[start : start + size], seeds, bound, bound),
    )
    made = st.builds(
        lambda start, parts: (start + b"".join(parts))[:LONGEST],
        st.one_of(seeds, st.binary(max_size=8)),
        st.lists(pieces, max_size=30),
    )
    return st.one_of(seeds, made, made, st.binary(max_size=200))


def limited(check: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """A check that also fails if it takes too long."""

    def check_in_time(data: bytes) -> None:
        began = process_time()
        check(data)
        taken = process_time() - began
        assert taken < SLOWEST, f"{len(data)} bytes took {taken:.1f} s"

    return check_in_time


def run_examples(
    name: str, harness: Harness, most: int, number: int | None = None, seconds: float = inf
) -> int:
    """Check inputs.

    Args:
        name: the name of the harness.
        harness: the harness.
        most: how many inputs are to be made, beside those that there are to begin with.
        number: what chooses them; the same number chooses the same ones, and
            ``None`` those that are chosen always.
        seconds: when to stop before.

    Returns:
        How many inputs there were.

    Raises:
        Found: if one of them breaks a promise.
    """
    check = limited(harness.check)
    end = monotonic() + seconds
    tried = 0
    last = b""

    def try_one(data: bytes) -> None:
        nonlocal tried, last
        if monotonic() < end:
            tried, last = tried + 1, data
            check(data)

    prepared = settings(
        max_examples=most,
        deadline=None,
        database=None,
        derandomize=number is None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )(given(inputs(name, harness))(try_one))
    try:
        for data in first_inputs(name, harness):
            try_one(data)
        (prepared if number is None else seed(number)(prepared))()
    except Exception as error:
        # The last input that is tried is the shortest that was found.
        raise Found(last, tried) from error
    return tried


def run(name: str, harness: Harness, seconds: float) -> int:
    """Check inputs for so long; see :func:`run_examples`."""
    end = monotonic() + seconds
    tried = 0
    for number in count(1):
        tried += run_examples(name, harness, _ROUND, number, end - monotonic())
        if monotonic() >= end:
            break
    return tried
