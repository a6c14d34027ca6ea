"""Let a target that keeps failing be left in peace.

Why now: when a target is down, each of a trigger's executions would find that out for itself and
burn its attempts. A breaker counts the failures in a row; while it is open the executions wait, and
one of them asks again from time to time. A row exists only for a trigger that has failed, in a
table of its own: it changes often, and a trigger's row is read for every webhook.
What code of the revision before sees: a table that it does not know.
What it locks: triggers against writers for a moment, as every new foreign key does.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_or_restore_table(
        revision,
        "trigger_breakers",
        sa.Column("trigger_id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("failure_count", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("opened_at", sa.DateTime()),
        sa.Column("probe_at", sa.DateTime()),
        sa.PrimaryKeyConstraint("trigger_id", name="pk_trigger_breakers"),
        sa.ForeignKeyConstraint(
            ["trigger_id"],
            ["triggers.id"],
            name="fk_trigger_breakers_trigger_id_triggers",
            ondelete="CASCADE",
        ),
        sa.CheckConstraint(
            "(opened_at IS NULL) = (probe_at IS NULL)",
            name=op.f("ck_trigger_breakers_open_with_probe"),
        ),
    )


def downgrade() -> None:
    op.stash_table(revision, "trigger_breakers")
