"""Let the request be kept byte for byte as its sender sent it.

Why now: an action that forwards an event must forward what was signed, not our reading of it. The
bytes have a table of their own: they are large, they may be pruned long before the key they came
with, and a table moves to the stash and back in a moment.
What code of the revision before sees: a table that it does not know.
What it locks: trigger_executions against writers for a moment, as every new foreign key does.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_or_restore_table(
        revision,
        "execution_requests",
        sa.Column("execution_id", ROW_ID, nullable=False, autoincrement=False),
        sa.Column("content_type", sa.Text()),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("execution_id", name="pk_execution_requests"),
        sa.ForeignKeyConstraint(
            ["execution_id"],
            ["trigger_executions.id"],
            name="fk_execution_requests_execution_id_trigger_executions",
            ondelete="CASCADE",
        ),
    )


def downgrade() -> None:
    op.stash_table(revision, "execution_requests")
