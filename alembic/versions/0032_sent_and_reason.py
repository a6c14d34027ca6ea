"""Let an attempt say what it sent and got back, and a pause why it was made.

Why now: a person who asks why an event did not arrive sees only the request that the trigger would
send today, and of a pause its time and author. Both lie or are silent about the moment that counts.
What code of the revision before sees: three more columns of attempts and one of each table of
pauses, NULL.
What it locks: execution_attempts, trigger_pauses and hookonce_pauses, a moment each.

Revision ID: 0032
Revises: 0031
"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

SENT = ["sent", "sent_body", "response"]
PAUSES = ["trigger_pauses", "hookonce_pauses"]


def upgrade() -> None:
    op.add_or_restore_columns(
        revision, "execution_attempts", *(sa.Column(name, sa.Text()) for name in SENT)
    )
    for table in PAUSES:
        op.add_or_restore_columns(revision, table, sa.Column("reason", sa.Text()))


def downgrade() -> None:
    for table in PAUSES:
        op.stash_columns(revision, table, ["reason"])
    op.stash_columns(revision, "execution_attempts", SENT)
