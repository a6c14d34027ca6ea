"""The tables of notifications: channels, messages that wait or were sent, conditions that last."""

import sqlalchemy as sa

from app.db.table_metadata import RowId, metadata, partial
from app.db.types import UtcDateTime

notification_channels = sa.Table(
    "notification_channels",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("sealed_address", sa.Text),
    sa.Column("secret", sa.Text),
    sa.Column("sealed_secret", sa.Text),
    sa.Column("trigger_id", sa.Integer, sa.ForeignKey("triggers.id", ondelete="CASCADE")),
    sa.Column("conditions", sa.Text),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("created_by", sa.String(200)),
    sa.Column("next_send_at", UtcDateTime, nullable=False, server_default="1970-01-01 00:00:00"),
    sa.Column("lease_expires_at", UtcDateTime),
    sa.Column("failure_count", sa.Integer, nullable=False, server_default=sa.text("0")),
    sa.Column("last_sent_at", UtcDateTime),
    sa.Column("last_error", sa.Text),
    sa.Column("last_error_at", UtcDateTime),
    sa.UniqueConstraint("name"),
    sa.CheckConstraint("kind IN ('webhook', 'slack', 'email')", name="kind"),
    sqlite_autoincrement=True,
)

notification_messages = sa.Table(
    "notification_messages",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column(
        "channel_id",
        sa.Integer,
        sa.ForeignKey("notification_channels.id", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column("kind", sa.String(30), nullable=False),
    sa.Column("trigger_id", sa.Integer, nullable=False),
    sa.Column("event", sa.String(20), nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("batch_id", sa.String(40)),
    sa.Column("sent_at", UtcDateTime),
    sqlite_autoincrement=True,
)
sa.Index(
    "ix_notification_messages_channel",
    notification_messages.c.channel_id,
    notification_messages.c.kind,
    notification_messages.c.trigger_id,
)
sa.Index(
    "ix_notification_messages_unsent",
    notification_messages.c.channel_id,
    **partial("sent_at IS NULL"),
)

notification_states = sa.Table(
    "notification_states",
    metadata,
    sa.Column("kind", sa.String(30), nullable=False),
    sa.Column("trigger_id", sa.Integer, nullable=False, autoincrement=False),
    sa.Column("opened_at", UtcDateTime, nullable=False),
    sa.Column("seen_at", UtcDateTime, nullable=False),
    sa.Column("notified_at", UtcDateTime),
    sa.Column("notified_number", sa.BigInteger),
    sa.PrimaryKeyConstraint("kind", "trigger_id"),
)
