"""Writing the numbers down: a thread of its own, so that no sender waits for it.

What a crash can lose are the numbers since the last time, never an event.
"""

import logging
import threading
import time

from sqlalchemy.exc import DataError, IntegrityError

from app import log
from app.db import Database
from app.db.schema import SchemaWatch
from app.errors import DatabaseUnavailable, SchemaMoved
from app.stats import counter_store
from app.stats.counters import CountBatch, Counters

LAST_TRIES = 3
LAST_PAUSE_SECONDS = 0.1
"""Between the tries at the end: an execution may be locked for a moment by its worker."""

logger = logging.getLogger("hookonce.tally")


class CounterWriter:
    """Writes a tally down every few seconds, from `start` to `stop`.

    To be started in the process that counts: a thread does not live through a fork.
    """

    def __init__(self, tally: Counters, database: Database, seconds: float) -> None:
        self._tally = tally
        self._database = database
        self._schema = SchemaWatch(database)
        self._seconds = seconds
        self._stop = threading.Event()
        self._one_at_a_time = threading.Lock()
        self._waits = False
        self._thread = threading.Thread(target=self._run, name="tally", daemon=True)

    def start(self) -> None:
        """From now on the numbers are written down."""
        self._thread.start()

    def stop(self) -> None:
        """All that was counted until now is written down, unless the database is away.

        That it was away shows at the connection which broke meanwhile, and is no more: who finds
        out only now tries once again.
        """
        self._stop.set()
        known = self._waits
        for _ in range(LAST_TRIES):
            if self.flush() or known:
                break
            known = self._waits
            time.sleep(LAST_PAUSE_SECONDS)
        if self._thread.is_alive():
            self._thread.join()

    def flush(self) -> bool:
        """Write down what was counted so far; whether nothing is left of it.

        What cannot be written now is kept for the next time.
        """
        with self._one_at_a_time:
            taken = self._tally.take()
            if taken.dropped:
                log.event(logger, logging.WARNING, "counts_dropped", number=taken.dropped)
                taken.dropped = 0
            return not taken or self._written(taken)

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            self.flush()

    def _written(self, taken: CountBatch) -> bool:
        try:
            if not self._schema.current().has("delivery_counts", "number"):
                return self._kept(taken, "the schema has no place for counts")
            left = self._write(taken)
        except (DatabaseUnavailable, SchemaMoved) as error:
            return self._kept(taken, str(error))
        except Exception:
            logger.exception("counts were lost: the database refused them")
            return False
        self._waits = False
        self._tally.put_back(left)
        return not left

    def _write(self, taken: CountBatch) -> CountBatch:
        with self._database.writing() as connection:
            counter_store.counts(connection, taken)
            try:
                with connection.begin_nested():
                    return counter_store.sightings(connection, taken)
            except (IntegrityError, DataError):
                logger.exception("what came again was not written down")
                return CountBatch()

    def _kept(self, taken: CountBatch, why: str) -> bool:
        """Say so once, however long it lasts."""
        self._tally.put_back(taken)
        if not self._waits:
            log.event(logger, logging.WARNING, "counts_wait", detail=why)
        self._waits = True
        return False
