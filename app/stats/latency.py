"""The time until senders get an answer, as counts in a few classes of milliseconds. Pure."""

from bisect import bisect_left
from collections.abc import Mapping

BOUNDS_MS = (2, 5, 10, 20, 50, 100, 200, 500, 1_000, 3_000, 5_000, 10_000, 20_000)
"""Upper bounds of the classes, in ms. The senders' limits are among them, so the number of answers
within a limit is exact."""
SLOWER = "answered_slower"
"""The class of answers slower than every bound."""
MICROSECONDS = "answered_us"
"""The sum of all answer times in microseconds, from which averages are computed."""
CLASSES = (*(f"answered_le_{bound}" for bound in BOUNDS_MS), SLOWER)
"""The classes: answers within a bound and not within the one before."""
ALL = (*CLASSES, MICROSECONDS)


def counts_as(seconds: float) -> str:
    """Return the class of an answer that took so many seconds."""
    return CLASSES[bisect_left(BOUNDS_MS, seconds * 1000)]


def cumulative(numbers: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return (bound in seconds, number of answers within it) for each bound and `+Inf`."""
    total, buckets = 0, []
    for bound, name in zip((*BOUNDS_MS, None), CLASSES, strict=True):
        total += numbers.get(name, 0)
        buckets.append(("+Inf" if bound is None else f"{bound / 1000:g}", total))
    return buckets


def quantile_seconds(numbers: Mapping[str, int], part: float) -> float | None:
    """Return the seconds within which this part of all answers was given; None without answers.

    An estimate: answers are taken as evenly spread within a class, and those slower than every
    bound as taking the last bound.
    """
    total = sum(numbers.get(name, 0) for name in CLASSES)
    if not total:
        return None
    rank, below, lower = part * total, 0, 0.0
    for bound, name in zip(BOUNDS_MS, CLASSES, strict=False):
        inside = numbers.get(name, 0)
        if inside and below + inside >= rank:
            return round((lower + (bound - lower) * (rank - below) / inside) / 1000, 6)
        below, lower = below + inside, float(bound)
    return lower / 1000
