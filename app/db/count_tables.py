"""The tables of what was counted, and of events that came with the key of another."""

from datetime import UTC, datetime

import sqlalchemy as sa

from app.db.shard_key import SHARDED, fill_for_older_code
from app.db.table_metadata import RowId, key_of, metadata
from app.db.types import UtcDateTime

ALL_TIME = datetime(1970, 1, 1, tzinfo=UTC)
"""Hour of the rows that hold the sums since counting began, by source: `<source>/<outcome>`.

Pruning and the removal of triggers never lower them. They are one short range of the key."""

delivery_counts = sa.Table(
    "delivery_counts",
    metadata,
    sa.Column("trigger_id", sa.Integer, nullable=False, autoincrement=False),
    sa.Column("hour", UtcDateTime, nullable=False),
    sa.Column("outcome", sa.String(40), nullable=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.PrimaryKeyConstraint("hour", "trigger_id", "outcome"),
)

execution_repeats = sa.Table(
    "execution_repeats",
    metadata,
    key_of("trigger_executions", "execution_id", RowId),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("last_at", UtcDateTime, nullable=False),
    sa.Column("trigger_id", sa.Integer),
    info=SHARDED,
)
fill_for_older_code(execution_repeats)

key_mismatches = sa.Table(
    "key_mismatches",
    metadata,
    key_of("trigger_executions", "execution_id", RowId),
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("first_at", UtcDateTime, nullable=False),
    sa.Column("last_at", UtcDateTime, nullable=False),
    sa.Column("trigger_id", sa.Integer),
    info=SHARDED,
)
fill_for_older_code(key_mismatches)

mismatched_payloads = sa.Table(
    "mismatched_payloads",
    metadata,
    key_of("trigger_executions", "execution_id", RowId),
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("trigger_id", sa.Integer, nullable=False),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.Column("event_data", sa.Text, nullable=False),
    sa.Column("content_type", sa.Text),
    sa.Column("headers", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    info=SHARDED,
)
