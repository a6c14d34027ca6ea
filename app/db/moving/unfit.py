"""Name every value of the source that the target would refuse or change, with its remedy.

SQLite stores any value in any column. A move that met such a value in its middle would stop with
half of the rows copied and the service closed.
"""
# ruff: noqa: S608, the names in these statements are the database's own, and quoted

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from app.db import models
from app.db.moving import reading
from app.db.moving.session import DriverSession, Row, listed, quoted
from app.db.moving.tables import MovedTable
from app.db.moving.values import UnfitValue

REPLACED = (
    "run this command with --replace-invalid-text, which copies it as Hookonce reads it, with "
    "U+FFFD for what is no text"
)


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that the target does not take as it is."""

    table: str
    key: str
    """Condition of SQL that finds the row."""
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.table} where {self.key}: {self.problem}. {self.remedy}"


def faults(
    source: DriverSession, table: MovedTable, target: sa.Table, *, with_checks: bool
) -> Iterator[Fault]:
    """Yield the rows with a value that does not fit, without a parent, or against a CHECK.

    `with_checks=False`: the target has the source's own conditions, which all rows fulfil.
    """
    with source.snapshot():
        yield from _unfit_values(source, table)
        yield from _without_parent(source, table, target)
        if with_checks:
            yield from _against_checks(source, table, target)


def _unfit_values(source: DriverSession, table: MovedTable) -> Iterator[Fault]:
    for batch in reading.batches(source, table, table.source_types):
        try:
            table.common(batch.rows)
        except UnfitValue:
            for number, row in reading.unfit(batch):
                yield from _named(source, table, batch.key(number), row)


def _named(source: DriverSession, table: MovedTable, key: Row, row: Row) -> Iterator[Fault]:
    where = _condition(table.key or (source.row_key,), key)
    for name, convert, value in zip(table.columns, table.converters, row, strict=True):
        try:
            convert(value)
        except UnfitValue as error:
            value_sql = error.remedy.format(quoted(name))
            update = f"UPDATE {quoted(table.name)} SET {quoted(name)} = {value_sql} WHERE {where};"
            remedy = f"Change it: {update}" if value_sql else f"To move it, {REPLACED}"
            if value is None and value_sql == "NULL":
                delete = f"DELETE FROM {quoted(table.name)} WHERE {where};"
                remedy = f"Give it a value, or remove the row: {delete}"
            yield Fault(table.name, where, f"{name} is {error.problem}", remedy)


def _without_parent(source: DriverSession, table: MovedTable, target: sa.Table) -> Iterator[Fault]:
    for foreign_key in target.foreign_key_constraints:
        parent = foreign_key.referred_table.name
        pairs = [(e.parent.name, e.column.name) for e in foreign_key.elements]
        same = " AND ".join(f"p.{quoted(theirs)} = c.{quoted(own)}" for own, theirs in pairs)
        given = " AND ".join(f"c.{quoted(own)} IS NOT NULL" for own, _ in pairs)
        condition = f"{given} AND NOT EXISTS (SELECT 1 FROM {quoted(parent)} AS p WHERE {same})"
        problem = f"its {', '.join(own for own, _ in pairs)} names no row of {parent}"
        for where in _where(source, table, condition):
            remedy = f"Remove it: DELETE FROM {quoted(table.name)} WHERE {where};"
            yield Fault(table.name, where, problem, remedy)


def _against_checks(source: DriverSession, table: MovedTable, target: sa.Table) -> Iterator[Fault]:
    """Yield the rows against a CHECK of the target, in the form in which our models have it."""
    model = models.metadata.tables.get(table.name)
    names = {constraint.name for constraint in target.constraints}
    for constraint in model.constraints if model is not None else ():
        if isinstance(constraint, sa.CheckConstraint) and constraint.name in names:
            for where in _where(source, table, f"NOT ({constraint.sqltext})"):
                problem = f"it does not fulfil {constraint.sqltext}"
                yield Fault(table.name, where, problem, "Change the row so that it does")


def _where(source: DriverSession, table: MovedTable, condition: str) -> Iterator[str]:
    """Yield the condition of each row of the source for which this one is true."""
    names = table.key or (source.row_key,)
    kinds = dict(zip(table.columns, table.source_types, strict=True))
    keys = ", ".join(source.selected(n, kinds[n]) if n in kinds else f"c.{n}" for n in names)
    order = listed(names) if table.key else f"c.{source.row_key}"
    sql = f"SELECT {keys} FROM {quoted(table.name)} AS c WHERE {condition} ORDER BY {order}"
    for key in source.stream(sql):
        yield _condition(names, key)


def _condition(names: tuple[str, ...], key: Row) -> str:
    known = names if names not in (("rowid",), ("ctid",)) else ()
    shown = map(quoted, known) if known else names
    return " AND ".join(f"{n} = {_literal(v)}" for n, v in zip(shown, key, strict=True))


def _literal(value: Any) -> str:
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, bytes):
        return f"CAST(x'{value.hex()}' AS TEXT)"
    return "'" + str(value).replace("'", "''") + "'"
