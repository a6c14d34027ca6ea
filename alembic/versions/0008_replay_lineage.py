"""Let a dead letter be sent again, once, under the key it had.

Why now: a replay is a new execution that points at the one it takes over from (`replay_of_id`)
and at the first of its chain (`chain_id`, what a target is told as the idempotency key). It carries
the key along, so the unique index speaks of first executions only; a second unique index lets
an execution be replayed at most once. There is no foreign key: a pruned ancestor must not turn a
replay into a first execution, which the key's index might then refuse.
What code of the revision before sees: two more columns, both NULL, and an index on other rows
of the same name; its look-up is answered from the index on the key alone.
What it locks: the columns, and on PostgreSQL the change of names between two indexes, a moment.
The indexes are built beside the traffic there, and in the migration's transaction on SQLite.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLE = "trigger_executions"
LINEAGE = ["replay_of_id", "chain_id"]
UNIQUE_KEY = "uq_trigger_idem"
KEY = ["trigger_id", "idempotency_key"]
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_columns(TABLE, sa.Column("replay_of_id", ROW_ID), sa.Column("chain_id", ROW_ID))
    op.swap_unique_index(
        UNIQUE_KEY, TABLE, KEY, where="idempotency_key IS NOT NULL AND replay_of_id IS NULL"
    )
    op.restore_columns(revision, TABLE, LINEAGE)
    op.restore_replay_keys(revision)
    op.ensure_index(
        "uq_trigger_executions_replay_of",
        TABLE,
        ["replay_of_id"],
        unique=True,
        where="replay_of_id IS NOT NULL",
    )
    op.verify_lookup(
        "SELECT id FROM trigger_executions "
        "WHERE trigger_id = 1 AND idempotency_key = 'k' AND replay_of_id IS NULL",
        uses=UNIQUE_KEY,
    )


def downgrade() -> None:
    op.take_back_replay_keys(revision, UNIQUE_KEY, TABLE, KEY, where="idempotency_key IS NOT NULL")
    op.stash_columns(revision, TABLE, LINEAGE)
