"""Compare the revision of the database with the one that this code needs."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache

from sqlalchemy.engine import Connection

from app import cooperative, db, installation
from app.db import Database, deduplication, found_triggers, time_limit, version_table
from app.db.deduplication import BEFORE_REPLAYS, IndexState
from app.errors import DatabaseUnavailable, SchemaMoved, WrongRevision
from app.installation import migration_command

BEFORE_DEDUPLICATION = frozenset({None, "0001"})
"""Revisions without the unique index: no event may be admitted at them."""
WATCH_SECONDS = 1.0
"""Seconds that a process trusts the schema it read."""
POLL_SECONDS = WATCH_SECONDS / 2
"""Seconds between two looks at the age of the schema, while no request looks at it."""

NOT_READ = IndexState()
"""State of the unique index at a revision that has none."""

logger = logging.getLogger("hookonce.schema")


@cache
def history() -> tuple[str, ...]:
    """Return the revisions that this code knows, oldest first; it needs the last one."""
    # the names of their files suffice: Alembic, and each revision, is slow to load
    files = (installation.REVISIONS / "versions").glob("[0-9]*_*.py")
    return tuple(sorted(file.name.partition("_")[0] for file in files))


def current_revision(connection: Connection) -> str | None:
    """Return the revision of the database; None before the first."""
    return version_table.current_revision(connection, history())


def require(database: Database) -> None:
    """Raise WrongRevision unless the database is at the revision that this code needs."""
    with database.reading() as connection:
        current = current_revision(connection)
    if current != history()[-1]:
        raise WrongRevision(explanation(current))


def behind(current: str | None) -> bool:
    """Return True if the revision is older than this code needs; an unknown one is newer."""
    return current is None or current in history()[:-1]


def explanation(current: str | None) -> str:
    """Return one sentence with both revisions and the command that leads from one to the other."""
    needed = history()[-1]
    revisions = f"the database is at revision {current or 'base'}, this code needs {needed}"
    if behind(current):
        return f"{revisions}: run `{migration_command('upgrade head')}`"
    return (
        f"{revisions} and does not know {current}: deploy the code that does, "
        f"or with that code run `{migration_command(f'downgrade {needed}')}`"
    )


@dataclass(frozen=True, slots=True)
class Schema:
    """The revision, the columns and the unique index of the database at one moment."""

    revision: str | None
    columns: frozenset[str]
    """Columns as `table.column`."""
    index: IndexState = NOT_READ
    last_found_trigger_id: int = 0
    """Highest id of the triggers that were taken over from an older system; 0 without any."""

    @property
    def keeps_duplicates_out(self) -> bool:
        """Return True if an event may be admitted: the unique index stands as it should."""
        return self.revision not in BEFORE_DEDUPLICATION and self.index.fault is None

    def has(self, table: str, column: str) -> bool:
        """Return True if the column exists, so that a statement may name it."""
        return f"{table}.{column}" in self.columns


class SchemaWatch:
    """The schema as a process last read it, so that it serves through a migration.

    It is read again every second, and at once after `forget`.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._schema: Schema | None = None
        self._read_at = 0.0

    def admitting(self) -> Schema:
        """Return the schema; raise DatabaseUnavailable while no index keeps duplicates out."""
        schema = self.current()
        if schema.revision in BEFORE_DEDUPLICATION:
            raise DatabaseUnavailable(explanation(schema.revision))
        if schema.index.fault is not None:
            raise DatabaseUnavailable(deduplication.explanation(schema.index.fault))
        return schema

    def run(self) -> None:
        """Read the schema every second for ever; run it in a daemon thread.

        So a lost index is noticed while no request comes, and requests need not wait for the read.
        """
        while True:
            try:
                with self._database.time_limit():
                    self.current()
            except DatabaseUnavailable:
                pass  # every request says so
            except Exception:
                logger.exception("the schema could not be read; the next try follows in a second")
            time.sleep(POLL_SECONDS)

    def current(self) -> Schema:
        """Return the schema as it is, or was less than a second ago."""
        schema = self._schema
        return schema if schema and self._is_recent else self._refresh()

    def last_found_trigger_id(self) -> int:
        """Return the highest id of the found triggers, as it was last read; read it if never."""
        return (self._schema or self._refresh()).last_found_trigger_id

    @cooperative.offloaded
    def forget(self) -> None:
        """Read the schema again before the next statement: a statement found it changed."""
        with self._locked():
            self._schema = None

    @property
    def _is_recent(self) -> bool:
        return self._clock() - self._read_at < WATCH_SECONDS

    @cooperative.offloaded
    def _refresh(self) -> Schema:
        with self._locked():
            if self._schema is None or not self._is_recent:
                self._schema = self._read(self._schema)
                self._read_at = self._clock()
            return self._schema

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock; raise DatabaseUnavailable if another reads for longer than our limit."""
        if not self._lock.acquire(timeout=time_limit.shortest(threading.TIMEOUT_MAX)):
            raise DatabaseUnavailable("the schema could not be read within the time limit")
        try:
            yield
        finally:
            self._lock.release()

    def _read(self, before: Schema | None) -> Schema:
        try:
            with self._database.reading() as connection:
                revision = current_revision(connection)
                index = self._read_index(connection, revision)
                if before is None or before.revision != revision:
                    before = Schema(revision, db.columns(connection))
                is_found = before.has(*found_triggers.COLUMN)
                last_id = found_triggers.last_id(connection) if is_found else 0
                now = replace(before, index=index, last_found_trigger_id=last_id)
                return before if now == before else now
        except SchemaMoved as error:
            raise DatabaseUnavailable(str(error)) from error

    def _read_index(self, connection: Connection, revision: str | None) -> IndexState:
        """Return the state of the unique index, and report it if it changed.

        Below head a migration may be about to change the predicate.
        """
        if revision in BEFORE_DEDUPLICATION:
            return NOT_READ
        at_head = revision == history()[-1]
        index = deduplication.read(connection, () if at_head else (BEFORE_REPLAYS,))
        self._database.index_alarm.note(index.fault)
        return index
