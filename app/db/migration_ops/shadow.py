"""Rebuild a large table of SQLite beside its writers: as a copy that takes its place in a moment.

SQLite builds an index, and drops a column, under its one write lock. So the table is copied into
one that has the new definition, in short transactions; database triggers note the rows that are
written meanwhile, which are then copied again. The step begins with an exchange of the two names.
"""
# ruff: noqa: S608, the names in these statements come from the catalog, and are quoted

import hashlib
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event

from alembic.util import CommandError
from sqlalchemy import exc
from sqlalchemy.engine import Connection

from app.db.migration_ops import (
    shadow_remains,
    shadow_target,
    shadow_triggers,
    sqlite_catalog,
    stopping,
)
from app.db.migration_ops.gentle import BATCH_ROWS, brief, reading, writing
from app.db.migration_ops.rehearsal import NAME_PREFIX, StashCopy
from app.db.migration_ops.shadow_target import RebuiltTable, log_name, state_name
from app.db.migration_ops.sqlite_catalog import CatalogChange, CatalogEntry, quoted
from app.log import event

SMALL_LOG = 500
"""Noted rows that are few enough for the step itself to copy before the exchange."""

log = logging.getLogger("hookonce.migrate")


class Conflict(Exception):
    """Two rows have the same values for a unique index that the step builds."""


class ShadowCopy:
    """The copy of one table while it is made."""

    def __init__(
        self, connection: Connection, target: RebuiltTable, stop: Event | None = None
    ) -> None:
        self._connection = connection
        self._stop = stop
        self.target = target
        self._shadow = quoted(target.shadow)
        self._table = quoted(target.table)
        self._key = quoted(target.key)
        self._columns = ", ".join(map(quoted, target.columns))
        self._log = quoted(log_name(target.table))
        self._state = quoted(state_name(target.table))
        self._as_shadow = shadow_target.renamed(connection, target, target.after, target.shadow)
        self._as_old = shadow_target.renamed(connection, target, target.before, target.old)

    def start(self) -> None:
        """Create the empty copy and the triggers, or take up the copy of an interrupted command."""
        statements = [*self._definition(), *shadow_triggers.statements(self.target)]
        digest = hashlib.sha256("\n".join([*statements, repr(self.target)]).encode()).hexdigest()
        if self._recorded_digest() == digest:
            event(log, logging.INFO, "table_copy_resumed", table=self.target.table)
            return
        shadow_remains.remove(self._connection, self.target.table)
        with writing(self._connection):
            for statement in statements:
                self._connection.exec_driver_sql(statement)
            self._connection.exec_driver_sql(
                f"INSERT INTO {self._state} VALUES (NULL, ?)", (digest,)
            )
        event(log, logging.INFO, "table_copy_begins", table=self.target.table)

    def fill(self) -> None:
        """Copy all rows, in short transactions. Raises Conflict if the new index refuses one."""
        is_complete = False
        while not is_complete or self._noted_count(SMALL_LOG) >= SMALL_LOG:
            stopping.require_going_on(self._stop)
            with brief(self._connection, self._stop) as deadline:
                is_complete = self._copy_until(deadline)

    def verify(self) -> None:
        """Raise CommandError unless the copy has as many rows as the table, in one snapshot."""
        noted = f"{self._key} IN (SELECT row_id FROM {self._log})"
        counts = "(SELECT count(*) FROM {0}) - (SELECT count(*) FROM {0} WHERE {1})"
        with reading(self._connection):
            uncopied = f"{self._uncopied()} OR ({noted})"
            query = counts.format(self._table, uncopied), counts.format(self._shadow, noted)
            rows, copied = self._connection.exec_driver_sql(f"SELECT {', '.join(query)}").one()
        if rows != copied:
            raise CommandError(
                f"the copy of {self.target.table} has {copied} rows instead of {rows}; nothing was "
                f"changed. Run `REINDEX {self.target.table};`, since an index may be damaged, then "
                "run the same command again"
            )

    def swap(self, connection: Connection, work_again: Callable[[], None]) -> None:
        """Copy what is left, and exchange the names, in the open transaction of the step."""
        self._connection = connection
        self._require_unchanged()
        connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
        try:
            self._copy_rest(work_again)
        finally:
            connection.exec_driver_sql("PRAGMA ignore_check_constraints = OFF")
        shadow_triggers.drop(connection, self.target.table)
        connection.exec_driver_sql(f"DROP TABLE {self._log}")
        connection.exec_driver_sql(f"DROP TABLE {self._state}")
        with shadow_triggers.set_aside(connection, self.target.table):
            self._exchange_names()
        event(log, logging.INFO, "table_exchanged", table=self.target.table)

    def _copy_rest(self, work_again: Callable[[], None]) -> None:
        """Copy what is left; a row that was just written may have the same values as another."""
        try:
            self._copy_until(float("inf"))
        except Conflict:
            work_again()
            try:
                self._copy_until(float("inf"))
            except Conflict as error:
                raise CommandError(
                    f"a row was just written that the new index refuses ({error}); "
                    "nothing was changed, run the same command again"
                ) from error

    def _copy_until(self, deadline: float) -> bool:
        """Copy noted rows, then further ones; return True if none was left."""
        while self._noted_count(1):
            self._copy_noted()
            if time.monotonic() >= deadline:
                return False
        while self._copy_next():
            if time.monotonic() >= deadline:
                return False
        return True

    def _copy_next(self) -> bool:
        """Copy the next rows by their ids; return False if there are none."""
        uncopied = self._uncopied()
        newest = self._connection.exec_driver_sql(
            f"SELECT max({self._key}) FROM (SELECT {self._key} FROM {self._table} "
            f"WHERE {uncopied} ORDER BY {self._key} LIMIT {BATCH_ROWS})"
        ).scalar()
        if newest is None:
            return False
        self._insert(f"{uncopied} AND {self._key} <= {newest}")
        self._connection.exec_driver_sql(f"UPDATE {self._state} SET last_id = {newest}")
        return True

    def _copy_noted(self) -> None:
        """Copy some rows again that were written since they were copied.

        A value may have moved from one of them to another: if one is refused, all are copied.
        """
        some = f"SELECT row_id FROM {self._log} ORDER BY row_id LIMIT {BATCH_ROWS}"
        try:
            self._copy_again(some)
        except Conflict:
            self._copy_again(f"SELECT row_id FROM {self._log}")

    def _copy_again(self, ids: str) -> None:
        noted = f"{self._key} IN ({ids})"
        self._connection.exec_driver_sql(f"DELETE FROM {self._shadow} WHERE {noted}")
        for stash in self.target.stashes:
            self._connection.exec_driver_sql(
                f"DELETE FROM {quoted(stash.shadow)} WHERE id IN ({ids})"
            )
        self._insert(f"{noted} AND NOT ({self._uncopied()})")
        self._connection.exec_driver_sql(f"DELETE FROM {self._log} WHERE row_id IN ({ids})")

    def _insert(self, condition: str) -> None:
        try:
            self._connection.exec_driver_sql(
                f"INSERT INTO {self._shadow} ({self._columns}) SELECT {self._columns} "
                f"FROM {self._table} WHERE {condition} ORDER BY {self._key}"
            )
        except exc.IntegrityError as error:
            if getattr(error.orig, "sqlite_errorname", "") != "SQLITE_CONSTRAINT_UNIQUE":
                raise
            raise Conflict(
                str(error.orig).replace(self.target.shadow, self.target.table)
            ) from error
        for stash in self.target.stashes:
            self._connection.exec_driver_sql(
                f"INSERT INTO {quoted(stash.shadow)} ({stash.names}) {stash.selection} "
                f"WHERE ({stash.condition}) AND {condition}"
            )

    def _uncopied(self) -> str:
        """Return the condition of the rows that are not copied yet."""
        last = self._connection.exec_driver_sql(f"SELECT last_id FROM {self._state}").scalar_one()
        return "true" if last is None else f"{self._key} > {last}"

    def _noted_count(self, most: int) -> int:
        query = f"SELECT count(*) FROM (SELECT 1 FROM {self._log} LIMIT {most})"
        return int(self._connection.exec_driver_sql(query).scalar_one())

    def _recorded_digest(self) -> str | None:
        """Return the digest of the copy that an interrupted command left; None if there is none."""
        with suppress(exc.OperationalError):
            query = f"SELECT digest FROM {self._state}"
            return self._connection.exec_driver_sql(query).scalar()
        return None

    def _definition(self) -> list[str]:
        """Return the statements that create the copy; an index gets its own name at the end."""
        statements = [str(self._as_shadow[self.target.shadow])]
        for name in self._named_indexes(self.target.after):
            sql = str(self._as_shadow[name])
            statements.append(sqlite_catalog.with_index_name(sql, NAME_PREFIX + name))
        stashes = [f"CREATE TABLE {quoted(s.shadow)}{s.definition}" for s in self.target.stashes]
        return [
            *statements,
            *stashes,
            f"CREATE TABLE {self._log} (row_id INTEGER PRIMARY KEY)",
            f"CREATE TABLE {self._state} (last_id INTEGER, digest TEXT)",
        ]

    def _named_indexes(self, entries: list[CatalogEntry]) -> list[str]:
        return [each.name for each in entries if each.kind == "index" and each.sql]

    def _require_unchanged(self) -> None:
        """Raise CommandError if somebody has changed the table's definition meanwhile."""
        now = shadow_target.definition(self._connection, self.target.table)
        if now != self.target.before:
            raise CommandError(
                f"somebody changed the table {self.target.table} or its indexes meanwhile; "
                "nothing was changed, run the same command again"
            )

    def _stash_moved(self, each: StashCopy) -> CatalogChange:
        sql = f"CREATE TABLE {quoted(each.stash)}{each.definition}"
        return CatalogChange(each.shadow, each.stash, each.stash, sql)

    def _exchange_names(self) -> None:
        table, shadow, old = self.target.table, self.target.shadow, self.target.old
        sqlite_catalog.edit(
            self._connection,
            [
                *_moved(self.target.before, table, old, self._as_old, "", f"{NAME_PREFIX}old_"),
                *_moved(self.target.after, shadow, table, {}, NAME_PREFIX, ""),
                *map(self._stash_moved, self.target.stashes),
            ],
        )
        for each in self.target.stashes:
            if self._connection.exec_driver_sql(f"SELECT 1 FROM {each.stash}").first() is None:
                self._connection.exec_driver_sql(f"DROP TABLE {each.stash}")
        shadow_target.keep_sequence(self._connection, self.target)
        now = shadow_target.definition(self._connection, table)
        if sorted(now) != sorted(self.target.after):
            raise CommandError(f"{table} was not exchanged as intended; nothing was changed")


def _moved(
    entries: list[CatalogEntry], source: str, to: str, texts: dict[str, str | None], *prefixes: str
) -> list[CatalogChange]:
    """Return the changes that give a table and its indexes other names.

    An index is found under its name with the first prefix, and gets the second.
    """
    before, after = prefixes
    changes = []
    for entry in entries:
        if entry.kind == "table":
            changes.append(CatalogChange(source, to, to, texts.get(to, entry.sql)))
        elif entry.sql is None:  # the automatic index of a constraint
            number = entry.name.rpartition("_")[2]
            former, later = (f"sqlite_autoindex_{name}_{number}" for name in (source, to))
            changes.append(CatalogChange(former, later, to, None))
        else:
            name = after + entry.name
            sql = texts.get(entry.name, entry.sql)
            sql = sqlite_catalog.with_index_name(str(sql), name) if after else sql
            changes.append(CatalogChange(before + entry.name, name, to, sql))
    return changes
