"""Let every row of an execution name its trigger too.

Why now: PostgreSQL spreads rows over partitions or nodes by their trigger, and finds the rows of an
execution there only if they name it as well. On PostgreSQL a database trigger fills the column in
rows that older code writes.
What code of the revision before sees: one more column of six tables, NULL in older rows.
What it locks: each of the six tables, a moment.

Revision ID: 0029
Revises: 0028
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

TABLES = [
    "execution_attempts",
    "execution_requests",
    "execution_repeats",
    "key_mismatches",
    "execution_origins",
    "forgotten_keys",
]


def upgrade() -> None:
    for table in TABLES:
        op.add_or_restore_columns(revision, table, sa.Column("trigger_id", sa.Integer()))
    op.fill_trigger_id_of_older_code(TABLES)


def downgrade() -> None:
    op.leave_trigger_id_of_older_code(TABLES)
    for table in TABLES:
        op.stash_columns(revision, table, ["trigger_id"])
