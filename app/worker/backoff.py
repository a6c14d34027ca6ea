"""Compute the wait before the next attempt. Pure: the random number comes in as an argument."""

from app.executions.retry_policy import DEFAULT, RetryPolicy

__all__ = ["DEFAULT", "RetryPolicy", "ceiling", "wait_seconds"]

LONGEST_RETRY_AFTER_SECONDS = 86_400.0
"""Longest Retry-After that is honoured: an execution asked to wait a year would never run again."""


def ceiling(failures: int, policy: RetryPolicy) -> float:
    """Return the longest wait after `failures` failures (1 after the first), at most the cap."""
    if policy.base_seconds == 0:
        return 0.0
    try:
        uncapped = policy.base_seconds * float(policy.factor) ** max(0, failures - 1)
    except OverflowError:
        return policy.cap_seconds
    return min(uncapped, policy.cap_seconds)


def wait_seconds(
    failures: int, policy: RetryPolicy, chance: float, at_least: float | None = None
) -> float:
    """Return a wait with full jitter: `chance`, in [0, 1], times the ceiling.

    Executions that failed together must not be retried together. The target's Retry-After
    (`at_least`) can only lengthen the wait, and by no more than a day.
    """
    retry_after = min(at_least or 0.0, LONGEST_RETRY_AFTER_SECONDS)
    return max(chance * ceiling(failures, policy), retry_after)
