"""Let deliveries that became no execution be looked at one by one.

Why now: a refused, filtered or repeated delivery is only counted, and an operator who asks why an
event has not run finds nothing of it. `delivery_journal` keeps the newest of them, bounded, with
what was found about a signature that did not match.
What code of the revision before sees: a table that it does not know.
What it locks: triggers against writers for a moment, as every new foreign key does.

Revision ID: 0026
Revises: 0025
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLE = "delivery_journal"


def upgrade() -> None:
    op.create_or_restore_table(
        revision,
        TABLE,
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("trigger_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("outcome", sa.String(40), nullable=False),
        sa.Column("detail", sa.Text()),
        sa.Column("address", sa.String(100)),
        sa.Column("request_id", sa.String(200)),
        sa.Column("idempotency_key", sa.String(255)),
        sa.Column("execution_id", ROW_ID),
        sa.Column("digest", sa.String(64)),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False, server_default=sa.text("1")),
        sa.Column("more", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.Column("more_until", sa.DateTime()),
        sa.Column("accepted_at", sa.DateTime()),
        sa.Column("accepted_by", sa.String(200)),
        sa.Column("accepted_execution_id", ROW_ID),
        sa.Column("stored_bytes", sa.Integer(), nullable=False),
        sa.Column("body_kept", sa.String(20), nullable=False, server_default="none"),
        sa.Column("content_type", sa.Text()),
        sa.Column("diagnosis", sa.Text()),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name="pk_delivery_journal"),
        sa.ForeignKeyConstraint(
            ["trigger_id"],
            ["triggers.id"],
            name="fk_delivery_journal_trigger_id_triggers",
            ondelete="CASCADE",
        ),
        sqlite_autoincrement=True,
    )
    op.ensure_index("ix_delivery_journal_trigger", TABLE, ["trigger_id", "outcome", "id"])
    op.ensure_index("ix_delivery_journal_key", TABLE, ["idempotency_key"])
    op.ensure_index("ix_delivery_journal_request", TABLE, ["request_id"])
    op.ensure_index("ix_delivery_journal_execution", TABLE, ["execution_id"])


def downgrade() -> None:
    op.stash_table(revision, TABLE)
