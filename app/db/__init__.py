"""Engine, transactions, and every difference between SQLite and PostgreSQL."""

from app.db.database import Database
from app.db.dialects import (
    ONLY_BY_KEY,
    SECONDS_SINCE,
    adding,
    alone,
    apart,
    columns,
    held_by_index,
    index_valid,
    is_one_of,
    locked_for_claim,
    planned_anew,
    referable,
    seconds_since,
    utc_now,
)
from app.db.engine import create_engine
from app.db.errors import IDEMPOTENCY_INDEX, REPLAY_INDEX, in_our_words, violates
from app.db.sqlite import begin_writing

__all__ = [
    "IDEMPOTENCY_INDEX",
    "ONLY_BY_KEY",
    "REPLAY_INDEX",
    "SECONDS_SINCE",
    "Database",
    "adding",
    "alone",
    "apart",
    "begin_writing",
    "columns",
    "create_engine",
    "held_by_index",
    "in_our_words",
    "index_valid",
    "is_one_of",
    "locked_for_claim",
    "planned_anew",
    "referable",
    "seconds_since",
    "utc_now",
    "violates",
]
