"""Log the connections that were closed, one line for many: an attacker would fill the log."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

LOG_SECONDS = 1.0
"""Seconds between two lines for one reason."""


class ClosedLog:
    """The closed connections since the last line, by reason. Any thread may count one."""

    def __init__(self, log: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: dict[str, tuple[int, Any]] = {}
        self._next = 0.0

    def count(self, reason: str, address: Any) -> None:
        """Count a connection from this address that was closed for this reason."""
        with self._lock:
            count, _ = self._counts.get(reason, (0, None))
            self._counts[reason] = count + 1, address

    def write(self) -> None:
        """Write the counts, unless the last lines are less than a second old."""
        if not self._counts or self._clock() < self._next:
            return
        self._next = self._clock() + LOG_SECONDS
        with self._lock:
            counts, self._counts = self._counts, {}
        for reason, (count, address) in counts.items():
            last = address[0] if address else "a local socket"
            self._log.warning(
                "connections closed: %d, because %s; the last one was from %s", count, reason, last
            )
