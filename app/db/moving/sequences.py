"""Move the highest id that each table ever gave: the id of a removed row must not come again."""
# ruff: noqa: S608, the names in these statements are the database's own, and quoted

from app.db.moving.session import DriverSession, quoted
from app.db.moving.tables import MovedTable
from app.errors import CannotMove


def move(source: DriverSession, target: DriverSession, moved: list[MovedTable]) -> None:
    """Set the sequences of the target, in its open transaction; raise CannotMove if one is lower.

    A target may be higher: PostgreSQL gives ids to rows that are rolled back.
    """
    for table in moved:
        highest = last_id(source, table)
        if highest < 1 or last_id(target, table) >= highest:
            continue
        _set(target, table, highest)
        if _has_sequence(target, table) and last_id(target, table) < highest:
            raise CannotMove(f"the sequence of {table.name} could not be set to {highest}")


def last_id(session: DriverSession, table: MovedTable) -> int:
    """Return the highest id that the table gave; 0 if it gives none."""
    if not _has_sequence(session, table):
        return 0
    if session.kind == "postgresql":
        sequence = _sequence(session, table)
        value, is_called = session.execute(f"SELECT last_value, is_called FROM {sequence}")[0]
        return int(value) if is_called else int(value) - 1
    given = session.execute("SELECT max(seq) FROM sqlite_sequence WHERE name = ?", (table.name,))
    return int(given[0][0] or 0)


def _has_sequence(session: DriverSession, table: MovedTable) -> bool:
    if not table.key:
        return False
    if session.kind == "postgresql":
        return _sequence(session, table) is not None
    sql = "SELECT 1 FROM sqlite_master WHERE name = ? AND sql LIKE '%AUTOINCREMENT%'"
    return bool(session.execute(sql, (table.name,)))


def _sequence(session: DriverSession, table: MovedTable) -> str | None:
    sql = "SELECT pg_get_serial_sequence(?, ?)"
    name: str | None = session.execute(sql, (quoted(table.name), table.key[0]))[0][0]
    return name


def _set(session: DriverSession, table: MovedTable, highest: int) -> None:
    if not _has_sequence(session, table):
        return
    if session.kind == "postgresql":
        sql = "SELECT setval(?::regclass, ?)"
        session.execute(sql, (_sequence(session, table), highest))
        return
    session.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table.name,))
    session.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table.name, highest))
