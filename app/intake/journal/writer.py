"""Write the journal to the database, in a thread of its own, so that no sender waits for it.

A crash loses the entries since the last write, never an event. Signatures are diagnosed here, a
limited number in a minute: an attack of refused requests must not take the processor from senders.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy.exc import DataError, IntegrityError

from app import log
from app.db import Database, time_limit
from app.db.schema import SchemaWatch
from app.errors import DatabaseUnavailable, SchemaMoved
from app.intake.diagnosis import Cause, Refused, diagnose
from app.intake.journal import other_triggers, rows, store
from app.intake.journal.entries import Entry
from app.intake.journal.queue import Journal, JournalBatch, Rate
from app.stats import outcomes
from app.stats.counters import JOURNAL_DROPPED, NOBODY, Counters

LAST_SECONDS = 2.0
"""Seconds that the last write may take when the process stops."""
WRITTEN_BYTES = 262_144
"""Bytes that one transaction writes: on SQLite senders wait for it."""
WRITTEN_ROWS = 50
BOUNDED_AFTER = 100
"""The bytes of the whole journal are summed when a hundredth of them was written."""
DIAGNOSES_BURST = 60
DIAGNOSES_PER_SECOND = 1.0
"""Diagnoses in a row, and in each second after them; some milliseconds each."""
NOT_TRIED = Cause(
    "not_tried", "too many requests were refused at that time: this one was not diagnosed"
)

logger = logging.getLogger("hookonce.journal")


class JournalWriter:
    """Writes the journal every few seconds, from `start` to `stop`.

    Start it in the process that receives: a thread does not survive a fork.
    """

    def __init__(
        self,
        journal: Journal,
        database: Database,
        counters: Counters,
        schema: SchemaWatch,
        *,
        seconds: float,
        most_bytes: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal = journal
        self._database = database
        self._counters = counters
        self._schema = schema
        self._seconds = seconds
        self._most_bytes = most_bytes
        self._clock = clock
        self._diagnoses = Rate(DIAGNOSES_BURST, DIAGNOSES_PER_SECOND, DIAGNOSES_BURST, clock())
        self._written_bytes = most_bytes
        self._postponed = False
        self._stop = threading.Event()
        self._one_at_a_time = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)

    def start(self) -> None:
        """Start the thread that writes the journal."""
        self._thread.start()

    def stop(self) -> None:
        """Write what is queued unless the database is unavailable; end the thread."""
        self._stop.set()
        with time_limit.of(LAST_SECONDS):
            if not self._postponed:
                self.flush()
            if self._thread.is_alive():
                self._thread.join(time_limit.shortest(LAST_SECONDS))

    def flush(self) -> bool:
        """Write the entries so far; return True if all of them were written.

        Entries that cannot be written are kept for the next flush, up to the limits of the queue.
        """
        if not self._one_at_a_time.acquire(timeout=time_limit.shortest(threading.TIMEOUT_MAX)):
            return False
        try:
            taken = self._journal.take()
            self._count_dropped(taken)
            return not taken or self._store(taken)
        finally:
            self._one_at_a_time.release()

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            self.flush()

    def _count_dropped(self, taken: JournalBatch) -> None:
        if taken.dropped:
            self._counters.count(NOBODY, JOURNAL_DROPPED, taken.dropped)
            log.event(logger, logging.WARNING, "journal_dropped", number=taken.dropped)
            taken.dropped = 0

    def _store(self, taken: JournalBatch) -> bool:
        if not self._most_bytes:
            return True
        try:
            if not self._schema.current().has("delivery_journal", "id"):
                return self._postpone(taken, "the schema has no table for the journal")
            self._write(taken)
        except (DatabaseUnavailable, SchemaMoved) as error:
            return self._postpone(taken, str(error))
        except (IntegrityError, DataError):
            logger.exception("entries of the journal were lost: the database rejected them")
            self._lose(taken)
            return False
        except Exception:
            logger.exception("entries of the journal were lost")
            self._lose(taken)
            return False
        self._postponed = False
        return True

    def _lose(self, taken: JournalBatch) -> None:
        self._counters.count(NOBODY, JOURNAL_DROPPED, max(1, len(taken.entries)))

    def _write(self, taken: JournalBatch) -> None:
        """Write the entries step by step; those that are written leave the batch."""
        others = other_triggers.Others(self._database)
        while taken.entries or taken.more:
            step = self._step(taken, others)
            more = taken.more if len(step) == len(taken.entries) else {}
            store.write(self._database, step, more, self._most_bytes)
            taken.more = {} if more is taken.more else taken.more
            taken.forget(len(step))
            self._written_bytes += sum(row["stored_bytes"] for row in step)
        if self._written_bytes * BOUNDED_AFTER > self._most_bytes:
            store.bound(self._database, self._most_bytes)
            self._written_bytes = 0

    def _step(self, taken: JournalBatch, others: other_triggers.Others) -> list[dict[str, Any]]:
        """Return the next rows that one transaction writes."""
        made: list[dict[str, Any]] = []
        size = 0
        for entry in taken.entries[:WRITTEN_ROWS]:
            made.append(rows.row(entry, lambda each: self._diagnosed(each, others)))
            size += made[-1]["stored_bytes"]
            if size > WRITTEN_BYTES:
                break
        return made

    def _diagnosed(self, entry: Entry, others: other_triggers.Others) -> list[Cause]:
        trigger = entry.trigger
        assert trigger is not None  # noqa: S101, only such entries are diagnosed
        if not self._diagnoses.take(self._clock()):
            return [NOT_TRIED]
        if len(entry.request.body) < entry.size:
            return [Cause("not_tried", "the body is too large to be tried")]
        refused = Refused(entry.request, trigger, entry.at, others.of(trigger.id))
        return diagnose(refused, entry.outcome.removeprefix(outcomes.REFUSED))

    def _postpone(self, taken: JournalBatch, reason: str) -> bool:
        """Keep the entries for the next flush; log it once until a flush succeeds."""
        self._journal.put_back(taken)
        if not self._postponed:
            log.event(logger, logging.WARNING, "journal_flush_postponed", detail=reason)
        self._postponed = True
        return False
