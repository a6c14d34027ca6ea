"""Counting in memory: exact as long as there is room, and never larger than that."""

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from app.errors import (
    DatabaseUnavailable,
    KeyMissing,
    SchemaMoved,
    TooLarge,
    Unreadable,
    Unverified,
)
from app.intake import signatures, verify
from app.stats import counters, outcomes
from app.stats.counters import NOBODY, CountBatch, CounterKey, Counters, KeyMismatch, Seen

HOUR = datetime(2026, 3, 5, 9, tzinfo=UTC)


def new_counters(at: datetime = HOUR) -> Counters:
    return Counters(lambda: at)


def place(trigger_id: int, outcome: str = outcomes.ACCEPTED) -> CounterKey:
    return CounterKey(HOUR, trigger_id, outcome)


def test_what_is_counted_together_is_one_number_of_its_hour() -> None:
    counted = new_counters(HOUR + timedelta(minutes=59, seconds=59, microseconds=1))

    counted.count(1, outcomes.ACCEPTED)
    counted.count(1, outcomes.ACCEPTED, 4)
    counted.count(2, outcomes.ACCEPTED)

    assert counted.take().counts == {place(1): 5, place(2): 1}


def test_taken_numbers_are_gone() -> None:
    counted = new_counters()
    counted.count(1, outcomes.ACCEPTED)
    counted.take()

    assert not counted.take()


def test_numbers_that_are_put_back_join_those_counted_meanwhile() -> None:
    counted = new_counters()
    counted.count(1, outcomes.FILTERED)
    counted.count_claimed(1, outcomes.TOO_LARGE)
    counted.repeat(7, "other")
    taken = counted.take()
    counted.count(1, outcomes.FILTERED)
    counted.repeat(7, "other")

    counted.put_back(taken)

    assert counted.take() == CountBatch(
        counts={place(1, outcomes.FILTERED): 2},
        claimed={place(1, outcomes.TOO_LARGE): 1},
        repeats={7: Seen(2, HOUR, HOUR)},
        mismatches={KeyMismatch(7, "other"): Seen(2, HOUR, HOUR)},
    )


def test_a_repeat_spans_the_time_from_the_first_to_the_last() -> None:
    moments = [HOUR + timedelta(seconds=second) for second in (2, 1, 3)]
    batch = CountBatch()

    for moment in moments:
        batch.see(batch.repeats, 7, Seen(1, moment, moment))

    assert batch.repeats == {7: Seen(3, moments[1], moments[2])}


@pytest.fixture
def _hasty_threads() -> Iterator[None]:
    """They take turns as often as they can, so that a race shows."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("_hasty_threads")
def test_threads_that_count_at_once_lose_nothing() -> None:
    counted = new_counters()
    together = threading.Barrier(8)

    def count() -> None:
        together.wait(120)
        for number in range(2_000):
            counted.count(number % 3, outcomes.ACCEPTED)

    with ThreadPoolExecutor(8) as pool:
        for each in [pool.submit(count) for _ in range(8)]:
            each.result()

    assert sum(counted.take().counts.values()) == 16_000


def test_100_000_named_ids_take_no_more_room_than_the_limit() -> None:
    counted = new_counters()

    for trigger_id in range(1, 100_001):
        counted.count_claimed(trigger_id, outcomes.TOO_LARGE)

    taken = counted.take()
    assert len(taken.claimed) == counters.CLAIMED_AT_MOST
    assert taken.counts == {place(NOBODY, outcomes.TOO_LARGE): 100_000 - counters.CLAIMED_AT_MOST}


def test_what_finds_no_room_is_dropped_and_said() -> None:
    counted = new_counters()

    for number in range(counters.DISTINCT_AT_MOST + 5):
        counted.count(number, outcomes.ACCEPTED, 2)
        counted.repeat(number, "other")
    counted.count(1, outcomes.ACCEPTED)

    taken = counted.take()
    sizes = {len(taken.counts), len(taken.repeats), len(taken.mismatches)}
    assert sizes == {counters.DISTINCT_AT_MOST}
    assert taken.counts[place(1)] == 3
    assert taken.dropped == 5 * 2 + 5 + 5


@pytest.mark.parametrize(
    "reason",
    [
        *(verify.UNKNOWN, verify.DISABLED, verify.NO_SECRET),
        *(signatures.MISSING, signatures.BAD, signatures.STALE),
    ],
)
def test_every_reason_of_a_refusal_has_an_outcome_of_its_own(reason: str) -> None:
    assert outcomes.of(Unverified(reason)) == f"refused_{reason}"


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (TooLarge(), outcomes.TOO_LARGE),
        (Unreadable(), outcomes.MALFORMED),
        (KeyMissing(), outcomes.MISSING_KEY),
        (DatabaseUnavailable(), outcomes.UNAVAILABLE),
        (SchemaMoved(), outcomes.UNAVAILABLE),
        (Unverified("a reason of tomorrow"), outcomes.BAD_SIGNATURE),
        (ZeroDivisionError(), outcomes.UNEXPECTED),
    ],
    ids=repr,
)
def test_every_error_has_an_outcome(error: Exception, outcome: str) -> None:
    assert outcomes.of(error) == outcome


def test_the_outcomes_are_different_words_that_the_column_takes() -> None:
    words = {
        value for name, value in vars(outcomes).items() if name.isupper() and type(value) is str
    }

    words.remove(outcomes.REFUSED)  # the beginning of several of them
    assert words == {*outcomes.ALL, *outcomes.ATTEMPTS}
    assert len(outcomes.ALL) + len(outcomes.ATTEMPTS) == len(words)
    assert max(map(len, words)) <= 40
