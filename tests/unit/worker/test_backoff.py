"""The wait between attempts grows, stays under its cap, and differs from one to the next."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.worker import backoff
from app.worker.backoff import RetryPolicy

policies = st.builds(
    RetryPolicy,
    base_seconds=st.floats(0, 1e6),
    factor=st.floats(1, 100),
    cap_seconds=st.floats(0, 1e6),
)
failures = st.integers(0, 10**6)


@pytest.mark.parametrize(
    ("failed", "seconds"),
    [(0, 2), (1, 2), (2, 4), (3, 8), (7, 128), (11, 2048), (12, 3600), (63, 3600), (10**6, 3600)],
)
def test_the_longest_wait_doubles_up_to_an_hour(failed: int, seconds: float) -> None:
    assert backoff.ceiling(failed, backoff.DEFAULT) == seconds


def test_an_execution_is_tried_eight_times_by_default() -> None:
    assert backoff.DEFAULT.max_attempts == 8


@given(failures, policies, st.floats(0, 1))
def test_a_wait_lies_between_nothing_and_the_cap(
    failed: int, policy: RetryPolicy, chance: float
) -> None:
    wait = backoff.wait_seconds(failed, policy, chance)

    assert 0 <= wait <= policy.cap_seconds
    assert math.isfinite(wait)


@given(failures, policies, st.floats(0, 1))
def test_more_failures_never_shorten_the_wait(
    failed: int, policy: RetryPolicy, chance: float
) -> None:
    sooner = backoff.wait_seconds(failed, policy, chance)

    assert sooner <= backoff.wait_seconds(failed + 1, policy, chance)


@given(failures, st.floats(0, 1), st.floats(0, 86_400))
def test_what_the_target_asked_for_only_lengthens_the_wait(
    failed: int, chance: float, asked: float
) -> None:
    own = backoff.wait_seconds(failed, backoff.DEFAULT, chance)

    assert backoff.wait_seconds(failed, backoff.DEFAULT, chance, asked) == max(own, asked)


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 0.0), (0.5, 1800.0), (1.0, 3600.0)])
def test_chance_is_added_after_the_cap(chance: float, seconds: float) -> None:
    assert backoff.wait_seconds(63, backoff.DEFAULT, chance) == seconds
