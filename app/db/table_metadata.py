"""The metadata of our tables, the naming of their constraints, and the types of their keys."""

from typing import Any

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)

RowId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""Type of an execution's id: 64 bits on both databases."""


def partial(condition: str) -> dict[str, Any]:
    """Return the options of an index on the rows of this condition.

    PostgreSQL's option is set by `condition_on_postgresql`: to name it makes SQLAlchemy import
    every driver of PostgreSQL, which takes a tenth of a short command's time.
    """
    return {"info": {"where": condition}, "sqlite_where": sa.text(condition)}


def condition_of(index: sa.Index) -> str | None:
    """Return the condition of a partial index; None for an index on all rows."""
    condition: str | None = index.info.get("where")
    return condition


def condition_on_postgresql() -> None:
    """Give each partial index its condition for PostgreSQL too, so that it can be created there."""
    for index in (each for table in metadata.tables.values() for each in table.indexes):
        condition = condition_of(index)
        if condition is not None:
            index.dialect_kwargs["postgresql_where"] = sa.text(condition)


def key_of(table: str, name: str, kind: sa.types.TypeEngine[int]) -> sa.Column[int]:
    """Return a primary-key column that refers to `table`; its row goes with the row there."""
    parent = sa.ForeignKey(f"{table}.id", ondelete="CASCADE")
    return sa.Column(name, kind, parent, primary_key=True, autoincrement=False)
