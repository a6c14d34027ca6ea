"""Let what happened to deliveries be counted.

Why now: a refused, filtered or repeated delivery leaves no execution, and an operator has to see it
all the same. `delivery_counts` holds a number per trigger, hour and outcome; trigger 0 stands for
addresses that are no trigger's, so there is no foreign key. `execution_repeats` says how often an
event came again, and `key_mismatches` which other payloads came under its key.
What code of the revision before sees: three tables that it does not know.
What it locks: trigger_executions against writers for a moment, as every new foreign key does.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_or_restore_table(
        revision,
        "delivery_counts",
        sa.Column("trigger_id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("hour", sa.DateTime(), nullable=False),
        sa.Column("outcome", sa.String(40), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "trigger_id", "outcome", name="pk_delivery_counts"),
    )
    op.create_or_restore_table(
        revision,
        "execution_repeats",
        sa.Column("execution_id", ROW_ID, nullable=False, autoincrement=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("execution_id", name="pk_execution_repeats"),
        _of_execution("execution_repeats"),
    )
    op.create_or_restore_table(
        revision,
        "key_mismatches",
        sa.Column("execution_id", ROW_ID, nullable=False, autoincrement=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.DateTime(), nullable=False),
        sa.Column("last_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("execution_id", "digest", name="pk_key_mismatches"),
        _of_execution("key_mismatches"),
    )


def downgrade() -> None:
    op.stash_table(revision, "key_mismatches")
    op.stash_table(revision, "execution_repeats")
    op.stash_table(revision, "delivery_counts")


def _of_execution(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["execution_id"],
        ["trigger_executions.id"],
        name=f"fk_{table}_execution_id_trigger_executions",
        ondelete="CASCADE",
    )
