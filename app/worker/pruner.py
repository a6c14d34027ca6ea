"""Removing what is kept no longer, beside the work: a thread of its own, slow on purpose.

Each worker sweeps every ten minutes or so; of those that do at the same time all but one give up.
"""

import logging
import threading
from collections.abc import Callable, Mapping

from app import log
from app.db import Database, schema
from app.errors import DatabaseUnavailable, SchemaMoved
from app.executions import expired, prune
from app.executions.prune import NOTHING, PruneStep
from app.settings import Settings

EVERY_SECONDS = 600.0
REST = 4.0
"""After each step it rests for so many times as long as that took: others have the database."""

logger = logging.getLogger("hookonce.worker")


class Pruner:
    """Sweeps again and again from `start` to `stop`; `retry_seconds` is by source."""

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
        self._thread = threading.Thread(target=self._run, name="sweep", daemon=True)

    def start(self) -> None:
        """From now on, unless the operator wants none of it."""
        if self._settings.hookonce_prune:
            self._thread.start()

    def stop(self) -> None:
        """No further step begins."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def sweep(self) -> PruneStep:
        """Sweep once; what was removed."""
        with self._database.reading() as connection:
            if schema.standing(connection) != schema.history()[-1]:
                return NOTHING
        rules = expired.rules(self._database, self._retry_seconds, self._settings)
        total = NOTHING
        for step in prune.sweep(self._database, rules, self._stop, rest=REST):
            total = total.plus(step)
        if any(total):
            log.event(logger, logging.INFO, "pruned", **total._asdict())
        return total

    def _run(self) -> None:
        while not self._stop.wait(EVERY_SECONDS * (0.5 + self._chance())):
            try:
                self.sweep()
            except (DatabaseUnavailable, SchemaMoved) as error:
                log.event(logger, logging.WARNING, "prune_waits", detail=error)
            except Exception:
                logger.exception("pruning failed in a way that nobody foresaw")
