"""Prepare the target: refuse one with content, migrate it, add what the source has beside it."""
# ruff: noqa: S608, the names in these statements are the database's own, and quoted

import re
import warnings
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.schema import CreateColumn, CreateIndex

from app import installation
from app.db import version_table
from app.db.migration_ops.migration_lock import Pause
from app.db.moving import state, tables
from app.db.moving.session import DriverSession, listed, quoted
from app.errors import CannotMove
from app.settings import Settings

_FOREIGN_KEYS = (
    "SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) "
    "FROM pg_constraint WHERE contype = 'f' AND conparentid = 0 "
    "AND connamespace = quote_ident(current_schema())::regnamespace ORDER BY 1, 2"
)


def require_empty(session: DriverSession, name: str) -> None:
    """Raise CannotMove if any table of the target has a row."""
    if state.exists(session):
        raise CannotMove(
            f"{name} holds another, unfinished move: name an empty database, or remove that one"
        )
    for table in tables.reflected(session).tables:
        is_version = table == version_table.NAME
        if not is_version and session.execute(f"SELECT 1 FROM {quoted(table)} LIMIT 1"):
            raise CannotMove(f"{name} has rows in the table {table}: name an empty database")


def migrate(settings: Settings, pause: Pause) -> None:
    """Create the tables as the newest revision leaves them; `pause` waits for a migration."""
    config = Config(str(installation.ALEMBIC_INI))
    config.attributes |= {"settings": settings, "pause": pause}
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise CannotMove(f"the target could not be prepared: {error}") from error


def complete(session: DriverSession, wanted: list[sa.Table], *, with_foreign: bool) -> None:
    """Create the tables and columns of the source that no revision creates, in a transaction."""
    present = tables.reflected(session)
    copies = _portable(wanted, session.kind)
    missing = [table for name, table in copies.tables.items() if name not in present.tables]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tables of others may refer to each other in a circle
        with session.transaction():
            for table in (t for t in copies.sorted_tables if t in missing):
                session.create(table)
            for table in wanted:
                if table.name in present.tables:
                    _add_columns(session, table, present, copies, with_foreign=with_foreign)
            if takes_conditions(session, wanted):
                _relax(session, wanted, present)


def takes_conditions(session: DriverSession, wanted: list[sa.Table]) -> bool:
    """Return True if the target gets the source's conditions; SQLite cannot change its own."""
    is_taken_over = any(table.name == version_table.FOUND_RECORD for table in wanted)
    return is_taken_over and session.kind == "postgresql"


def _relax(session: DriverSession, wanted: list[sa.Table], present: sa.MetaData) -> None:
    """Give the tables the conditions that those of a database taken over have.

    Older rows are exempt from ours there, and a column may lack values that ours require.
    """
    for table in (t for t in wanted if t.name in present.tables):
        ours = present.tables[table.name]
        conditions = {constraint.name: constraint.sqltext for constraint in _checks(table)}
        for constraint in _checks(ours):
            name = quoted(str(constraint.name))
            change = f"DROP CONSTRAINT {name}"
            if constraint.name in conditions:
                change += f", ADD CONSTRAINT {name} CHECK ({conditions[constraint.name]})"
            session.execute(f"ALTER TABLE {quoted(table.name)} {change}")
        for column in table.columns:
            known = ours.columns.get(column.name)
            is_in_key = known is not None and known.primary_key
            if column.nullable and known is not None and not (known.nullable or is_in_key):
                change = f"ALTER COLUMN {quoted(column.name)} DROP NOT NULL"
                session.execute(f"ALTER TABLE {quoted(table.name)} {change}")


def _checks(table: sa.Table) -> list[sa.CheckConstraint]:
    return [each for each in table.constraints if isinstance(each, sa.CheckConstraint)]


def _add_columns(
    session: DriverSession,
    table: sa.Table,
    present: sa.MetaData,
    copies: sa.MetaData,
    *,
    with_foreign: bool,
) -> None:
    """Add the columns that the table lacks, and the indexes on them."""
    left_out = set() if with_foreign else set(tables.foreign_columns(table, present))
    there = set(present.tables[table.name].columns.keys())
    names = [column.name for column in table.columns]
    added = [name for name in names if name not in there and name not in left_out]
    copy = copies.tables[table.name]
    for name in added:
        column = CreateColumn(copy.columns[name]).compile(dialect=session.dialect)
        session.execute(f"ALTER TABLE {quoted(table.name)} ADD COLUMN {column}")
    for index in copy.indexes:
        used = set(index.columns.keys())
        if used & set(added) and used <= there | set(added):
            session.execute(str(CreateIndex(index).compile(dialect=session.dialect)))


def _portable(wanted: list[sa.Table], kind: str) -> sa.MetaData:
    """Return copies of the tables with types, defaults and conditions that both databases know."""
    metadata = sa.MetaData()
    for table in wanted:
        table.to_metadata(metadata)
    for table in metadata.tables.values():
        for column in table.columns:
            default = tables.literal_default(column)
            column.server_default = None
            if default is not None:
                is_truth = isinstance(column.type, sa.Boolean)
                clause = sa.true() if default == "1" else sa.false()
                column.server_default = sa.DefaultClause(clause if is_truth else sa.text(default))
            column.type = _portable_type(column)
            column.nullable = column.nullable and not column.primary_key
        _make_portable(table, kind)
    return metadata


def _make_portable(table: sa.Table, kind: str) -> None:
    alone = list(table.primary_key.columns)
    if kind == "sqlite" and len(alone) == 1 and isinstance(alone[0].type, sa.Integer):
        table.dialect_options["sqlite"]["autoincrement"] = not alone[0].foreign_keys
    for constraint in _checks(table):
        if "::" in str(constraint.sqltext):  # PostgreSQL's own form of it
            table.constraints.discard(constraint)
    for index in list(table.indexes):
        where = [index.dialect_options[d].get("where") for d in ("sqlite", "postgresql")]
        condition = next((each for each in where if each is not None), None)
        if len(index.columns) < len(index.expressions) or re.search("::", str(condition)):
            table.indexes.discard(index)
        for dialect in ("sqlite", "postgresql") if condition is not None else ():
            index.dialect_options[dialect]["where"] = sa.text(str(condition))


def _portable_type(column: sa.Column[Any]) -> sa.types.TypeEngine[Any]:
    kind = column.type
    if isinstance(kind, sa.Boolean):
        return sa.Boolean()
    if isinstance(kind, sa.Integer):
        return sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    if isinstance(kind, sa.Float):
        return sa.Float()
    if isinstance(kind, sa.DateTime):
        return sa.DateTime()
    if isinstance(kind, sa.String) and not isinstance(kind, sa.Enum):
        return sa.String(kind.length) if kind.length else sa.Text()
    if isinstance(kind, sa.LargeBinary | sa.types._Binary):
        return sa.LargeBinary()
    raise CannotMove(
        f"the column {column.table.name}.{column.name} has the type {kind}, which cannot be moved: "
        "choose `--foreign leave`, and copy its table by other means"
    )


def drop_foreign_keys(session: DriverSession) -> list[list[str]]:
    """Drop the foreign keys, in the open transaction; return the statements that add them again.

    Each row that is copied would be looked up in its parent's table; added again at the end, they
    check all rows at once. SQLite checks none for the mover.
    """
    if session.kind != "postgresql":
        return []
    found = session.execute(_FOREIGN_KEYS)
    for table, name, _ in found:
        session.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    return [list(each) for each in found]


def add_foreign_keys(session: DriverSession, dropped: list[list[str]]) -> None:
    """Add the foreign keys again, in the open transaction; those that exist are left alone."""
    present = (
        {(table, name) for table, name, _ in session.execute(_FOREIGN_KEYS)} if dropped else ()
    )
    for table, name, definition in dropped:
        if (table, name) not in present:
            session.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")


def analyze(session: DriverSession, names: list[str]) -> None:
    """Count the rows for PostgreSQL's planner, which would take the tables to be empty."""
    if session.kind == "postgresql":
        session.execute(f"ANALYZE {listed(names)}")
