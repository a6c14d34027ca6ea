"""Let a trigger say how large a body it takes.

Why now: a body above the limit is refused for good, and a sender such as GitHub never sends it
again. The limits of known senders are known; that of any other only a person knows.
What code of the revision before sees: one more column of triggers. It refuses by its own limits.
What it locks: triggers, a moment.

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_or_restore_columns(revision, "triggers", sa.Column("max_body_bytes", sa.Integer()))


def downgrade() -> None:
    op.stash_columns(revision, "triggers", ["max_body_bytes"])
