"""Let a trigger's secret be changed without a gap.

Why now: a sender is given the new secret by hand, and until then, and for what it sends again, it
signs with the old one. The old one stays good until a moment that its operator chose.
What code of the revision before sees: two more columns of triggers, both NULL.
What it locks: triggers, a moment.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_or_restore_columns(
        revision,
        "triggers",
        sa.Column("previous_secret", sa.String(255)),
        sa.Column("previous_secret_expires_at", sa.DateTime()),
    )


def downgrade() -> None:
    op.stash_columns(revision, "triggers", ["previous_secret", "previous_secret_expires_at"])
