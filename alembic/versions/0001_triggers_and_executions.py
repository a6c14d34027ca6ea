"""Let triggers receive events, and remember each event as an execution.

Why now: it is the beginning. The two tables are those of the trigger receiver of EvoNexus; where
they already stand they are taken over as they are found, and given back so by the downgrade.
What code of the revision before sees: nothing, there was none.
What it locks: a found table for the moment that an ALTER takes, and only if a column is missing.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def trigger_columns():
    return [
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("slug", sa.String(200), nullable=False),
        sa.Column("type", sa.String(20), nullable=False, server_default="webhook"),
        sa.Column("source", sa.String(50), nullable=False, server_default="custom"),
        sa.Column("event_filter", sa.Text(), server_default="{}"),
        sa.Column("action_type", sa.String(20), nullable=False),
        sa.Column("action_payload", sa.Text()),
        sa.Column("agent", sa.String(100)),
        sa.Column("secret", sa.String(255)),
        sa.Column("enabled", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("from_yaml", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("remote_trigger_id", sa.String(100)),
        sa.Column("source_plugin", sa.String(100)),
        sa.Column("created_by", sa.Integer()),
        sa.Column("created_at", sa.DateTime()),
        sa.Column("updated_at", sa.DateTime()),
    ]


def execution_columns():
    return [
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("trigger_id", sa.Integer(), nullable=False),
        sa.Column("event_data", sa.Text()),
        sa.Column("status", sa.String(20), nullable=False, server_default="pending"),
        sa.Column("result_summary", sa.Text()),
        sa.Column("error", sa.Text()),
        sa.Column("duration_seconds", sa.Float()),
        sa.Column("started_at", sa.DateTime()),
        sa.Column("completed_at", sa.DateTime()),
    ]


def upgrade() -> None:
    op.refuse_duplicate_keys()
    op.record_found_tables(
        {
            "triggers": {"id", "name", "slug", "source", "action_type", "secret", "enabled"},
            "trigger_executions": {"id", "trigger_id", "event_data", "status"},
        }
    )
    op.create_or_restore_table(
        revision,
        "triggers",
        *trigger_columns(),
        sa.PrimaryKeyConstraint("id", name="pk_triggers"),
        sa.UniqueConstraint("slug", name="uq_triggers_slug"),
        sqlite_autoincrement=True,
    )
    op.create_or_restore_table(
        revision,
        "trigger_executions",
        *execution_columns(),
        sa.PrimaryKeyConstraint("id", name="pk_trigger_executions"),
        sa.ForeignKeyConstraint(
            ["trigger_id"],
            ["triggers.id"],
            name="fk_trigger_executions_trigger_id_triggers",
            ondelete="CASCADE",
        ),
        sqlite_autoincrement=True,
    )
    op.complete_found_table(revision, "triggers", trigger_columns())
    op.complete_found_table(revision, "trigger_executions", execution_columns())


def downgrade() -> None:
    op.return_completed_table(revision, "trigger_executions", execution_columns())
    op.return_completed_table(revision, "triggers", trigger_columns())
    op.stash_table(revision, "trigger_executions")
    op.stash_table(revision, "triggers")
    op.forget_found_tables()
