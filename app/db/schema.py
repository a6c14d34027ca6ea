"""Compare the revision of the database with the one that this code needs."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import sqlalchemy as sa
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from app import cooperative, db
from app.db import Database
from app.errors import DatabaseUnavailable, SchemaMoved, WrongRevision

SCRIPTS = Path(__file__).resolve().parents[2] / "alembic"
BEFORE_DEDUPLICATION = frozenset({None, "0001"})
"""Revisions without the unique index: no event may be admitted at them."""
WATCH_SECONDS = 1.0
"""Seconds that a process trusts the schema it read."""

_version = sa.table("alembic_version", sa.column("version_num"))


@cache
def history() -> tuple[str, ...]:
    """Return the revisions this code knows, oldest first; it needs the last one."""
    scripts = ScriptDirectory(str(SCRIPTS))
    return tuple(reversed([script.revision for script in scripts.walk_revisions()]))


def current_revision(connection: Connection) -> str | None:
    """Return the revision of the database; None before the first."""
    if not sa.inspect(connection).has_table(_version.name):
        return None
    return connection.execute(sa.select(_version.c.version_num)).scalar()


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
        return f"{revisions}: run `alembic upgrade head`"
    return (
        f"{revisions} and does not know {current}: deploy the code that does, "
        f"or with that code run `alembic downgrade {needed}`"
    )


@dataclass(frozen=True, slots=True)
class Schema:
    """The revision and the columns of the database at one moment."""

    revision: str | None
    columns: frozenset[str]
    """Columns as `table.column`."""

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
        """Return the schema; raise DatabaseUnavailable while it lacks the unique index."""
        schema = self.current()
        if schema.revision in BEFORE_DEDUPLICATION:
            raise DatabaseUnavailable(explanation(schema.revision))
        return schema

    def current(self) -> Schema:
        """Return the schema as it is, or was less than a second ago."""
        schema = self._schema
        return schema if schema and self._is_recent else self._refresh()

    @cooperative.offloaded
    def forget(self) -> None:
        """Read the schema again before the next statement: a statement found it changed."""
        with self._lock:
            self._schema = None

    @property
    def _is_recent(self) -> bool:
        return self._clock() - self._read_at < WATCH_SECONDS

    @cooperative.offloaded
    def _refresh(self) -> Schema:
        with self._lock:
            if self._schema is None or not self._is_recent:
                self._schema = self._read(self._schema)
                self._read_at = self._clock()
            return self._schema

    def _read(self, before: Schema | None) -> Schema:
        try:
            with self._database.reading() as connection:
                revision = current_revision(connection)
                if before is not None and before.revision == revision:
                    return before
                return Schema(revision, db.columns(connection))
        except SchemaMoved as error:
            raise DatabaseUnavailable(str(error)) from error
