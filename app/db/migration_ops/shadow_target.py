"""Decide which tables of SQLite a step rebuilds, and how each shall be defined afterwards."""

import re
from dataclasses import dataclass, replace

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.db.migration_ops import broken_objects, rehearsal, sqlite_catalog
from app.db.migration_ops.rehearsal import NAME_PREFIX, ColumnChanges, Rehearsal, StashCopy, Unfit
from app.db.migration_ops.sqlite_catalog import CatalogEntry, plain, quoted

DROPPED_AT_ONCE = 500_000
"""Entries of indexes that a step drops itself, in at most 0.25 s where pages are overwritten."""
_PREDICATE = re.compile(r"\)\s*WHERE\b(.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class UniqueIndex:
    """The columns and the condition of a unique index."""

    columns: tuple[str, ...]
    collations: tuple[str, ...]
    where: str

    def same(self, left: str, right: str) -> str:
        """Return the condition that two rows have the same values."""
        pairs = zip(self.columns, self.collations, strict=True)
        return " AND ".join(
            f"{left}.{quoted(name)} = {right}.{quoted(name)} COLLATE {quoted(collation)}"
            for name, collation in pairs
        )


@dataclass(frozen=True)
class RebuiltTable:
    """The definition of a table before and after it is rebuilt."""

    table: str
    key: str
    """Name of the INTEGER PRIMARY KEY."""
    before: list[CatalogEntry]
    """The table and its indexes as they are."""
    after: list[CatalogEntry]
    """The table and its indexes as they shall be."""
    columns: tuple[str, ...]
    """Columns whose values are copied."""
    unique: tuple[UniqueIndex, ...]
    """Unique indexes of the table as it is, automatic ones included."""
    new_unique: tuple[UniqueIndex, ...]
    """Unique indexes that the step builds, on columns that exist already."""
    stashes: tuple[StashCopy, ...]
    """Values that are kept of the columns that the copy has not."""
    refuses: bool

    @property
    def shadow(self) -> str:
        return NAME_PREFIX + self.table

    @property
    def old(self) -> str:
        return f"{NAME_PREFIX}old_{self.table}"


def log_name(table: str) -> str:
    """Return the table that notes the ids of rows written while this table is copied."""
    return f"{NAME_PREFIX}log_{table}"


def state_name(table: str) -> str:
    """Return the table that notes how far the copy of this table is."""
    return f"{NAME_PREFIX}state_{table}"


def targets(connection: Connection, rehearsed: Rehearsal, tables: list[str]) -> list[RebuiltTable]:
    """Return those of the tables that the step changes so that SQLite would read them whole.

    Raises Unfit if one of them cannot be copied.
    """
    before, after = _indexes(connection), _indexes(rehearsed.connection)
    found = [
        _target(connection, rehearsed, table)
        for table in tables
        if rehearsed.drops_columns or before.get(table) != after.get(table)
    ]
    return [target for target in found if target is not None]


def _indexes(connection: Connection) -> dict[str, set[str]]:
    """Return the CREATE statements of the indexes of each table."""
    statements: dict[str, set[str]] = {}
    for entry in sqlite_catalog.entries(connection):
        if entry.kind == "index":
            statements.setdefault(entry.table, set()).add(entry.sql or entry.name)
    return statements


def _target(connection: Connection, rehearsed: Rehearsal, table: str) -> RebuiltTable | None:
    with rehearsal.empty_copy(connection) as copy:
        before = definition(copy, table)
        if not before or not definition(rehearsed.connection, table):
            return None
        changes = rehearsal.column_changes(rehearsed, table)
        if not rehearsed.drops_columns:
            changes.dropped.clear()
        with broken_objects.set_aside(rehearsed.connection):
            rehearsal.undo_renames(rehearsed.connection, table, changes)
        changed = _changed_indexes(before, definition(rehearsed.connection, table))
        is_heavy = _is_heavy(connection, table, before, changed)
        if not is_heavy and not changes.dropped:
            return None
        key, unique = _row_key(copy, table), _unique_indexes(copy, table)
        names = _plain_columns(copy, table)
        with broken_objects.set_aside(copy):
            _apply(copy, table, changes, changed)
        after = definition(copy, table)
        kept = _plain_columns(copy, table)
        new = {entry.name for entry in after if changed.get(entry.name)}
        new_unique = _unique_indexes(copy, table, only=new)
    return RebuiltTable(
        table=table,
        key=key,
        before=before,
        after=after,
        columns=tuple(name for name in names if name in kept),
        unique=unique,
        new_unique=tuple(each for each in new_unique if set(each.columns) <= set(names)),
        stashes=tuple(_before(each, changes) for each in rehearsed.stashes if each.table == table),
        refuses=rehearsed.refuses,
    )


def _before(stash: StashCopy, changes: ColumnChanges) -> StashCopy:
    """Return the stash with the names that the columns have before the step."""
    selection, condition = stash.selection, stash.condition
    for after, before in changes.all_renamed.items():
        selection = re.sub(rf"\b{after}\b", before, selection)
        condition = re.sub(rf"\b{after}\b", before, condition)
    definition, count = re.subn(r"\bid INT\b", "id INTEGER PRIMARY KEY", stash.definition, count=1)
    if not count:
        raise Unfit(f"{stash.stash} has no id")
    return replace(stash, definition=definition, selection=selection, condition=condition)


def definition(connection: Connection, table: str) -> list[CatalogEntry]:
    """Return the table and its indexes; nothing if there is no such table."""
    entries = sqlite_catalog.entries(connection, table)
    return [each for each in entries if each.kind in ("table", "index")]


def renamed(
    connection: Connection, target: RebuiltTable, entries: list[CatalogEntry], name: str
) -> dict[str, str | None]:
    """Return the CREATE statements of these entries, by name, as if the table had another name."""
    with rehearsal.empty_copy(connection) as copy:
        copy.exec_driver_sql("PRAGMA legacy_alter_table = ON")
        copy.exec_driver_sql(f"DROP TABLE {quoted(target.table)}")
        for entry in entries:
            if entry.sql is not None:
                copy.exec_driver_sql(entry.sql)
        copy.exec_driver_sql(f"ALTER TABLE {quoted(target.table)} RENAME TO {quoted(name)}")
        return {entry.name: entry.sql for entry in definition(copy, name)}


def keep_sequence(connection: Connection, target: RebuiltTable) -> None:
    """Let the exchanged table count its ids on from where the table before it was."""
    tables = {entry.name for entry in sqlite_catalog.entries(connection)}
    if "sqlite_sequence" not in tables:
        return
    names = (target.table, target.shadow, target.table)
    connection.exec_driver_sql(
        "UPDATE sqlite_sequence SET name = ? WHERE name = ? "
        "AND NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?)",
        names,
    )
    connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = ?", (target.shadow,))


def _apply(
    copy: Connection, table: str, changes: ColumnChanges, changed: dict[str, str | None]
) -> None:
    """Change the columns and indexes of the copy as the step will."""
    for name in changed:
        copy.exec_driver_sql(f"DROP INDEX IF EXISTS {quoted(name)}")
    for statement in changes.added.values():
        copy.exec_driver_sql(statement)
    for name in changes.dropped:
        copy.exec_driver_sql(f"ALTER TABLE {quoted(table)} DROP COLUMN {quoted(name)}")
    for sql in filter(None, changed.values()):
        copy.exec_driver_sql(sql)


def _changed_indexes(
    before: list[CatalogEntry], after: list[CatalogEntry]
) -> dict[str, str | None]:
    """Return the statement of each index that is new or another, and None for a dropped one."""
    old = {each.name: plain(each.sql) for each in before if each.kind == "index" and each.sql}
    new = {each.name: each.sql for each in after if each.kind == "index" and each.sql}
    built = {name: sql for name, sql in new.items() if old.get(name) != plain(sql)}
    return built | {name: None for name in old if name not in new}


def _is_heavy(
    connection: Connection, table: str, before: list[CatalogEntry], changed: dict[str, str | None]
) -> bool:
    """Return True if an index is built, or if those that are dropped have many entries."""
    if any(changed.values()):
        return True
    left = DROPPED_AT_ONCE
    for entry in before:
        if entry.name in changed and left > 0:
            left -= _entry_count(connection, table, entry, left + 1)
    return left < 0


def _entry_count(connection: Connection, table: str, index: CatalogEntry, most: int) -> int:
    condition = where(index.sql) or "1"
    query = (
        f"SELECT count(*) FROM (SELECT 1 FROM {quoted(table)} INDEXED BY {quoted(index.name)} "  # noqa: S608, names of the catalog
        f"WHERE {condition} LIMIT {most})"
    )
    return int(connection.exec_driver_sql(query).scalar_one())


def where(sql: str | None) -> str:
    """Return the condition of a partial index; "" if it has none."""
    match = _PREDICATE.search(sql or "")
    return match[1].strip() if match else ""


def _row_key(copy: Connection, table: str) -> str:
    """Return the column that is SQLite's own row number."""
    rows = copy.execute(sa.text("SELECT name, type, pk FROM pragma_table_xinfo(:t)"), {"t": table})
    keys = [(row.name, row.type.upper()) for row in rows if row.pk]
    origins = copy.execute(sa.text("SELECT origin FROM pragma_index_list(:t)"), {"t": table})
    if len(keys) != 1 or keys[0][1] != "INTEGER" or "pk" in origins.scalars():
        raise Unfit(f"{table} has no INTEGER PRIMARY KEY")
    return str(keys[0][0])


def _plain_columns(copy: Connection, table: str) -> list[str]:
    """Return the columns that are stored as they are written: not the generated ones."""
    query = sa.text("SELECT name FROM pragma_table_xinfo(:t) WHERE hidden = 0")
    return list(copy.execute(query, {"t": table}).scalars())


def _unique_indexes(
    copy: Connection, table: str, only: set[str] | None = None
) -> tuple[UniqueIndex, ...]:
    """Return the unique indexes; one on an expression is none that a trigger can compare."""
    query = sa.text(
        "SELECT i.name, m.sql FROM pragma_index_list(:t) AS i JOIN sqlite_master AS m "
        "ON m.name = i.name AND m.type = 'index' WHERE i.\"unique\" = 1"
    )
    found = []
    for name, sql in copy.execute(query, {"t": table}).all():
        if only is not None and name not in only:
            continue
        query_keys = sa.text("SELECT name, coll FROM pragma_index_xinfo(:n) WHERE key = 1")
        keys = copy.execute(query_keys, {"n": name}).all()
        if any(key.name is None for key in keys):
            raise Unfit(f"{name} is unique on an expression")
        columns, collations = zip(*((key.name, key.coll) for key in keys), strict=True)
        found.append(UniqueIndex(columns, collations, where(sql)))
    return tuple(found)
