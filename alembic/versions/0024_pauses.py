"""Let a trigger be paused, and let all triggers be paused at once.

Why now: a disabled trigger refuses its events, and senders such as GitHub never send them again. A
paused one admits them, and they wait. `trigger_pauses` has a row for each trigger that is paused,
or was resumed and still runs its backlog at a pace; `hookonce_pauses` has the row `all` while all
are paused. They are tables of their own: a trigger's row is read for every webhook.
What code of the revision before sees: two tables that it does not know. Its workers run the
executions of paused triggers too.
What it locks: triggers against writers for a moment, as every new foreign key does.

Revision ID: 0024
Revises: 0023
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_or_restore_table(
        revision,
        "trigger_pauses",
        sa.Column("trigger_id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("paused_at", sa.DateTime()),
        sa.Column("paused_by", sa.String(200)),
        sa.Column("resumed_at", sa.DateTime()),
        sa.Column("per_second", sa.Float()),
        sa.Column("next_at", sa.DateTime()),
        sa.PrimaryKeyConstraint("trigger_id", name="pk_trigger_pauses"),
        sa.ForeignKeyConstraint(
            ["trigger_id"],
            ["triggers.id"],
            name="fk_trigger_pauses_trigger_id_triggers",
            ondelete="CASCADE",
        ),
        sa.CheckConstraint(
            "(paused_at IS NULL) = (resumed_at IS NOT NULL)",
            name=op.f("ck_trigger_pauses_paused_or_resumed"),
        ),
        sa.CheckConstraint(
            "resumed_at IS NULL OR (per_second IS NOT NULL AND next_at IS NOT NULL)",
            name=op.f("ck_trigger_pauses_resumed_at_a_pace"),
        ),
    )
    op.create_or_restore_table(
        revision,
        "hookonce_pauses",
        sa.Column("scope", sa.String(50), nullable=False),
        sa.Column("paused_at", sa.DateTime(), nullable=False),
        sa.Column("paused_by", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("scope", name="pk_hookonce_pauses"),
    )


def downgrade() -> None:
    op.stash_table(revision, "hookonce_pauses")
    op.stash_table(revision, "trigger_pauses")
