"""Let an attempt say how long its action took.

Why now: an execution keeps how long its last attempt took, and of the others there are two times
only: those of the claim and of the settling. Between them lies more than the action where a worker
is busy or the database was away. A person who looks for a target that grew slow needs each.
What code of the revision before sees: one more column of attempts, NULL.
What it locks: execution_attempts, a moment.

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_or_restore_columns(
        revision, "execution_attempts", sa.Column("duration_seconds", sa.Float())
    )


def downgrade() -> None:
    op.stash_columns(revision, "execution_attempts", ["duration_seconds"])
