"""The room of a worker is shared out so that no trigger starves."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.executions.due import DueTrigger
from app.worker import fair_share
from app.worker.fair_share import Capacity

A, B, C = 1, 2, 3


def due(trigger_id: int, since: float = 1.0, **given: Any) -> DueTrigger:
    return DueTrigger(trigger_id, -since, **given)


def room(places: int, held: dict[int, int] | None = None, **given: Any) -> Capacity:
    return Capacity(places, held or {}, **given)


@pytest.mark.parametrize(
    ("turns", "places", "shares"),
    [
        ([], room(4), {}),
        ([due(A)], room(4, quick={A}), {A: 4}),
        ([due(A)], room(4), {A: 3}),
        ([due(A)], room(1), {A: 1}),
        ([due(A)], room(16), {A: 14}),
        ([due(A), due(B)], room(4, quick={A, B}), {A: 2, B: 2}),
        ([due(A), due(B)], room(4, {A: 2}, quick={A, B}), {B: 2}),
        ([due(A), due(B)], room(4, {A: 3}), {B: 1}),
        ([due(A)], room(4, {A: 3}), {}),
        ([due(A), due(B)], room(4, {A: 2, B: 1}), {}),
        ([due(A), due(B)], room(4, {A: 2, B: 1}, quick={B}), {B: 1}),
        ([due(A)], room(4, {B: 2, C: 1}, slow={A}), {}),
        ([due(A)], room(4, {B: 2}, slow={A}), {A: 1}),
        ([due(A)], room(1, slow={A}), {A: 1}),
        ([due(A, since=9), due(B)], room(4, {C: 2}, slow={A}), {A: 1, B: 1}),
        ([due(A, since=9), due(B)], room(4, {C: 3}, slow={A}, quick={B}), {B: 1}),
        ([due(A, since=1), due(B, since=2)], room(1), {B: 1}),
        ([due(A, since=2), due(B, since=1)], room(1), {A: 1}),
        ([DueTrigger(A, 0.5)], room(4), {}),
        ([due(A), due(B)], room(4, {C: 4}), {}),
        ([due(A, max_concurrency=1)], room(4, quick={A}), {A: 1}),
        ([due(A, max_concurrency=2, running_count=1)], room(4, quick={A}), {A: 1}),
        ([due(A, max_concurrency=2, running_count=2)], room(4), {}),
        ([due(A, max_concurrency=2, running_count=3)], room(4), {}),
        ([due(A, max_concurrency=0)], room(4), {}),
        ([due(A, probe_in_seconds=5.0)], room(4), {}),
        ([due(A, probe_in_seconds=0.0)], room(4, quick={A}), {A: 1}),
        ([due(A, probe_in_seconds=-5.0, running_count=1)], room(4), {}),
        ([due(A, probe_in_seconds=5.0), due(B)], room(4, quick={B}), {B: 4}),
    ],
)
def test_a_worker_is_shared_out(
    turns: list[DueTrigger], places: Capacity, shares: dict[int, int]
) -> None:
    assert fair_share.out(turns, places) == shares


@pytest.mark.parametrize(
    ("turns", "seconds"),
    [
        ([], None),
        ([due(A)], None),
        ([DueTrigger(A, 3.0), DueTrigger(B, 2.0), due(C)], 2.0),
        ([due(A, probe_in_seconds=7.0)], 7.0),
        ([DueTrigger(A, 9.0, probe_in_seconds=7.0)], 9.0),
        ([DueTrigger(A, 9.0, probe_in_seconds=-7.0)], 9.0),
    ],
)
def test_what_comes_next_is_known(turns: list[DueTrigger], seconds: float | None) -> None:
    assert fair_share.next_in_seconds(turns) == seconds


turns = st.lists(
    st.builds(
        DueTrigger,
        st.integers(1, 9),
        st.floats(-100, 100),
        st.none() | st.integers(0, 5),
        st.integers(0, 5),
        st.none() | st.floats(-100, 100),
    ),
    unique_by=lambda turn: turn.trigger_id,
)
ids = st.sets(st.integers(1, 9))


@st.composite
def rooms(draw: st.DrawFn) -> Capacity:
    places = draw(st.integers(1, 64))
    held = Counter(draw(st.lists(st.integers(1, 9), max_size=places)))
    quick = draw(ids)
    return Capacity(places, held, quick, draw(ids) - quick)


@given(turns, rooms())
def test_no_more_is_given_than_there_is_and_than_each_may_have(
    asked: list[DueTrigger], of: Capacity
) -> None:
    shares = fair_share.out(asked, of)

    assert sum(shares.values()) + sum(of.held.values()) <= of.places
    for turn in asked:
        assert shares.get(turn.trigger_id, 0) <= max(0, turn.allowed_count)


@given(turns, rooms())
def test_nobody_gets_a_second_place_while_another_without_any_could_have_it(
    asked: list[DueTrigger], of: Capacity
) -> None:
    shares = fair_share.out(asked, of)

    most = max((of.held.get(each, 0) + count for each, count in shares.items()), default=0)
    for turn in asked:
        waits = turn.allowed_count > 0 and not shares.get(turn.trigger_id, 0)
        if waits and not of.held.get(turn.trigger_id, 0) and turn.trigger_id not in of.slow:
            assert most <= 1


@given(turns, rooms())
def test_what_is_known_to_be_slow_leaves_the_reserved_places(
    asked: list[DueTrigger], of: Capacity
) -> None:
    only_slow = [turn for turn in asked if turn.trigger_id in of.slow]

    shares = fair_share.out(only_slow, of)

    free = of.places - sum(of.held.values())
    assert sum(shares.values()) <= max(0, free - of.reserved)


@given(st.integers(2, 64), st.integers(0, 64))
def test_a_trigger_that_is_not_known_to_be_quick_never_fills_a_worker(
    places: int, held: int
) -> None:
    taken = min(held, places - 1)

    given_now = fair_share.out([due(A)], Capacity(places, {A: taken})).get(A, 0)

    assert taken + given_now < places


def test_what_has_been_due_for_longest_is_told_to_the_millisecond() -> None:
    turns = [
        DueTrigger(1, -3.00049),
        DueTrigger(2, -7.25),
        DueTrigger(3, 60.0),
        DueTrigger(4, -float(2**31)),
    ]

    assert fair_share.longest_due_seconds(turns) == 7.25
    assert fair_share.longest_due_seconds(turns[:1]) == 3.0


def test_where_nothing_is_due_nothing_has_waited() -> None:
    assert fair_share.longest_due_seconds([DueTrigger(3, 60.0)]) is None
    assert fair_share.longest_due_seconds([DueTrigger(4, -float(2**31))]) is None
