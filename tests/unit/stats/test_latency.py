"""Response times are counted by classes: bounded, added up, and close enough to the truth."""

import random

import pytest

from app.db.models import delivery_counts
from app.stats import latency, outcomes


@pytest.mark.parametrize(
    ("seconds", "name"),
    [
        (0.0, "answered_le_2"),
        (0.002, "answered_le_2"),
        (0.0021, "answered_le_5"),
        (3.0, "answered_le_3000"),
        (3.0001, "answered_le_5000"),
        (20.0, "answered_le_20000"),
        (20.1, "answered_slower"),
        (1e9, "answered_slower"),
    ],
)
def test_an_answer_counts_within_the_first_bound_that_it_kept(seconds: float, name: str) -> None:
    assert latency.counts_as(seconds) == name


def test_bounds_hold_all_that_were_as_fast() -> None:
    numbers = {"answered_le_2": 3, "answered_le_10": 2, "answered_slower": 1}

    found = dict(latency.cumulative(numbers))

    assert (found["0.002"], found["0.005"], found["0.01"], found["20"]) == (3, 3, 5, 5)
    assert found["+Inf"] == 6


def test_nothing_answered_has_no_quantile() -> None:
    assert latency.quantile_seconds({}, 0.5) is None


def test_what_is_slower_than_every_bound_took_at_least_the_last() -> None:
    assert latency.quantile_seconds({latency.SLOWER: 1}, 0.99) == 20.0


@pytest.mark.parametrize("part", [0.5, 0.99])
def test_a_quantile_lies_in_the_class_of_the_true_one(part: float) -> None:
    chance = random.Random(7)
    times = sorted(chance.expovariate(50) for _ in range(5_000))
    numbers: dict[str, int] = {}
    for each in times:
        name = latency.counts_as(each)
        numbers[name] = numbers.get(name, 0) + 1

    found = latency.quantile_seconds(numbers, part)

    assert found is not None
    assert latency.counts_as(found) == latency.counts_as(times[int(part * len(times))])


def test_every_word_that_is_counted_fits_its_column_behind_a_source() -> None:
    width = delivery_counts.c.outcome.type.length
    longest_source = "x" * 14 + "/"

    words = (*outcomes.ALL, *outcomes.ATTEMPTS, *latency.ALL)

    assert len(set(words)) == len(words)
    assert max(len(longest_source + word) for word in words) <= width
