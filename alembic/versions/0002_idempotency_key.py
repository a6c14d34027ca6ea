"""Let an event be admitted once, however often it is delivered.

Why now: senders repeat themselves. Each execution keeps the key of its event, and a partial unique
index makes a second one for the same trigger and key impossible; two columns for what comes after
a failure ride along. The ALTERs that older start-ups ran, with their errors swallowed, left any
subset of this behind: whatever stands is completed, and a second index on the key alone goes.
What code of the revision before sees: three more columns, all NULL.
What it locks: the columns, a moment. The indexes are built beside the traffic on PostgreSQL, and
in the migration's transaction on SQLite.

Revision ID: 0002
Revises: 0001
"""
# ruff: noqa: S608, the names in these statements are the revisions' own, never from outside

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLE = "trigger_executions"
UNIQUE_KEY = "uq_trigger_idem"
KEY_ALONE = "ix_trigger_executions_idem_key"
KEY_ALONE_TWICE = "ix_trigger_executions_idempotency_key"


def upgrade() -> None:
    op.refuse_duplicate_keys()
    op.add_or_restore_columns(
        revision,
        TABLE,
        sa.Column("idempotency_key", sa.String(255)),
        sa.Column("error_category", sa.String(20)),
        sa.Column("last_replay_at", sa.DateTime()),
    )
    op.stash_duplicate_keys(revision)
    # the younger of two indexes that cost the same is the one that PostgreSQL takes
    op.ensure_index(KEY_ALONE, TABLE, ["idempotency_key"])
    op.ensure_index(
        UNIQUE_KEY,
        TABLE,
        ["trigger_id", "idempotency_key"],
        unique=True,
        where="idempotency_key IS NOT NULL",
    )
    op.remove_index(KEY_ALONE_TWICE, TABLE)
    op.verify_lookup(
        f"SELECT id FROM {TABLE} WHERE trigger_id = 1 AND idempotency_key = 'k'",
        uses=UNIQUE_KEY,
    )


def downgrade() -> None:
    op.stash_columns(revision, TABLE, ["idempotency_key", "error_category", "last_replay_at"])
    op.return_found_index(UNIQUE_KEY, TABLE)
    op.return_found_index(KEY_ALONE, TABLE)
    op.restore_duplicate_keys(revision)
    op.return_found_index(KEY_ALONE_TWICE, TABLE)
