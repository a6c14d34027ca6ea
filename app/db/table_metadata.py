"""The metadata of our tables, the naming of their constraints, and the types of their keys."""

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


def key_of(table: str, name: str, kind: sa.types.TypeEngine[int]) -> sa.Column[int]:
    """Return a primary-key column that refers to `table`; its row goes with the row there."""
    parent = sa.ForeignKey(f"{table}.id", ondelete="CASCADE")
    return sa.Column(name, kind, parent, primary_key=True, autoincrement=False)
