"""How long to wait before the next attempt. Pure: chance comes in as an argument."""

from app.executions.retry_policy import DEFAULT, RetryPolicy

__all__ = ["DEFAULT", "RetryPolicy", "ceiling", "wait_seconds"]

LONGEST_ASKED_SECONDS = 86_400.0
"""The longest that a target may ask for: one that says `next year` would never be tried again."""


def ceiling(failures: int, policy: RetryPolicy) -> float:
    """The longest wait after so many failures (1 after the first); never above the cap."""
    if policy.base_seconds == 0:
        return 0.0
    try:
        grown = policy.base_seconds * float(policy.factor) ** max(0, failures - 1)
    except OverflowError:
        return policy.cap_seconds
    return min(grown, policy.cap_seconds)


def wait_seconds(
    failures: int, policy: RetryPolicy, chance: float, at_least: float | None = None
) -> float:
    """Full jitter: anywhere from nothing to the ceiling, by `chance` in [0, 1].

    Executions that failed together must not come back together. What the target asked for in
    Retry-After can only lengthen the wait, and by no more than a day.
    """
    asked = min(at_least or 0.0, LONGEST_ASKED_SECONDS)
    return max(chance * ceiling(failures, policy), asked)
