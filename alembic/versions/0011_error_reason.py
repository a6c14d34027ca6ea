"""Let a failure say its reason.

Why now: `transient` and `permanent` say whether to try again, not what to do about it. A person who
has mended a password wants to replay what failed for that, and nothing else. Dead letters are
listed newest first from an index of their own.
What code of the revision before sees: one more column of executions and of attempts, NULL, and an
index.
What it locks: the columns, a moment. The index is built beside the traffic on PostgreSQL, and in
the migration's transaction on SQLite.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

EXECUTIONS, ATTEMPTS = "trigger_executions", "execution_attempts"
DEAD = "ix_trigger_executions_dead"


def upgrade() -> None:
    for table in (EXECUTIONS, ATTEMPTS):
        op.add_or_restore_columns(revision, table, sa.Column("error_reason", sa.String(30)))
    op.ensure_index(
        DEAD,
        EXECUTIONS,
        ["id", "trigger_id", "error_reason"],
        where="status IN ('failed', 'failed_retryable')",
    )
    op.verify_lookup(
        "SELECT id FROM trigger_executions WHERE status IN ('failed', 'failed_retryable') "
        "ORDER BY id DESC LIMIT 20",
        uses=DEAD,
    )


def downgrade() -> None:
    op.remove_index(DEAD, EXECUTIONS)
    for table in (ATTEMPTS, EXECUTIONS):
        op.stash_columns(revision, table, ["error_reason"])
