"""The table of the journal of deliveries."""

import sqlalchemy as sa

from app.db.shard_key import SHARDED
from app.db.table_metadata import RowId, metadata
from app.db.types import UtcDateTime

delivery_journal = sa.Table(
    "delivery_journal",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column(
        "trigger_id",
        sa.Integer,
        sa.ForeignKey("triggers.id", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("outcome", sa.String(40), nullable=False),
    sa.Column("detail", sa.Text),
    sa.Column("address", sa.String(100)),
    sa.Column("request_id", sa.String(200)),
    sa.Column("idempotency_key", sa.String(255)),
    sa.Column("execution_id", RowId),
    sa.Column("digest", sa.String(64)),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("events", sa.Integer, nullable=False, server_default=sa.text("1")),
    sa.Column("more", sa.BigInteger, nullable=False, server_default=sa.text("0")),
    sa.Column("more_until", UtcDateTime),
    sa.Column("accepted_at", UtcDateTime),
    sa.Column("accepted_by", sa.String(200)),
    sa.Column("accepted_execution_id", RowId),
    sa.Column("stored_bytes", sa.Integer, nullable=False),
    sa.Column("body_kept", sa.String(20), nullable=False, server_default="none"),
    sa.Column("content_type", sa.Text),
    sa.Column("diagnosis", sa.Text),
    sa.Column("headers", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary),
    sqlite_autoincrement=True,
    info=SHARDED,
)
sa.Index(
    "ix_delivery_journal_trigger",
    delivery_journal.c.trigger_id,
    delivery_journal.c.outcome,
    delivery_journal.c.id,
)
sa.Index("ix_delivery_journal_key", delivery_journal.c.idempotency_key)
sa.Index("ix_delivery_journal_request", delivery_journal.c.request_id)
sa.Index("ix_delivery_journal_execution", delivery_journal.c.execution_id)
