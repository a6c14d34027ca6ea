"""What revisions share, as Alembic operations: `op.stash_columns(...)` and its kin.

A revision stays frozen by importing nothing of ours; env.py imports this package, and the
operations are there. Each can be run again after a kill at any point and then does what is
left. Migrations must know which database they change, so these modules ask, as app.db does.
"""

from app.db.migration_ops import (
    checks,
    columns,
    duplicates,
    found,
    indexes,
    refusing,
    swapping,
    tables,
)

__all__ = ["checks", "columns", "duplicates", "found", "indexes", "refusing", "swapping", "tables"]
