"""Where the database's schema stands, where this code needs it, and the command between the two."""

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
"""Revisions without the unique index: nothing may be admitted there."""
WATCH_SECONDS = 1.0

_version = sa.table("alembic_version", sa.column("version_num"))


@cache
def history() -> tuple[str, ...]:
    """The revisions this code knows, oldest first; the last one is what it was written for."""
    scripts = ScriptDirectory(str(SCRIPTS))
    return tuple(reversed([script.revision for script in scripts.walk_revisions()]))


def standing(connection: Connection) -> str | None:
    """The revision the database stands at; None before the first."""
    if not sa.inspect(connection).has_table(_version.name):
        return None
    return connection.execute(sa.select(_version.c.version_num)).scalar()


def require(database: Database) -> None:
    """Return if the database stands where this code needs it; else raise WrongRevision."""
    with database.reading() as connection:
        current = standing(connection)
    if current != history()[-1]:
        raise WrongRevision(explanation(current))


def behind(current: str | None) -> bool:
    """Whether the schema lacks what this code needs; a revision unknown to it came later."""
    return current is None or current in history()[:-1]


def explanation(current: str | None) -> str:
    """One sentence with both revisions and the command that leads from one to the other."""
    needed = history()[-1]
    stands = f"the database stands at revision {current or 'base'}, this code needs {needed}"
    if behind(current):
        return f"{stands}: run `alembic upgrade head`"
    return (
        f"{stands} and does not know {current}: deploy the code that does, "
        f"or with that code run `alembic downgrade {needed}`"
    )


@dataclass(frozen=True, slots=True)
class Schema:
    """What the database looks like right now."""

    revision: str | None
    columns: frozenset[str]
    """Each as `table.column`."""

    def has(self, table: str, column: str) -> bool:
        """Whether a statement may name this column."""
        return f"{table}.{column}" in self.columns


class SchemaWatch:
    """What a process last saw of the schema, so that it serves through a migration.

    Looks again every second, and at once after `forget`.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: Schema | None = None
        self._looked_at = 0.0

    def admitting(self) -> Schema:
        """The schema; DatabaseUnavailable while it stands below the unique index."""
        schema = self.current()
        if schema.revision in BEFORE_DEDUPLICATION:
            raise DatabaseUnavailable(explanation(schema.revision))
        return schema

    def current(self) -> Schema:
        """The schema as it is, or was less than a second ago."""
        seen = self._seen
        return seen if seen and self._recent else cooperative.offload(self._looked)

    def forget(self) -> None:
        """Look again before the next statement: what was seen is out of date."""
        cooperative.offload(self._forgotten)

    @property
    def _recent(self) -> bool:
        return self._clock() - self._looked_at < WATCH_SECONDS

    def _forgotten(self) -> None:
        with self._lock:
            self._seen = None

    def _looked(self) -> Schema:
        with self._lock:
            if self._seen is None or not self._recent:
                self._seen = self._look(self._seen)
                self._looked_at = self._clock()
            return self._seen

    def _look(self, before: Schema | None) -> Schema:
        try:
            with self._database.reading() as connection:
                revision = standing(connection)
                if before is not None and before.revision == revision:
                    return before
                return Schema(revision, db.columns(connection))
        except SchemaMoved as error:
            raise DatabaseUnavailable(str(error)) from error
