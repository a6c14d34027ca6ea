"""Refuse every write to a database that is being moved, by triggers in the database itself.

They hold for every process and every release of ours, also for one that starts later, and stay when
the mover is killed. Receivers answer 503 with Retry-After; no statement is added to their way.
"""
# ruff: noqa: S608, the names in these statements are the database's own, and quoted

from collections.abc import Iterator
from contextlib import contextmanager

from app.db.errors import CLOSED
from app.db.moving.session import DriverSession, quoted

NAME = "_move_closed"
SETTING = "hookonce.mover"
"""Setting of a PostgreSQL session that the triggers let write."""
OPERATIONS = ("INSERT", "UPDATE", "DELETE")


def close(session: DriverSession, tables: list[str], reason: str, *, mover: str = "") -> None:
    """Create the triggers, in the open transaction; a table that has them is left alone.

    `mover` is the id of the move whose session of PostgreSQL may write; empty: none may.
    """
    present = closed_tables(session)
    if session.kind == "postgresql":
        session.execute(_function(reason))
    for table in tables:
        if table not in present:
            for statement in _triggers(session.kind, table, reason, mover):
                session.execute(statement)


@contextmanager
def writable(session: DriverSession, table: str, reason: str) -> Iterator[None]:
    """Open a transaction in which the mover writes a table of the target that others may not."""
    with session.transaction():
        if session.kind == "sqlite":
            open_table(session, table)
        yield
        if session.kind == "sqlite":
            close(session, [table], reason)


def open_(session: DriverSession) -> None:
    """Drop the triggers from every table, in the open transaction."""
    for table in closed_tables(session):
        open_table(session, table)
    if session.kind == "postgresql":
        session.execute(f"DROP FUNCTION IF EXISTS {NAME}()")


def open_table(session: DriverSession, table: str) -> None:
    """Drop the triggers of a table, in the open transaction."""
    if session.kind == "postgresql":
        session.execute(f"DROP TRIGGER IF EXISTS {NAME} ON {quoted(table)}")
        return
    for operation in OPERATIONS:
        session.execute(f"DROP TRIGGER IF EXISTS {quoted(_name(table, operation))}")


def closed_tables(session: DriverSession) -> list[str]:
    """Return the tables that have the triggers."""
    if session.kind == "postgresql":
        query = (
            "SELECT relname FROM pg_trigger JOIN pg_class AS c ON c.oid = tgrelid WHERE "
            f"tgname = '{NAME}' AND relnamespace = quote_ident(current_schema())::regnamespace "
            "AND NOT c.relispartition ORDER BY 1"
        )
    else:
        query = (
            "SELECT DISTINCT tbl_name FROM sqlite_master WHERE type = 'trigger' AND "
            f"name GLOB '{NAME}_*' ORDER BY 1"
        )
    return [name for (name,) in session.execute(query)]


def exempt(session: DriverSession, mover: str) -> None:
    """Let this session of PostgreSQL write; for SQLite see `writable`."""
    if session.kind == "postgresql":
        session.execute(f"SET {SETTING} = '{mover}'")


def _function(reason: str) -> str:
    sentence = f"{CLOSED}{reason}".replace("'", "''").replace("%", "%%")
    return (
        f"CREATE OR REPLACE FUNCTION {NAME}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF coalesce(current_setting('{SETTING}', true), '') <> TG_ARGV[0] OR TG_ARGV[0] = '' "
        f"THEN RAISE EXCEPTION '{sentence}' USING ERRCODE = '25006'; END IF; "
        "RETURN NULL; END $$"
    )


def _triggers(kind: str, table: str, reason: str, mover: str) -> list[str]:
    if kind == "postgresql":
        when = "BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE"
        run = f"FOR EACH STATEMENT EXECUTE FUNCTION {NAME}('{mover}')"
        return [
            f"CREATE TRIGGER {NAME} {when} ON {quoted(table)} {run}",
            always(table, NAME),
        ]
    sentence = f"{CLOSED}{reason}".replace("'", "''")
    return [
        f"CREATE TRIGGER {quoted(_name(table, operation))} BEFORE {operation} ON {quoted(table)} "
        f"BEGIN SELECT RAISE(ABORT, '{sentence}'); END"
        for operation in OPERATIONS
    ]


def always(table: str, trigger: str) -> str:
    """Return the statement by which PostgreSQL runs the trigger for replicated writes too."""
    return f"ALTER TABLE {quoted(table)} ENABLE ALWAYS TRIGGER {quoted(trigger)}"


def _name(table: str, operation: str) -> str:
    return f"{NAME}_{operation.lower()}_{table}"
