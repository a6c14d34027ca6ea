"""The benchmark's medians, ratios and tables are computed correctly."""

from typing import Any

import pytest

from bench import figures, load, traffic
from bench.figures import Measurement, Run
from bench.load import SIGNED_PER_SECOND, Order, make_ready
from bench.receiving import compare
from bench.sending import answering_at_once

NOTHING = {"database_cpu_ms": 0.0, "sender_busy": 0.1, "refused": 0, "broken": 0}


def window(rate: float, p50: float = 1.0, p99: float = 2.0, **given: Any) -> Measurement:
    return Measurement(rate, p50, p99, 0.2, **(NOTHING | given))


def run(own: Measurement, ceiling: Measurement, connections: int = 64) -> Run:
    return Run("ours", traffic.UNIQUE, connections, own, ceiling)


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([], 99, 0.0),
        ([7], 50, 7),
        ([3, 1, 2], 50, 2),
        (list(range(1, 101)), 99, 99),
        (list(range(1, 101)), 100, 100),
        ([1, 2], 99, 2),
    ],
)
def test_a_percentile_is_a_value_that_was_measured(
    values: list[float], percent: float, expected: float
) -> None:
    assert figures.percentile(values, percent) == expected


def test_a_ratio_is_the_median_of_the_ratios_and_not_the_ratio_of_medians() -> None:
    runs = [
        run(window(50), window(100)),
        run(window(10), window(10)),
        run(window(600), window(1000)),
    ]

    (row,) = figures.rows(runs)

    assert row.of_ceiling == 0.6
    assert row.requests_per_second == 50


def test_each_number_of_connections_has_a_row_of_its_own() -> None:
    rows = figures.rows([run(window(1), window(2), n) for n in (1, 16, 1)])

    assert [row.connections for row in rows] == [1, 16]


def test_cpu_above_the_ceiling_counts_the_database_too() -> None:
    (row,) = figures.rows([run(window(1, database_cpu_ms=0.3), window(1))])

    assert row.cpu_above_ceiling_ms == pytest.approx(0.3)


def test_what_was_refused_or_broken_adds_up() -> None:
    (row,) = figures.rows([run(window(1, refused=2, broken=1), window(1)) for _ in range(3)])

    assert (row.refused, row.broken) == (6, 3)


def test_the_ledger_finds_what_is_missing_and_what_is_stored_twice() -> None:
    stored = {traffic.key(1): 1, traffic.key(2): 2, traffic.key(9): 1}

    found = compare("ours", traffic.UNIQUE, {1, 2, 3}, stored)

    assert (found.acknowledged, found.stored, found.missing, found.twice) == (3, 4, 1, 1)


def test_mixed_traffic_repeats_every_fifth_event_and_only_events_sent_before() -> None:
    numbers = [traffic.number(traffic.MIXED, position) for position in range(10_000)]

    repeated = [at for at, number in enumerate(numbers) if number != at]

    assert len(repeated) == (10_000 - traffic.MIXED_DISTANCE) // traffic.ONE_IN
    assert all(numbers.index(numbers[at]) < at for at in repeated)


def test_duplicate_traffic_goes_round() -> None:
    numbers = {traffic.number(traffic.DUPLICATE, position) for position in range(5_000)}

    assert numbers == set(range(traffic.REPEATED_KEYS))


@pytest.mark.parametrize("kind", traffic.KINDS)
def test_all_that_a_window_may_take_is_signed_before_it_begins(kind: str) -> None:
    requests: list[bytes] = []
    for first in (0, 700, 900):
        order = Order(port=0, connections=16, seconds=0.05, kind=kind, first=first)
        make_ready(order, requests)
        taken = range(first, first + int(0.05 * SIGNED_PER_SECOND))
        assert max(traffic.number(kind, position) for position in taken) < len(requests)

    assert all(traffic.key(event).encode() in each for event, each in enumerate(requests))
    assert kind != traffic.DUPLICATE or len(requests) == traffic.REPEATED_KEYS


@pytest.mark.parametrize("kind", traffic.KINDS)
def test_whoever_takes_more_than_was_foreseen_gets_it(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(load, "SIGNED_PER_SECOND", 0)
    with answering_at_once() as port:
        outcome = load.run(Order(port, connections=4, seconds=60.0, kind=kind, at_most=2_000), [])

    taken = [traffic.number(kind, position) for position in range(2_000)]
    assert sorted(outcome.acknowledged) == sorted(taken)
