"""The tables by which workers decide what to run now; see app/db/models.py for the others."""

import sqlalchemy as sa

from app.db.table_metadata import key_of, metadata
from app.db.types import UtcDateTime

trigger_breakers = sa.Table(
    "trigger_breakers",
    metadata,
    key_of("triggers", "trigger_id", sa.Integer()),
    sa.Column("failure_count", sa.Integer, nullable=False, server_default=sa.text("0")),
    sa.Column("opened_at", UtcDateTime),
    sa.Column("probe_at", UtcDateTime),
    sa.CheckConstraint("(opened_at IS NULL) = (probe_at IS NULL)", name="open_with_probe"),
)

trigger_pauses = sa.Table(
    "trigger_pauses",
    metadata,
    key_of("triggers", "trigger_id", sa.Integer()),
    sa.Column("paused_at", UtcDateTime),
    sa.Column("paused_by", sa.String(200)),
    sa.Column("resumed_at", UtcDateTime),
    sa.Column("per_second", sa.Float),
    sa.Column("next_at", UtcDateTime),
    sa.Column("reason", sa.Text),
    sa.CheckConstraint("(paused_at IS NULL) = (resumed_at IS NOT NULL)", name="paused_or_resumed"),
    sa.CheckConstraint(
        "resumed_at IS NULL OR (per_second IS NOT NULL AND next_at IS NOT NULL)",
        name="resumed_at_a_pace",
    ),
)

pauses = sa.Table(
    "hookonce_pauses",
    metadata,
    sa.Column("scope", sa.String(50), primary_key=True),
    sa.Column("paused_at", UtcDateTime, nullable=False),
    sa.Column("paused_by", sa.String(200), nullable=False),
    sa.Column("reason", sa.Text),
)

workers = sa.Table(
    "hookonce_workers",
    metadata,
    sa.Column("owner", sa.String(100), primary_key=True),
    sa.Column("host", sa.String(60), nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("version", sa.String(50), nullable=False),
    sa.Column("slots", sa.Integer, nullable=False),
    sa.Column("busy", sa.Integer, nullable=False),
    sa.Column("stopping", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("last_seen_at", UtcDateTime, nullable=False),
)
