"""Let secrets be kept sealed.

Why now: a copy of the database, a backup above all, should not let its reader sign webhooks. A
sealed secret stands in a column of its own, and the one in the clear is empty; the key to it is
not in the database. Taking this back with sealed secrets would leave triggers that refuse every
webhook, so the downgrade first asks for them to be unsealed.
What code of the revision before sees: two more columns of triggers, NULL until a secret is sealed.
What it locks: triggers, a moment.

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

SEALED = ["sealed_secret", "sealed_previous_secret"]


def upgrade() -> None:
    op.add_or_restore_columns(
        revision,
        "triggers",
        sa.Column("sealed_secret", sa.Text()),
        sa.Column("sealed_previous_secret", sa.Text()),
    )


def downgrade() -> None:
    op.refuse_while_any(
        "triggers",
        "sealed_secret IS NOT NULL AND COALESCE(secret, '') = ''",
        because="secrets are sealed, and older code cannot open them; run "
        "`hookonce secret unseal` first, or `alembic -x sealed=stash downgrade ...` to stash them "
        "(their triggers then refuse every webhook until the next upgrade)",
        unless="sealed=stash",
    )
    op.stash_columns(revision, "triggers", SEALED)
