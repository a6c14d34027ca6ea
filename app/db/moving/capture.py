"""Note the keys of the rows that the service changes while they are copied, and copy them again.

Database triggers write the keys into a table beside each table. A round reads them and the rows of
one moment, changes the target, and only then forgets the keys: after a kill it is done again.
"""
# ruff: noqa: S608, the names in these statements are the database's own, and quoted

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from app.db.moving import fence
from app.db.moving.session import DriverSession, Row, listed, quoted
from app.db.moving.tables import MovedTable, value_of
from app.errors import CannotMove

LOG = "_move_log_"
ROUND_KEYS = 20_000
"""Keys of a table that one round reads."""
LOOKED_UP = 100
"""Rows that one statement looks up by their keys."""

Types = tuple[sa.types.TypeEngine[Any], ...]


def begin(source: DriverSession, moved: list[MovedTable]) -> None:
    """Create the triggers and their tables, in the open transaction of the source."""
    for table in keyed(moved):
        log, keys = quoted(LOG + table.name), listed(table.key)
        if source.inspector.has_table(LOG + table.name):
            continue
        if source.kind == "sqlite":
            source.execute(f"CREATE TABLE {log} (seq INTEGER PRIMARY KEY AUTOINCREMENT, {keys})")
        else:
            source.execute(f"CREATE TABLE {log} AS SELECT {keys} FROM {quoted(table.name)} LIMIT 0")
            identity = "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
            source.execute(f"ALTER TABLE {log} ADD COLUMN seq {identity}")
        triggers = _sqlite(table) if source.kind == "sqlite" else _postgresql(table)
        for statement in triggers:
            source.execute(statement)


def end(source: DriverSession) -> None:
    """Drop the triggers and their tables, in the open transaction of the source."""
    names = [n for n in source.inspector.get_table_names() if n.startswith(LOG)]
    if source.kind == "sqlite":
        found = source.execute(f"SELECT name FROM sqlite_master WHERE name GLOB '{LOG}*_on_*'")
        for (name,) in found:
            source.execute(f"DROP TRIGGER IF EXISTS {quoted(name)}")
    for name in names:
        if source.kind == "postgresql":
            source.execute(f"DROP FUNCTION IF EXISTS {quoted(name)}() CASCADE")
        source.execute(f"DROP TABLE {quoted(name)}")


def keyed(moved: list[MovedTable]) -> list[MovedTable]:
    """Return the tables whose rows can be found again; the others are copied anew at the end."""
    return [table for table in moved if table.key]


def waiting(source: DriverSession, moved: list[MovedTable]) -> int:
    """Return the number of keys that wait."""
    counts = (source.execute(f"SELECT count(*) FROM {_log(table)}") for table in keyed(moved))
    return sum(rows[0][0] for rows in counts)


Changes = dict[str, list[tuple[int, Row]]]


def changes(
    source: DriverSession, moved: list[MovedTable], limit: int | None = ROUND_KEYS
) -> Changes:
    """Return the keys that wait, oldest first, with their numbers; for use in a snapshot."""
    found: Changes = {}
    for table in keyed(moved):
        kinds = dict(zip(table.columns, table.source_types, strict=True))
        keys = ", ".join(source.selected(name, kinds[name]) for name in table.key)
        end = "" if limit is None else f" LIMIT {limit}"
        query = f"SELECT seq, {keys} FROM {_log(table)} ORDER BY seq{end}"
        rows = [(row[0], row[1:]) for row in source.execute(query)]
        if rows:
            found[table.name] = rows
    return found


def apply(
    source: DriverSession,
    target: DriverSession,
    moved: list[MovedTable],
    found: Changes,
    reason: str,
) -> None:
    """Change the target to the rows of these keys; for use in the snapshot that read the keys.

    Rows that are gone are removed first, children before parents: their unique values may be used
    again by others.
    """
    changed = [table for table in moved if table.name in found]
    for table in reversed(changed):
        for keys in _chunks(found[table.name]):
            present = {_key(table, row) for row in _looked_up(source, table, keys)}
            gone = [key for key in (_converted(table, key) for key in keys) if key not in present]
            if gone:
                with fence.writable(target, table.name, reason):
                    values = [value for key in gone for value in key]
                    sql = f"DELETE FROM {quoted(table.name)} WHERE {_any_of(table, len(gone))}"
                    target.execute(sql, values)
    for table in changed:
        for keys in _chunks(found[table.name]):
            rows = _in_order(table, keys, _looked_up(source, table, keys))
            if rows:
                with fence.writable(target, table.name, reason):
                    target.merge(table.name, table.columns, rows, table.target_key)


def require_same(
    source: DriverSession, target: DriverSession, moved: list[MovedTable], found: Changes
) -> None:
    """Raise CannotMove unless both databases have the same rows for these keys."""
    for table in moved:
        for keys in _chunks(found.get(table.name, [])):
            ours = sorted(_looked_up(source, table, keys), key=repr)
            converted = [_converted(table, key) for key in keys]
            theirs = sorted(_looked_up(target, table, converted, table.target_types), key=repr)
            if ours != theirs:
                raise CannotMove(f"the comparison failed: rows of {table.name} differ at the end")


def forget(source: DriverSession, found: Changes) -> None:
    """Remove the keys that were applied."""
    for name, rows in found.items():
        with source.transaction():
            for first in range(0, len(rows), LOOKED_UP):
                numbers = [number for number, _ in rows[first : first + LOOKED_UP]]
                marks = ", ".join("?" * len(numbers))
                log = quoted(LOG + name)
                source.execute(f"DELETE FROM {log} WHERE seq IN ({marks})", numbers)


def _chunks(rows: list[tuple[int, Row]]) -> Iterator[list[Row]]:
    keys = list(dict.fromkeys(key for _, key in rows))
    for first in range(0, len(keys), LOOKED_UP):
        yield keys[first : first + LOOKED_UP]


def _looked_up(
    session: DriverSession, table: MovedTable, keys: Sequence[Row], types: Types | None = None
) -> list[Row]:
    """Return the rows of these keys in their common form."""
    kinds = zip(table.columns, types or table.source_types, strict=True)
    columns = ", ".join(value_of(session, table.name, name, kind) for name, kind in kinds)
    sql = f"SELECT {columns} FROM {quoted(table.name)} WHERE {_any_of(table, len(keys))}"
    found = session.execute(sql, [value for key in keys for value in key])
    return list(map(table.convert, found))


def _in_order(table: MovedTable, keys: list[Row], rows: list[Row]) -> list[Row]:
    """Return the rows in the order in which they were changed."""
    by_key = {_key(table, row): row for row in rows}
    ordered = (_converted(table, key) for key in keys)
    return [by_key[key] for key in ordered if key in by_key]


def _key(table: MovedTable, row: Row) -> Row:
    return tuple(row[place] for place in table.key_places)


def _converted(table: MovedTable, key: Row) -> Row:
    places = table.key_places
    return tuple(table.converters[p](value) for p, value in zip(places, key, strict=True))


def _any_of(table: MovedTable, count: int) -> str:
    one = " AND ".join(f"{quoted(name)} = ?" for name in table.key)
    return " OR ".join([f"({one})"] * count)


def _log(table: MovedTable) -> str:
    return quoted(LOG + table.name)


def _sqlite(table: MovedTable) -> Iterator[str]:
    new, old = (", ".join(f"{row}.{quoted(n)}" for n in table.key) for row in ("NEW", "OLD"))
    read = {
        "insert": f"SELECT {new}",
        "update": f"SELECT {old} UNION SELECT {new}",
        "delete": f"SELECT {old}",
    }
    for operation, keys in read.items():
        yield (
            f"CREATE TRIGGER {quoted(f'{LOG}{table.name}_on_{operation}')} AFTER {operation} ON "
            f"{quoted(table.name)} BEGIN INSERT INTO {_log(table)} ({listed(table.key)}) {keys}; "
            "END"
        )


def _postgresql(table: MovedTable) -> Iterator[str]:
    new, old = (", ".join(f"{row}.{quoted(n)}" for n in table.key) for row in ("NEW", "OLD"))
    insert = f"INSERT INTO {_log(table)} ({listed(table.key)}) VALUES"
    yield (
        f"CREATE FUNCTION {_log(table)}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER "
        f"SET search_path FROM CURRENT AS $$ BEGIN "
        f"IF TG_OP <> 'INSERT' THEN {insert} ({old}); END IF; "
        f"IF TG_OP = 'INSERT' THEN {insert} ({new}); "
        f"ELSIF TG_OP = 'UPDATE' AND ROW({new}) IS DISTINCT FROM ROW({old}) "
        f"THEN {insert} ({new}); END IF; RETURN NULL; END $$"
    )
    yield (
        f"CREATE TRIGGER {_log(table)} AFTER INSERT OR UPDATE OR DELETE ON {quoted(table.name)} "
        f"FOR EACH ROW EXECUTE FUNCTION {_log(table)}()"
    )
    yield fence.always(table.name, LOG + table.name)
