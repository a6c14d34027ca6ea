"""The database: engine, tables, transactions, and every difference between SQLite and PostgreSQL.

It knows no rule of the product, and no other room but intake's store asks which database it is.
"""

from app.db.database import Database
from app.db.dialects import (
    ONLY_BY_KEY,
    SECONDS_SINCE,
    advisory_lock,
    capture_triggers,
    columns,
    combines_statements,
    has_text_index,
    is_one_of,
    limit_lock_wait,
    lock_referenced,
    narrow_encoding,
    prefer_partial_index,
    replanned,
    seconds_since,
    server_version,
    skip_locked,
    try_advisory_lock,
    try_write,
    upsert_adding,
    utc_now,
    without_index,
)
from app.db.distributed import drawn_id, is_distributed, lock_executions, on_shard, or_now
from app.db.engine import create_engine
from app.db.errors import (
    IDEMPOTENCY_INDEX,
    REPLAY_INDEX,
    is_read_only,
    translated_errors,
    violates,
)
from app.db.pooler import behind_pooler, missing_time_limits, server_and_name
from app.db.replication import commits_without_disk, standbys_not_waited_for
from app.db.rights import role_and_schema, skips_triggers, tables_without_rights
from app.db.shard_key import same_trigger
from app.db.sqlite import begin_writing

__all__ = [
    "IDEMPOTENCY_INDEX",
    "ONLY_BY_KEY",
    "REPLAY_INDEX",
    "SECONDS_SINCE",
    "Database",
    "advisory_lock",
    "begin_writing",
    "behind_pooler",
    "capture_triggers",
    "columns",
    "combines_statements",
    "commits_without_disk",
    "create_engine",
    "drawn_id",
    "has_text_index",
    "is_distributed",
    "is_one_of",
    "is_read_only",
    "limit_lock_wait",
    "lock_executions",
    "lock_referenced",
    "missing_time_limits",
    "narrow_encoding",
    "on_shard",
    "or_now",
    "prefer_partial_index",
    "replanned",
    "role_and_schema",
    "same_trigger",
    "seconds_since",
    "server_and_name",
    "server_version",
    "skip_locked",
    "skips_triggers",
    "standbys_not_waited_for",
    "tables_without_rights",
    "translated_errors",
    "try_advisory_lock",
    "try_write",
    "upsert_adding",
    "utc_now",
    "violates",
    "without_index",
]
