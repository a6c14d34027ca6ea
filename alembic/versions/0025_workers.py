"""Let a worker say that it is alive.

Why now: without a worker every event is admitted and none is run, and nothing showed it. Each
worker process writes a row with its slots every few seconds, and removes it when it stops.
What code of the revision before sees: a table that it does not know; its workers have no row, and
count as none.
What it locks: nothing that anyone uses.

Revision ID: 0025
Revises: 0024
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_or_restore_table(
        revision,
        "hookonce_workers",
        sa.Column("owner", sa.String(100), nullable=False),
        sa.Column("host", sa.String(60), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(50), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("busy", sa.Integer(), nullable=False),
        sa.Column("stopping", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("owner", name="pk_hookonce_workers"),
    )


def downgrade() -> None:
    op.stash_table(revision, "hookonce_workers")
