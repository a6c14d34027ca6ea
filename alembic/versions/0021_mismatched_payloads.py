"""Let an event be kept that came with the key of another.

Why now: such an event is answered like a duplicate and is no execution. Where the key is too
coarse it is another event, and it would be lost. `mismatched_payloads` keeps it as an execution
would, so that a person can look at it and run it.
What code of the revision before sees: a table that it does not know.
What it locks: trigger_executions against writers for a moment, as every new foreign key does.

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_or_restore_table(
        revision,
        "mismatched_payloads",
        sa.Column("execution_id", ROW_ID, nullable=False, autoincrement=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("trigger_id", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(), nullable=False),
        sa.Column("event_data", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text()),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("execution_id", "digest", name="pk_mismatched_payloads"),
        sa.ForeignKeyConstraint(
            ["execution_id"],
            ["trigger_executions.id"],
            name="fk_mismatched_payloads_execution_id_trigger_executions",
            ondelete="CASCADE",
        ),
    )


def downgrade() -> None:
    op.stash_table(revision, "mismatched_payloads")
