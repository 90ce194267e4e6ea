"""The books of the soak: what counts as lost, doubled, out of order, or forgiven."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.soaking.ledger import CHECKED, DISORDERED, DOUBLED, FORFEITED, LOST, Numbers, Times


def book(numbers: list[int]) -> tuple[Counter[str], Numbers]:
    counts: Counter[str] = Counter()
    ledger = Numbers(counts)
    ledger.begin(1)
    for number in numbers:
        ledger.take(number)
    return counts, ledger


@pytest.mark.parametrize(
    ("numbers", "wrong"),
    [
        ([1, 2, 3], {}),
        ([1, 3], {LOST: 1}),
        ([2, 3], {LOST: 1}),
        ([1, 2, 2, 3], {DOUBLED: 1}),
        ([1, 3, 2], {DISORDERED: 1}),
        ([1, 3, 2, 2], {DISORDERED: 1, DOUBLED: 1}),
        ([1, 5, 3], {LOST: 2, DISORDERED: 1}),
    ],
)
def test_kinds_of_mistakes_are_told_apart(numbers: list[int], wrong: dict[str, int]) -> None:
    counts, _ = book(numbers)
    del counts[CHECKED]
    assert +counts == wrong


def test_each_message_in_order_is_checked() -> None:
    assert book([1, 2, 3])[0] == {CHECKED: 3}


def test_a_message_that_has_not_come_at_the_end_is_lost() -> None:
    counts, ledger = book([1, 2])
    ledger.end(4)
    assert counts[LOST] == 2


def test_a_start_that_is_reported_later_must_agree() -> None:
    counts: Counter[str] = Counter()
    ledger = Numbers(counts)
    ledger.take(5)
    ledger.begin(6)
    assert counts == {CHECKED: 1}
    ledger.begin(8)
    assert counts[LOST] == 0
    ledger.take(8)
    assert counts[LOST] == 2


def test_messages_that_were_sent_before_a_cut_are_forgiven_and_counted() -> None:
    counts, ledger = book([1])
    ledger.cut(3)
    ledger.take(4)
    assert (counts[FORFEITED], counts[LOST]) == (2, 0)
    ledger.take(6)
    assert (counts[FORFEITED], counts[LOST]) == (2, 1)


def test_a_cut_forgives_one_gap_if_nobody_knows_what_was_sent() -> None:
    counts, ledger = book([1])
    ledger.cut()
    ledger.take(4)
    ledger.take(6)
    assert (counts[FORFEITED], counts[LOST]) == (2, 1)


def test_a_cut_does_not_forgive_a_gap_after_the_next_message() -> None:
    counts, ledger = book([1])
    ledger.cut()
    ledger.take(2)
    ledger.take(4)
    assert (counts[FORFEITED], counts[LOST]) == (0, 1)


def test_a_cut_does_not_forgive_doubles() -> None:
    counts, ledger = book([1, 2])
    ledger.cut()
    ledger.take(2)
    assert counts[DOUBLED] == 1


def test_percentiles_are_right_within_some_percent() -> None:
    times = Times()
    for milliseconds in range(1, 1001):
        times.add(milliseconds / 1000)
    assert times.percentile(0.99) == pytest.approx(0.99, rel=0.04)
    assert Times(times.steps).percentile(0.5) == pytest.approx(0.5, rel=0.04)
    assert Times().percentile(0.5) is None
