"""Let a trigger say how long what it finished is kept.

Why now: what is finished is removed after a while, its payload sooner than its row, and with the
row its key. A sender that tries again for weeks needs its keys for longer than others, and a
payload may have to go sooner.
What code of the revision before sees: two more columns of triggers, both NULL: as by default.
What it locks: triggers, a moment. No index: what is old has low ids, and the primary key has those.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_or_restore_columns(
        revision,
        "triggers",
        sa.Column("keep_payload_seconds", sa.Float()),
        sa.Column("keep_rows_seconds", sa.Float()),
    )


def downgrade() -> None:
    op.stash_columns(revision, "triggers", ["keep_payload_seconds", "keep_rows_seconds"])
