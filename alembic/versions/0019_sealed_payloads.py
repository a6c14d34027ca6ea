"""Let the secrets of an action be kept sealed.

Why now: where HOOKONCE_SECRET_KEY is set, the secret of a trigger is sealed, and the token that its
action sends stood in the clear beside it. The whole payload is sealed in a column of its own, and
the column that was there shows it with its secrets masked. What stands is sealed at once where a
key is set; the way back opens it.
What code of the revision before sees: one more column of triggers. Where a key is set, the payload
of an action with secrets is masked: its workers must stop first, or they would send the mask.
What it locks: triggers, a moment.

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_or_restore_columns(revision, "triggers", sa.Column("sealed_action_payload", sa.Text()))
    op.seal_payloads()


def downgrade() -> None:
    op.open_payloads(unless="sealed=stash")
    op.stash_columns(revision, "triggers", ["sealed_action_payload"])
