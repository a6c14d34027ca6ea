"""Note the ids that are written while a step on SQLite is prepared, so that it looks at few rows.

Database triggers note them, as for the copy of a table (shadow_triggers.py).
"""
# ruff: noqa: S608, the names in these statements are the revisions' own, never from outside

from collections.abc import Callable

from sqlalchemy.engine import Connection

from app.db.migration_ops import gentle, shadow_remains
from app.db.migration_ops.plugin import table_names
from app.db.migration_ops.rehearsal import NAME_PREFIX
from app.db.migration_ops.sqlite_catalog import quoted

FEW = 500
"""Noted ids that are few enough for the step itself."""


class NotedRows:
    """The ids that were noted for one table since `start`."""

    def __init__(self, connection: Connection, subject: str) -> None:
        self._connection = connection
        self.table = f"{NAME_PREFIX}noted_{subject}"
        """Table of the ids, in its column row_id."""

    def start(self, watched: list[tuple[str, str, str]]) -> None:
        """Note ids from now on: of a table, at an event such as AFTER INSERT, an expression."""
        if self.table in table_names(self._connection):
            self._drop_triggers()
            shadow_remains.drop_table(self._connection, self.table)
        with gentle.writing(self._connection):
            self._connection.exec_driver_sql(
                f"CREATE TABLE {self.table} (row_id INTEGER PRIMARY KEY)"
            )
            for number, (table, occasion, row_id) in enumerate(watched):
                self._connection.exec_driver_sql(
                    f"CREATE TRIGGER {quoted(f'{self.table}_{number}')} {occasion} ON {table} "
                    f"BEGIN INSERT INTO {self.table} SELECT {row_id} WHERE NOT EXISTS "
                    f"(SELECT 1 FROM {self.table} WHERE row_id = {row_id}); END"
                )

    def exist(self) -> bool:
        """Return True if ids are being noted."""
        return self.table in table_names(self._connection)

    def work_off(self, work: Callable[[str], None]) -> None:
        """Call `work` with a condition such as `IN (...)` for most ids, in short transactions."""
        while self._count(FEW) >= FEW:
            with gentle.brief(self._connection):
                some = f"SELECT row_id FROM {self.table} ORDER BY row_id LIMIT {gentle.BATCH_ROWS}"
                work(f"IN ({some})")
                self._connection.exec_driver_sql(
                    f"DELETE FROM {self.table} WHERE row_id IN ({some})"
                )

    def finish(self, work: Callable[[str], None]) -> None:
        """Do the same for the last ids, in the open transaction of the step, and note no more."""
        if self._count(1):
            work(f"IN (SELECT row_id FROM {self.table})")
        self._drop_triggers()
        self._connection.exec_driver_sql(f"DROP TABLE {self.table}")

    def _count(self, most: int) -> int:
        query = f"SELECT count(*) FROM (SELECT 1 FROM {self.table} LIMIT {most})"
        return int(self._connection.exec_driver_sql(query).scalar_one())

    def _drop_triggers(self) -> None:
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name GLOB ?"
        pattern = f"{self.table}_[0-9]"
        for name in self._connection.exec_driver_sql(query, (pattern,)).scalars().all():
            self._connection.exec_driver_sql(f"DROP TRIGGER {quoted(name)}")
