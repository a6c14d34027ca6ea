"""Waiting for a database that is away, and saying so: once when it begins, once a minute then."""

import logging
import time

from app import log

TROUBLE_SECONDS = 0.5
"""How long to wait before asking again."""
QUIET_SECONDS = 60.0

logger = logging.getLogger("hookonce.worker")


class OutageBackoff:
    """Knows since when there is trouble, if there is; of one thread."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._quiet_until = 0.0

    def wait_out(self, error: Exception) -> None:
        """Half a second of what the error says."""
        now = time.monotonic()
        if self._since is None:
            self._since = now
        if now > self._quiet_until:
            log.event(logger, logging.WARNING, "worker_waits", detail=error)
            self._quiet_until = now + QUIET_SECONDS
        time.sleep(TROUBLE_SECONDS)

    def relieved(self) -> None:
        """The trouble is over."""
        self._since = None

    @property
    def tried_seconds(self) -> float:
        """How long the trouble lasts; 0.0 without."""
        return 0.0 if self._since is None else time.monotonic() - self._since
