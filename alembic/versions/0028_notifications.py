"""Let a person be notified of trouble, and let every message be sent once.

Why now: trouble is shown on pages and in metrics, and reaches nobody who does not look. The
channels say who is notified, `notification_states` which conditions last, and each message waits
in `notification_messages` until it was sent, also through a kill.
What code of the revision before sees: three tables that it does not know.
What it locks: triggers against writers for a moment, as every new foreign key does.

Revision ID: 0028
Revises: 0027
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

ALWAYS_DUE = "1970-01-01 00:00:00"
OF_CHANNEL = "ix_notification_messages_channel"
UNSENT = "ix_notification_messages_unsent"
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_or_restore_table(
        revision,
        "notification_channels",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("sealed_address", sa.Text()),
        sa.Column("secret", sa.Text()),
        sa.Column("sealed_secret", sa.Text()),
        sa.Column("trigger_id", sa.Integer()),
        sa.Column("conditions", sa.Text()),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(200)),
        sa.Column("next_send_at", sa.DateTime(), nullable=False, server_default=ALWAYS_DUE),
        sa.Column("lease_expires_at", sa.DateTime()),
        sa.Column("failure_count", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("last_sent_at", sa.DateTime()),
        sa.Column("last_error", sa.Text()),
        sa.Column("last_error_at", sa.DateTime()),
        sa.PrimaryKeyConstraint("id", name="pk_notification_channels"),
        sa.UniqueConstraint("name", name="uq_notification_channels_name"),
        sa.CheckConstraint(
            "kind IN ('webhook', 'slack', 'email')", name=op.f("ck_notification_channels_kind")
        ),
        _refers_to("notification_channels", "trigger_id", "triggers"),
        sqlite_autoincrement=True,
    )
    op.create_or_restore_table(
        revision,
        "notification_messages",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("channel_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("trigger_id", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(20), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("batch_id", sa.String(40)),
        sa.Column("sent_at", sa.DateTime()),
        sa.PrimaryKeyConstraint("id", name="pk_notification_messages"),
        _refers_to("notification_messages", "channel_id", "notification_channels"),
        sqlite_autoincrement=True,
    )
    op.ensure_index(OF_CHANNEL, "notification_messages", ["channel_id", "kind", "trigger_id"])
    op.ensure_index(UNSENT, "notification_messages", ["channel_id"], where="sent_at IS NULL")
    op.create_or_restore_table(
        revision,
        "notification_states",
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("trigger_id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("opened_at", sa.DateTime(), nullable=False),
        sa.Column("seen_at", sa.DateTime(), nullable=False),
        sa.Column("notified_at", sa.DateTime()),
        sa.Column("notified_number", sa.BigInteger()),
        sa.PrimaryKeyConstraint("kind", "trigger_id", name="pk_notification_states"),
    )


def downgrade() -> None:
    op.stash_table(revision, "notification_states")
    op.stash_table(revision, "notification_messages")
    op.stash_table(revision, "notification_channels")


def _refers_to(table: str, column: str, parent: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_{column}_{parent}"
    return sa.ForeignKeyConstraint([column], [f"{parent}.id"], name=name, ondelete="CASCADE")
