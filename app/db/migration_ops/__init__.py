"""Alembic operations that revisions share, such as `op.stash_columns(...)`.

A revision stays frozen because it imports nothing of the application; alembic/env.py imports this
package, which registers the operations. Each can be run again after a kill at any point, and then
does the rest. Migrations must know their database, so these modules ask for the dialect.
"""

from app.db.migration_ops import (
    checks,
    columns,
    duplicates,
    found,
    indexes,
    payloads,
    refusing,
    shard_keys,
    swapping,
    tables,
)

__all__ = [
    "checks",
    "columns",
    "duplicates",
    "found",
    "indexes",
    "payloads",
    "refusing",
    "shard_keys",
    "swapping",
    "tables",
]
