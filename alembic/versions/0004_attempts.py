"""Let every attempt at an execution be remembered.

Why now: an execution that is tried several times fails in several ways, and the row of the
execution holds only the last one.
What code of the revision before sees: a table that it does not know.
What it locks: trigger_executions against writers for a moment, as every new foreign key does.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_or_restore_table(
        revision,
        "execution_attempts",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("execution_id", ROW_ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(100), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("finished_at", sa.DateTime()),
        sa.Column("outcome", sa.String(20)),
        sa.Column("error", sa.Text()),
        sa.Column("error_category", sa.String(20)),
        sa.Column("http_status", sa.Integer()),
        sa.PrimaryKeyConstraint("id", name="pk_execution_attempts"),
        sa.ForeignKeyConstraint(
            ["execution_id"],
            ["trigger_executions.id"],
            name="fk_execution_attempts_execution_id_trigger_executions",
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint("execution_id", "number", name="uq_execution_attempts_execution_id"),
        sa.CheckConstraint(
            "outcome IN ('succeeded', 'failed', 'lost')",
            name=op.f("ck_execution_attempts_outcome"),
        ),
        sa.CheckConstraint(
            "(outcome IS NULL) = (finished_at IS NULL)",
            name=op.f("ck_execution_attempts_finished_with_outcome"),
        ),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.stash_table(revision, "execution_attempts")
