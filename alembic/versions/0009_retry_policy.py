"""Let a trigger say how it is retried, and how many of its executions run at once.

Why now: one policy does not fit all targets, and a slow one must not hold up the others. A worker
therefore takes turns between triggers: it asks for each what is due, which needs an index that
begins with the trigger. The executions that wait for a retry have a small index of their own, by
which a trigger that runs one at a time keeps to the order of admission.
What code of the revision before sees: two more columns of triggers, both NULL, and two indexes.
What it locks: the columns, a moment. The indexes are built beside the traffic on PostgreSQL, and
in the migration's transaction on SQLite.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLE = "trigger_executions"
TURN = "ix_trigger_executions_turn"
RETRYING = "ix_trigger_executions_retrying"


def upgrade() -> None:
    op.add_or_restore_columns(
        revision,
        "triggers",
        sa.Column("retry_policy", sa.Text()),
        sa.Column("max_concurrency", sa.Integer()),
    )
    op.ensure_index(
        TURN,
        TABLE,
        ["trigger_id", "next_attempt_at", "id"],
        where="status IN ('pending', 'retrying')",
    )
    op.ensure_index(RETRYING, TABLE, ["trigger_id", "id"], where="status = 'retrying'")
    op.verify_lookup(
        "SELECT id FROM trigger_executions WHERE status IN ('pending', 'retrying') "
        "AND trigger_id = 1 AND next_attempt_at <= '2000-01-01 00:00:00' "
        "ORDER BY next_attempt_at, id LIMIT 1",
        uses=TURN,
    )


def downgrade() -> None:
    op.remove_index(RETRYING, TABLE)
    op.remove_index(TURN, TABLE)
    op.stash_columns(revision, "triggers", ["retry_policy", "max_concurrency"])
