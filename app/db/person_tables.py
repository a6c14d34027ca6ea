"""The tables of what persons made of executions."""

import sqlalchemy as sa

from app.db.shard_key import SHARDED, fill_for_older_code
from app.db.table_metadata import RowId, key_of, metadata, partial
from app.db.types import UtcDateTime

execution_origins = sa.Table(
    "execution_origins",
    metadata,
    key_of("trigger_executions", "execution_id", RowId),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("of_execution_id", RowId),
    sa.Column("digest", sa.String(64)),
    sa.Column("delivery_id", RowId),
    sa.Column("made_by", sa.String(200), nullable=False),
    sa.Column("made_at", UtcDateTime, nullable=False),
    sa.Column("edited", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("original_event_data", sa.Text),
    sa.Column("original_body", sa.LargeBinary),
    sa.Column("trigger_id", sa.Integer),
    info=SHARDED,
)
fill_for_older_code(execution_origins)
sa.Index("ix_execution_origins_of", execution_origins.c.of_execution_id)
sa.Index(
    "uq_execution_origins_payload",
    execution_origins.c.of_execution_id,
    execution_origins.c.digest,
    unique=True,
    **partial("digest IS NOT NULL"),
)

forgotten_keys = sa.Table(
    "forgotten_keys",
    metadata,
    key_of("trigger_executions", "execution_id", RowId),
    sa.Column("idempotency_key", sa.String(255), nullable=False),
    sa.Column("forgotten_by", sa.String(200), nullable=False),
    sa.Column("forgotten_at", UtcDateTime, nullable=False),
    sa.Column("trigger_id", sa.Integer),
    info=SHARDED,
)
fill_for_older_code(forgotten_keys)
