"""How long senders wait for an answer, as counts in a few classes of time. Pure."""

from bisect import bisect_left
from collections.abc import Mapping

BOUNDS_MS = (2, 5, 10, 20, 50, 100, 200, 500, 1_000, 3_000, 5_000, 10_000, 20_000)
"""The limits of senders are among them: who asks whether one is kept gets an exact answer."""
SLOWER = "answered_slower"
MICROSECONDS = "answered_us"
"""The sum of all, beside how many there were: what an average is made of."""
CLASSES = (*(f"answered_le_{bound}" for bound in BOUNDS_MS), SLOWER)
"""What an answer within that many milliseconds, and not within the bound before, counts as."""
ALL = (*CLASSES, MICROSECONDS)


def counts_as(seconds: float) -> str:
    """The class of an answer that took so long."""
    return CLASSES[bisect_left(BOUNDS_MS, seconds * 1000)]


def cumulative(numbers: Mapping[str, int]) -> list[tuple[str, int]]:
    """(bound in seconds, how many were answered within it) for each bound and `+Inf`."""
    total, found = 0, []
    for bound, name in zip((*BOUNDS_MS, None), CLASSES, strict=True):
        total += numbers.get(name, 0)
        found.append(("+Inf" if bound is None else f"{bound / 1000:g}", total))
    return found


def quantile_seconds(numbers: Mapping[str, int], part: float) -> float | None:
    """Within how many seconds this part of all was answered; None if there were none.

    Told as far as the classes tell it: evenly spread inside one; what is slower than every bound
    took at least the last.
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
