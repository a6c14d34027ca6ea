"""Log the connections that were closed, one line for many: an attacker would fill the log."""

import logging
import time
from collections import Counter
from collections.abc import Callable

LOG_SECONDS = 1.0
"""Seconds between two lines for one reason."""


class ClosedLog:
    """The closed connections since the last line, by reason."""

    def __init__(self, log: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._clock = clock
        self._counts: Counter[str] = Counter()
        self._next = 0.0

    def count(self, reason: str) -> None:
        """Count a connection that was closed for this reason."""
        self._counts[reason] += 1

    def write(self) -> None:
        """Write the counts, unless the last lines are less than a second old."""
        if not self._counts or self._clock() < self._next:
            return
        for reason, count in self._counts.items():
            self._log.warning("connections closed: %d, because %s", count, reason)
        self._counts.clear()
        self._next = self._clock() + LOG_SECONDS
