"""Write the counters to the database, in a thread of its own, so that no sender waits for it.

A crash loses the counts since the last write, never an event.
"""

import logging
import threading
import time

from sqlalchemy.exc import DataError, IntegrityError

from app import log
from app.db import Database, time_limit
from app.db.errors import refused_by
from app.db.schema import SchemaWatch
from app.db.shard_key import KEYS_OF_OLDER_CODE
from app.errors import DatabaseUnavailable, SchemaMoved
from app.stats import counter_store
from app.stats.counters import LOG_LINES_DROPPED, NOBODY, CountBatch, Counters

LAST_TRIES = 3
"""Attempts to write the counts when the process stops."""
LAST_SECONDS = 2.0
"""Seconds that these attempts may take together: the process must end in any case."""
LAST_PAUSE_SECONDS = 0.1
"""Seconds between these attempts: a worker may have locked an execution for a moment."""

logger = logging.getLogger("hookonce.counters")


class CounterWriter:
    """Writes the counters every few seconds, from `start` to `stop`.

    Start it in the process that counts: a thread does not survive a fork.
    """

    def __init__(
        self,
        counters: Counters,
        database: Database,
        seconds: float,
        schema: SchemaWatch | None = None,
    ) -> None:
        self._counters = counters
        self._database = database
        self._schema = schema or SchemaWatch(database)
        self._seconds = seconds
        self._stop = threading.Event()
        self._one_at_a_time = threading.Lock()
        self._postponed = False
        self._thread = threading.Thread(target=self._run, name="counter-writer", daemon=True)

    def start(self) -> None:
        """Start the thread that writes the counters."""
        self._thread.start()

    def stop(self) -> None:
        """Write everything that was counted, unless the database is unavailable; end the thread.

        A connection that broke in the meantime fails at its first use and is replaced, so the
        first failure is followed by another attempt.
        """
        self._stop.set()
        with time_limit.of(LAST_SECONDS):
            self._flush_finally()
            if self._thread.is_alive():
                self._thread.join(time_limit.shortest(LAST_SECONDS))

    def _flush_finally(self) -> None:
        was_postponed = self._postponed
        for _ in range(LAST_TRIES):
            if self.flush() or was_postponed:
                return
            was_postponed = self._postponed
            time.sleep(LAST_PAUSE_SECONDS)

    def flush(self) -> bool:
        """Write the counts so far; return True if all of them were written.

        Counts that cannot be written now are kept for the next flush.
        """
        if not self._one_at_a_time.acquire(timeout=time_limit.shortest(threading.TIMEOUT_MAX)):
            return False
        try:
            if number := log.take_dropped():
                self._counters.count(NOBODY, LOG_LINES_DROPPED, number)
            batch = self._counters.take()
            if batch.dropped:
                log.event(logger, logging.WARNING, "counts_dropped", number=batch.dropped)
                batch.dropped = 0
            return not batch or self._store(batch)
        finally:
            self._one_at_a_time.release()

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            self.flush()

    def _store(self, batch: CountBatch) -> bool:
        try:
            if not self._schema.current().has("delivery_counts", "number"):
                return self._postpone(batch, "the schema has no table for counts")
            left = self._write(batch)
        except (DatabaseUnavailable, SchemaMoved) as error:
            return self._postpone(batch, str(error))
        except Exception:
            logger.exception("counts were lost: the database rejected them")
            return False
        self._postponed = False
        self._counters.put_back(left)
        return not left

    def _write(self, batch: CountBatch) -> CountBatch:
        with_trigger = self._schema.current().has("execution_repeats", "trigger_id")
        with self._database.writing() as connection:
            counter_store.counts(connection, batch)
            try:
                with connection.begin_nested():
                    return counter_store.sightings(connection, batch, with_trigger=with_trigger)
            except (IntegrityError, DataError) as error:
                if refused_by(error) in KEYS_OF_OLDER_CODE:
                    # another process inserted the same row in the same moment: now it is there
                    return CountBatch(repeats=batch.repeats, mismatches=batch.mismatches)
                logger.exception("the duplicates of executions were not stored")
                return CountBatch()

    def _postpone(self, batch: CountBatch, reason: str) -> bool:
        """Keep the counts for the next flush; log it once until a flush succeeds."""
        self._counters.put_back(batch)
        if not self._postponed:
            log.event(logger, logging.WARNING, "counter_flush_postponed", detail=reason)
        self._postponed = True
        return False
