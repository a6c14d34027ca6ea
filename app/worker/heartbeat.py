"""Write a heartbeat of this worker, in a thread of its own, so that people see that it is alive.

The same thread tidies up what no attempt does: breakers with nothing behind them, finished
backlogs of resumed triggers, the rows of dead workers.
"""

import logging
import os
import threading
import time
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection

import app
from app import log
from app.db import Database, time_limit, utc_now
from app.db.models import workers
from app.db.schema import SchemaWatch
from app.errors import DatabaseUnavailable, SchemaMoved
from app.worker import circuit_breaker, pace

BEAT_SECONDS = 5.0
"""Seconds between two heartbeats."""
WRITE_SECONDS = 2.0
"""Seconds that a heartbeat waits for the database; after that it is left out."""
STUCK_SECONDS = 60.0
"""Seconds without a round of the worker's loop after which its heartbeat stops: it hangs."""
DEAD_KEPT_SECONDS = 86_400.0
"""Seconds that the row of a dead worker is kept; one day."""

logger = logging.getLogger("hookonce.worker")
_columns = workers.c


class Beating(Protocol):
    """The worker whose state the heartbeat writes."""

    owner: str
    slots: int
    round_at: float
    """Monotonic time at which the last round of its loop began."""

    @property
    def busy_count(self) -> int:
        """Return the number of its slots in use."""


class Heartbeat:
    """A thread that writes the row of one worker from `start` to `stop`."""

    def __init__(self, database: Database, worker: Beating, stopping: threading.Event) -> None:
        self._database = database
        self._worker = worker
        self._stopping = stopping
        self._schema = SchemaWatch(database)
        self._end = threading.Event()
        self._postponed = False
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Start the thread; the first heartbeat is written at once."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and remove the row, unless the database is unavailable."""
        self._end.set()
        with time_limit.of(WRITE_SECONDS):
            self._thread.join(time_limit.shortest(2 * WRITE_SECONDS))
            try:
                with self._database.single_statement() as connection:
                    self._remove(connection)
            except (DatabaseUnavailable, SchemaMoved) as error:
                log.event(logger, logging.WARNING, "heartbeat_not_removed", detail=error)

    def beat(self) -> bool:
        """Write the heartbeat and tidy up; return False if that has to wait for a later one."""
        try:
            if not self._schema.current().has("hookonce_workers", "owner"):
                return self._postpone("the schema has no table for workers")
            if self._stuck():
                return self._postpone(f"no round of work began for {STUCK_SECONDS:.0f} seconds")
            with time_limit.of(WRITE_SECONDS):
                with self._database.single_statement() as connection:
                    self._write(connection)
                self._tidy_up()
        except (DatabaseUnavailable, SchemaMoved) as error:
            return self._postpone(str(error))
        except Exception:
            logger.exception("a heartbeat failed unexpectedly; it is tried again")
            return False
        self._postponed = False
        return True

    def _run(self) -> None:
        while not self._end.is_set():
            self.beat()
            self._end.wait(BEAT_SECONDS)

    def _stuck(self) -> bool:
        silent_seconds = time.monotonic() - self._worker.round_at
        return silent_seconds > STUCK_SECONDS and not self._stopping.is_set()

    def _write(self, connection: Connection) -> None:
        values = {
            "slots": self._worker.slots,
            "busy": self._worker.busy_count,
            "stopping": self._stopping.is_set(),
            "last_seen_at": utc_now(),
        }
        same = sa.update(workers).where(_columns.owner == self._worker.owner)
        if connection.execute(same.values(values)).rowcount:
            return
        fixed = {
            "owner": self._worker.owner,
            "host": self._worker.owner.partition(":")[0],
            "pid": os.getpid(),
            "version": app.__version__,
            "started_at": utc_now(),
        }
        connection.execute(sa.insert(workers).values(values | fixed))

    def _remove(self, connection: Connection) -> None:
        connection.execute(sa.delete(workers).where(_columns.owner == self._worker.owner))

    def _tidy_up(self) -> None:
        """Remove what is over; most times there is nothing, and then nothing is written."""
        with self._database.reading() as connection:
            idle = circuit_breaker.idle(connection)
            finished = pace.has_finished(connection)
            dead = connection.execute(sa.select(_columns.owner).where(_is_dead()).limit(1)).first()
        if not (idle or finished or dead):
            return
        with self._database.writing() as connection:
            changes = circuit_breaker.close_idle(connection, idle)
            pace.forget_finished(connection)
            connection.execute(sa.delete(workers).where(_is_dead()))
        for change in changes:
            log.event(
                logger,
                logging.INFO,
                "breaker_closed",
                trigger_id=change.trigger_id,
                failure_count=change.failure_count,
                detail="no execution waits behind it",
            )

    def _postpone(self, reason: str) -> bool:
        """Log the reason, once until a heartbeat is written."""
        if not self._postponed:
            log.event(logger, logging.WARNING, "heartbeat_postponed", detail=reason)
        self._postponed = True
        return False


def _is_dead() -> sa.ColumnElement[bool]:
    kept = (utc_now(-DEAD_KEPT_SECONDS), utc_now(DEAD_KEPT_SECONDS))
    return ~_columns.last_seen_at.between(*kept)
