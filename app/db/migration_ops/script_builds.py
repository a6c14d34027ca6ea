"""Write the SQL that builds unique indexes of keys in a script, which cannot look at the database.

Nothing is built CONCURRENTLY on a condition: there the build keeps writers waiting.
"""

from alembic.operations import Operations

from app.db.migration_ops import indexes
from app.db.migration_ops.plugin import in_block, listed

_DROP_UNFIT = (
    "IF EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('{0}') AND NOT (indisvalid AND "
    "ARRAY(SELECT pg_get_indexdef(indexrelid, k, true) FROM generate_series(1, indnatts) AS k) "
    "= ARRAY[{1}])) THEN DROP INDEX {0}; END IF; "
)
"""Removal of an index with other columns, or of one whose build was killed.

One that is fit stays: a foreign key may need it.
"""


def build_key(op: Operations, is_key: str, name: str, table: str, columns: list[str]) -> None:
    """Write the SQL that builds the index of a key to be; `is_key` is true if the key is so."""
    if in_block(op):
        build_unless(op, is_key, name, table, columns)
        return
    op.execute(f"DO $$ BEGIN {_drop_unfit(name, columns)}END $$")
    indexes.build_offline(op, name, table, columns, {"unique": True}, anew=False)


def build_unless(op: Operations, condition: str, name: str, table: str, columns: list[str]) -> None:
    """Write the SQL that builds the index under a lock, unless the condition is true."""
    op.execute(
        f"DO $$ BEGIN IF NOT ({condition}) THEN {_drop_unfit(name, columns)}"
        f"CREATE UNIQUE INDEX IF NOT EXISTS {name} ON {table} ({listed(columns)}); END IF; END $$"
    )


def literals(columns: list[str]) -> str:
    """Return the names as the elements of an array."""
    return listed([f"'{each}'" for each in columns])


def _drop_unfit(name: str, columns: list[str]) -> str:
    return _DROP_UNFIT.format(name, literals(columns))
