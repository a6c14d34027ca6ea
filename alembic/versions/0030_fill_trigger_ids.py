"""Let the rows of older executions name their trigger too.

Why now: the next revision makes the column a part of keys on PostgreSQL. SQLite keeps its keys, and
no statement compares the column there, so older rows keep NULL.
What code of the revision before sees: a value in a column that it does not read.
What it locks: on PostgreSQL the rows of a batch while they are changed; nothing on SQLite. The way
down changes nothing: the column may be filled.

Revision ID: 0030
Revises: 0029
"""

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

TABLES = [
    "execution_attempts",
    "execution_requests",
    "execution_repeats",
    "key_mismatches",
    "mismatched_payloads",
    "execution_origins",
    "forgotten_keys",
]


def upgrade() -> None:
    op.copy_trigger_ids(TABLES)


def downgrade() -> None:
    op.copy_trigger_ids([])
