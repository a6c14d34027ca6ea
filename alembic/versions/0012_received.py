"""Let an execution say when its event was received and what it said.

Why now: an operator asks how long an event has been waiting, and whether the second event under one
key was the same as the first. `payload_digest` is the SHA-256 of the event as the sender wrote it.
A trigger's executions are listed newest first from an index that begins with the trigger.
What code of the revision before sees: two more columns, both NULL, and an index.
What it locks: the columns, a moment. The index is built beside the traffic on PostgreSQL, and in
the migration's transaction on SQLite.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLE = "trigger_executions"
OF_TRIGGER = "ix_trigger_executions_trigger"


def upgrade() -> None:
    op.add_or_restore_columns(
        revision,
        TABLE,
        sa.Column("received_at", sa.DateTime()),
        sa.Column("payload_digest", sa.String(64)),
    )
    op.ensure_index(OF_TRIGGER, TABLE, ["trigger_id", "id"])
    op.verify_lookup(
        "SELECT id FROM trigger_executions WHERE trigger_id = 1 ORDER BY id DESC LIMIT 20",
        uses=OF_TRIGGER,
    )


def downgrade() -> None:
    op.remove_index(OF_TRIGGER, TABLE)
    op.stash_columns(revision, TABLE, ["received_at", "payload_digest"])
