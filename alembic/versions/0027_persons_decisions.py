"""Let an execution say that a person made it, and from what.

Why now: a person runs a completed execution again, runs a duplicate or another payload as an
execution of its own, and changes a payload before it is sent again. `execution_origins` says by
whom, from which execution, and keeps the payload as it was. `forgotten_keys` says which key an
execution had before a person released it.
What code of the revision before sees: two tables that it does not know.
What it locks: trigger_executions against writers for a moment, as every new foreign key does.

Revision ID: 0027
Revises: 0026
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ORIGINS, FORGOTTEN = "execution_origins", "forgotten_keys"


def upgrade() -> None:
    op.create_or_restore_table(
        revision,
        ORIGINS,
        sa.Column("execution_id", ROW_ID, nullable=False, autoincrement=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("of_execution_id", ROW_ID),
        sa.Column("digest", sa.String(64)),
        sa.Column("delivery_id", ROW_ID),
        sa.Column("made_by", sa.String(200), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("edited", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("original_event_data", sa.Text()),
        sa.Column("original_body", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("execution_id", name=f"pk_{ORIGINS}"),
        _of_execution(ORIGINS),
    )
    op.ensure_index("ix_execution_origins_of", ORIGINS, ["of_execution_id"])
    op.ensure_index(
        "uq_execution_origins_payload",
        ORIGINS,
        ["of_execution_id", "digest"],
        unique=True,
        where="digest IS NOT NULL",
    )
    op.create_or_restore_table(
        revision,
        FORGOTTEN,
        sa.Column("execution_id", ROW_ID, nullable=False, autoincrement=False),
        sa.Column("idempotency_key", sa.String(255), nullable=False),
        sa.Column("forgotten_by", sa.String(200), nullable=False),
        sa.Column("forgotten_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("execution_id", name=f"pk_{FORGOTTEN}"),
        _of_execution(FORGOTTEN),
    )


def downgrade() -> None:
    op.stash_table(revision, FORGOTTEN)
    op.stash_table(revision, ORIGINS)


def _of_execution(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["execution_id"],
        ["trigger_executions.id"],
        name=f"fk_{table}_execution_id_trigger_executions",
        ondelete="CASCADE",
    )
