"""How long to wait before the next attempt. Pure: chance comes in as an argument."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Attempts in all, and the waits between them, in seconds."""

    max_attempts: int = 8
    base_seconds: float = 2.0
    factor: float = 2.0
    cap_seconds: float = 3600.0


DEFAULT = RetryPolicy()


def ceiling(failures: int, policy: RetryPolicy) -> float:
    """The longest wait after so many failures (1 after the first); never above the cap."""
    try:
        grown = policy.base_seconds * policy.factor ** max(0, failures - 1)
    except OverflowError:
        return policy.cap_seconds
    return min(grown, policy.cap_seconds)


def wait_seconds(
    failures: int, policy: RetryPolicy, chance: float, at_least: float | None = None
) -> float:
    """Full jitter: anywhere from nothing to the ceiling, by `chance` in [0, 1].

    Executions that failed together must not come back together. What the target asked for in
    Retry-After can only lengthen the wait.
    """
    return max(chance * ceiling(failures, policy), at_least or 0.0)
