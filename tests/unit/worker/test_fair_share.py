"""A worker's slots are shared so that no trigger starves."""

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


def capacity(slots: int, held: dict[int, int] | None = None, **given: Any) -> Capacity:
    return Capacity(slots, held or {}, **given)


@pytest.mark.parametrize(
    ("due_triggers", "free", "shares"),
    [
        ([], capacity(4), {}),
        ([due(A)], capacity(4, quick={A}), {A: 4}),
        ([due(A)], capacity(4), {A: 3}),
        ([due(A)], capacity(1), {A: 1}),
        ([due(A)], capacity(16), {A: 14}),
        ([due(A), due(B)], capacity(4, quick={A, B}), {A: 2, B: 2}),
        ([due(A), due(B)], capacity(4, {A: 2}, quick={A, B}), {B: 2}),
        ([due(A), due(B)], capacity(4, {A: 3}), {B: 1}),
        ([due(A)], capacity(4, {A: 3}), {}),
        ([due(A), due(B)], capacity(4, {A: 2, B: 1}), {}),
        ([due(A), due(B)], capacity(4, {A: 2, B: 1}, quick={B}), {B: 1}),
        ([due(A)], capacity(4, {B: 2, C: 1}, slow={A}), {}),
        ([due(A)], capacity(4, {B: 2}, slow={A}), {A: 1}),
        ([due(A)], capacity(1, slow={A}), {A: 1}),
        ([due(A, since=9), due(B)], capacity(4, {C: 2}, slow={A}), {A: 1, B: 1}),
        ([due(A, since=9), due(B)], capacity(4, {C: 3}, slow={A}, quick={B}), {B: 1}),
        ([due(A, since=1), due(B, since=2)], capacity(1), {B: 1}),
        ([due(A, since=2), due(B, since=1)], capacity(1), {A: 1}),
        ([DueTrigger(A, 0.5)], capacity(4), {}),
        ([due(A), due(B)], capacity(4, {C: 4}), {}),
        ([due(A, max_concurrency=1)], capacity(4, quick={A}), {A: 1}),
        ([due(A, max_concurrency=2, running_count=1)], capacity(4, quick={A}), {A: 1}),
        ([due(A, max_concurrency=2, running_count=2)], capacity(4), {}),
        ([due(A, max_concurrency=2, running_count=3)], capacity(4), {}),
        ([due(A, max_concurrency=0)], capacity(4), {}),
        ([due(A, probe_in_seconds=5.0)], capacity(4), {}),
        ([due(A, probe_in_seconds=0.0)], capacity(4, quick={A}), {A: 1}),
        ([due(A, probe_in_seconds=-5.0, running_count=1)], capacity(4), {}),
        ([due(A, probe_in_seconds=5.0), due(B)], capacity(4, quick={B}), {B: 4}),
    ],
)
def test_a_worker_is_shared_out(
    due_triggers: list[DueTrigger], free: Capacity, shares: dict[int, int]
) -> None:
    assert fair_share.allocate(due_triggers, free) == shares


@pytest.mark.parametrize(
    ("due_triggers", "seconds"),
    [
        ([], None),
        ([due(A)], None),
        ([DueTrigger(A, 3.0), DueTrigger(B, 2.0), due(C)], 2.0),
        ([due(A, probe_in_seconds=7.0)], 7.0),
        ([DueTrigger(A, 9.0, probe_in_seconds=7.0)], 9.0),
        ([DueTrigger(A, 9.0, probe_in_seconds=-7.0)], 9.0),
    ],
)
def test_what_comes_next_is_known(due_triggers: list[DueTrigger], seconds: float | None) -> None:
    assert fair_share.next_in_seconds(due_triggers) == seconds


lists_of_due_triggers = st.lists(
    st.builds(
        DueTrigger,
        st.integers(1, 9),
        st.floats(-100, 100),
        st.none() | st.integers(0, 5),
        st.integers(0, 5),
        st.none() | st.floats(-100, 100),
    ),
    unique_by=lambda each: each.trigger_id,
)
ids = st.sets(st.integers(1, 9))


@st.composite
def capacities(draw: st.DrawFn) -> Capacity:
    slots = draw(st.integers(1, 64))
    held = Counter(draw(st.lists(st.integers(1, 9), max_size=slots)))
    quick = draw(ids)
    return Capacity(slots, held, quick, draw(ids) - quick)


@given(lists_of_due_triggers, capacities())
def test_no_more_is_given_than_there_is_and_than_each_may_have(
    due_triggers: list[DueTrigger], capacity: Capacity
) -> None:
    shares = fair_share.allocate(due_triggers, capacity)

    assert sum(shares.values()) + sum(capacity.held.values()) <= capacity.slots
    for each in due_triggers:
        assert shares.get(each.trigger_id, 0) <= max(0, each.allowed_count)


@given(lists_of_due_triggers, capacities())
def test_no_trigger_gets_a_second_slot_while_another_without_any_could_have_it(
    due_triggers: list[DueTrigger], capacity: Capacity
) -> None:
    shares = fair_share.allocate(due_triggers, capacity)

    most = max((capacity.held.get(each, 0) + count for each, count in shares.items()), default=0)
    for each in due_triggers:
        waits = each.allowed_count > 0 and not shares.get(each.trigger_id, 0)
        if (
            waits
            and not capacity.held.get(each.trigger_id, 0)
            and each.trigger_id not in capacity.slow
        ):
            assert most <= 1


@given(lists_of_due_triggers, capacities())
def test_what_is_known_to_be_slow_leaves_the_reserved_slots(
    due_triggers: list[DueTrigger], capacity: Capacity
) -> None:
    only_slow = [each for each in due_triggers if each.trigger_id in capacity.slow]

    shares = fair_share.allocate(only_slow, capacity)

    free = capacity.slots - sum(capacity.held.values())
    assert sum(shares.values()) <= max(0, free - capacity.reserved)


@given(st.integers(2, 64), st.integers(0, 64))
def test_a_trigger_that_is_not_known_to_be_quick_never_fills_a_worker(
    slots: int, held: int
) -> None:
    taken = min(held, slots - 1)

    given_now = fair_share.allocate([due(A)], Capacity(slots, {A: taken})).get(A, 0)

    assert taken + given_now < slots
