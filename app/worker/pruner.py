"""Prune expired payloads and rows in a thread of the worker, slow on purpose.

Each worker prunes about every ten minutes; of several that start at once all but one give up.
"""

import logging
import threading
from collections.abc import Callable, Mapping

from app import log
from app.db import Database, schema
from app.errors import DatabaseUnavailable, SchemaMoved
from app.executions import prune, retention_queries
from app.executions.prune import NOTHING, PruneStep
from app.settings import Settings

INTERVAL_SECONDS = 600.0
"""Mean seconds between two rounds; each wait is jittered by half of it."""
REST_FACTOR = 4.0
"""Rest after each step, as a multiple of its duration, so that others have the database."""

logger = logging.getLogger("hookonce.worker")


class Pruner:
    """A thread that prunes from `start` to `stop`; `retry_seconds` is by source."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        retry_seconds: Mapping[str, float | None],
        chance: Callable[[], float],
    ) -> None:
        self._database = database
        self._settings = settings
        self._retry_seconds = retry_seconds
        self._chance = chance
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pruner", daemon=True)

    def start(self) -> None:
        """Start the thread, unless the operator has switched pruning off."""
        if self._settings.hookonce_prune:
            self._thread.start()

    def stop(self) -> None:
        """Begin no further step, and wait for the current one."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def prune_once(self) -> PruneStep:
        """Prune once; return the number of rows that were removed."""
        with self._database.reading() as connection:
            if schema.current_revision(connection) != schema.history()[-1]:
                return NOTHING
        rules = retention_queries.rules(self._database, self._retry_seconds, self._settings)
        total = NOTHING
        for step in prune.run(self._database, rules, self._stop, rest=REST_FACTOR):
            total = total.plus(step)
        if any(total):
            log.event(logger, logging.INFO, "pruned", **total._asdict())
        return total

    def _run(self) -> None:
        while not self._stop.wait(INTERVAL_SECONDS * (0.5 + self._chance())):
            try:
                self.prune_once()
            except (DatabaseUnavailable, SchemaMoved) as error:
                log.event(logger, logging.WARNING, "prune_postponed", detail=error)
            except Exception:
                logger.exception(
                    "pruning failed unexpectedly; it is tried again after the usual interval"
                )
