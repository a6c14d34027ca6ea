"""Wait out a database outage, with a log line when it begins and then once a minute."""

import logging
import time

from app import log
from app.errors import DatabaseUnavailable, SchemaMoved, is_machine_trouble

WAIT_SECONDS = 0.5
"""Seconds between two tries to reach the database."""
LOG_INTERVAL_SECONDS = 60.0
"""Seconds between two log lines about the same outage."""

logger = logging.getLogger("hookonce.worker")


class OutageBackoff:
    """The start of the current database outage, if there is one; used by one thread only."""

    def __init__(self) -> None:
        self._began_at: float | None = None
        self._quiet_until = 0.0

    def wait_out(self, error: Exception) -> None:
        """Log the error unless it was logged within the last minute, and wait half a second.

        An unexpected error is logged each time, with its traceback.
        """
        now = time.monotonic()
        if self._began_at is None:
            self._began_at = now
        trouble = is_machine_trouble(error)
        if not trouble and not isinstance(error, DatabaseUnavailable | SchemaMoved):
            logger.error(
                "a round of work failed unexpectedly; the next one follows in half a second",
                exc_info=error,
            )
        elif now > self._quiet_until:
            name = "machine_trouble" if trouble else "database_unavailable"
            log.event(logger, logging.WARNING, name, detail=str(error) or type(error).__name__)
            self._quiet_until = now + LOG_INTERVAL_SECONDS
        time.sleep(WAIT_SECONDS)

    def end(self) -> None:
        """Note that the database answers again."""
        self._began_at = None

    @property
    def duration_seconds(self) -> float:
        """Seconds since the outage began; 0.0 when there is none."""
        return 0.0 if self._began_at is None else time.monotonic() - self._began_at
