"""Let code of the release before count duplicates on the longer keys.

Why now: a deploy migrates first, so that processes of the release before run on the new schema for
minutes. Their counts of duplicates and mismatches name the keys without the trigger (ON CONFLICT),
which no unique index had any more, and were lost.
What code of the revision before sees: two more unique indexes, which no row of its own violates.
What it locks: nothing, since both are built beside the traffic. A script (--sql) builds them under
a lock of two tables to which no event is written. Partitioned tables, and databases with Citus,
have none: no unique index without the trigger is possible there.

Revision ID: 0033
Revises: 0032
"""

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

KEYS = [
    ("uq_execution_repeats_execution_id", "execution_repeats", ["execution_id"]),
    ("uq_key_mismatches_execution_id", "key_mismatches", ["execution_id", "digest"]),
]


def upgrade() -> None:
    for name, table, columns in KEYS:
        op.build_key_of_older_code(name, table, columns)


def downgrade() -> None:
    for name, table, _columns in KEYS:
        op.remove_key_of_older_code(name, table)
