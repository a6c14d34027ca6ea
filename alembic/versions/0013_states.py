"""Let no execution be in a state that has no name.

Why now: the moves between states are decided in code, and a table that takes any word would keep a
mistake for ever. A finished execution has its end, no other has; a lease is held only while it
runs; whoever gave an execution up by hand is named in `finished_by`, the column with which the
conditions arrive. What stood before and breaks a condition is left as it is.
The index of what is due, whatever its trigger, goes: workers take turns between triggers.
What code of the revision before sees: one more column, NULL, and one index less, which none of
its questions needs.
What it locks: the column and the conditions, a moment on PostgreSQL, where they are proven beside
the traffic; on SQLite as long as it takes to read the table.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TABLE = "trigger_executions"
DUE = "ix_trigger_executions_due"
CHECKS = {
    "ck_trigger_executions_status": "status IN ('pending', 'running', 'retrying', 'completed', "
    "'failed', 'failed_retryable', 'replayed')",
    "ck_trigger_executions_finished": "(status IN ('completed', 'failed', 'failed_retryable', "
    "'replayed')) = (completed_at IS NOT NULL)",
    "ck_trigger_executions_leased": "lease_owner IS NULL OR status = 'running'",
}


def upgrade() -> None:
    op.add_column_with_checks(TABLE, sa.Column("finished_by", sa.String(100)), CHECKS)
    op.restore_columns(revision, TABLE, ["finished_by"])
    op.remove_index(DUE, TABLE)


def downgrade() -> None:
    op.ensure_index(
        DUE, TABLE, ["next_attempt_at", "id"], where="status IN ('pending', 'retrying')"
    )
    op.drop_checks(TABLE, list(CHECKS))
    op.stash_columns(revision, TABLE, ["finished_by"])
