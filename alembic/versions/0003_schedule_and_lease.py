"""Let an execution wait for its turn, and be leased to one worker at a time.

Why now: executions run in workers of their own, which may die. An execution is due at
`next_attempt_at`; a worker that claims it counts the attempt and holds it until
`lease_expires_at`. The default, a moment long past, makes every row that older code writes due
at once. What a found database left unfinished is held back (no next attempt, no lease) until a
person decides: it may be years old.
What code of the revision before sees: four more columns that it need not fill.
What it locks: the columns, a moment. The indexes are built beside the traffic on PostgreSQL, and
in the migration's transaction on SQLite.

Revision ID: 0003
Revises: 0002
"""
# ruff: noqa: S608, the names in these statements are the revisions' own, never from outside

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLE = "trigger_executions"
COLUMNS = ["attempt_count", "next_attempt_at", "lease_owner", "lease_expires_at"]
UNFINISHED = "status IN ('pending', 'running', 'retrying')"
DUE_SINCE_EVER = "1970-01-01 00:00:00"


def upgrade() -> None:
    op.add_columns(
        TABLE,
        sa.Column("attempt_count", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("next_attempt_at", sa.DateTime(), server_default=DUE_SINCE_EVER),
        sa.Column("lease_owner", sa.String(100)),
        sa.Column("lease_expires_at", sa.DateTime()),
    )
    op.ensure_index(
        "ix_trigger_executions_due",
        TABLE,
        ["next_attempt_at", "id"],
        where="status IN ('pending', 'retrying')",
    )
    op.ensure_index(
        "ix_trigger_executions_leased", TABLE, ["lease_expires_at"], where="status = 'running'"
    )
    # all are held first, then those that were ours before get back what they had
    op.hold_found_executions(
        f"UPDATE {TABLE} SET next_attempt_at = NULL WHERE id <= :last_id AND {UNFINISHED} "
        f"AND next_attempt_at = '{DUE_SINCE_EVER}' AND attempt_count = 0"
    )
    op.restore_columns(revision, TABLE, COLUMNS)
    op.verify_lookup(
        f"SELECT id FROM {TABLE} WHERE status IN ('pending', 'retrying') "
        f"AND next_attempt_at <= '2000-01-01 00:00:00' ORDER BY next_attempt_at, id LIMIT 1",
        uses="ix_trigger_executions_due",
    )


def downgrade() -> None:
    op.stash_columns(revision, TABLE, COLUMNS, also=UNFINISHED)
