"""Let a trigger describe how its sender proves itself.

Why now: a sender that no source knows signs in its own way, and could not be received.
What code of the revision before sees: one more column of triggers. It verifies such a trigger as
`custom`, and so refuses a sender that signs in another way: its requests are sent again.
What it locks: triggers, a moment.

Revision ID: 0022
Revises: 0021
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_or_restore_columns(revision, "triggers", sa.Column("verification", sa.Text()))


def downgrade() -> None:
    op.stash_columns(revision, "triggers", ["verification"])
