"""Let a change say by which token it was made.

Why now: the record had the name of the token alone, which is free text, and free again once the
token is revoked. Its id is never given again.
What code of the revision before sees: one more column of the record, NULL.
What it locks: hookonce_audit, a moment.

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_or_restore_columns(revision, "hookonce_audit", sa.Column("token_id", sa.Integer()))


def downgrade() -> None:
    op.stash_columns(revision, "hookonce_audit", ["token_id"])
