"""Let a trigger say where its idempotency key comes from, and how strict it is.

Why now: most senders put their own id of an event where only they know, and what becomes of an
event without a key, or of a signature that is hours old, is for the operator to decide.
What code of the revision before sees: three more columns of triggers, all NULL, which mean what it
does anyway.
What it locks: triggers, a moment.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_or_restore_columns(
        revision,
        "triggers",
        sa.Column("idempotency_key_from", sa.Text()),
        sa.Column("missing_key", sa.String(10)),
        sa.Column("tolerance_seconds", sa.Float()),
    )


def downgrade() -> None:
    op.stash_columns(
        revision, "triggers", ["idempotency_key_from", "missing_key", "tolerance_seconds"]
    )
