"""The tables as the newest revision leaves them. They describe; they do nothing."""

import logging
from datetime import UTC, datetime
from functools import lru_cache

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Dialect

from app import clock, log

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)


logger = logging.getLogger("hookonce.models")


class _AsItStands(sqlite.DATETIME):
    """Written as ever; read as whatever stands there, since SQLite keeps anything in any column."""

    def result_processor(self, _dialect: Dialect, _column_type: object) -> None:
        """Nothing is done to it: the usual reading ends in an error at the first odd value."""


class UtcDateTime(sa.TypeDecorator[datetime]):
    """An aware moment, stored as UTC without offset: SQLite has no other form, so neither do we."""

    impl = sa.DateTime().with_variant(_AsItStands(), "sqlite")  # type: ignore[no-untyped-call]
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Refuses a naive moment, which could mean any place on earth."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: object, _dialect: Dialect) -> datetime | None:
        """The stored moment, aware again; None, and a warning, for what a found row calls one."""
        if value is None:
            return None
        read = clock.moment(value)
        if read is None:
            _warn(repr(value)[:80])
        return read


@lru_cache(maxsize=1000)
def _warn(value: str) -> None:
    """Once for each value: a list shows the same rows again and again."""
    log.event(logger, logging.WARNING, "unreadable_time", found=value)


RowId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""An execution's id: 64 bits on both databases."""

DUE_SINCE_EVER = "1970-01-01 00:00:00"
"""The default of next_attempt_at: a row written by older code is due, never forgotten."""

triggers = sa.Table(
    "triggers",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("slug", sa.String(200), nullable=False),
    sa.Column("type", sa.String(20), nullable=False, server_default="webhook"),
    sa.Column("source", sa.String(50), nullable=False, server_default="custom"),
    sa.Column("event_filter", sa.Text, server_default="{}"),
    sa.Column("action_type", sa.String(20), nullable=False),
    sa.Column("action_payload", sa.Text),
    sa.Column("agent", sa.String(100)),
    sa.Column("secret", sa.String(255)),
    sa.Column("enabled", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("from_yaml", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("remote_trigger_id", sa.String(100)),
    sa.Column("source_plugin", sa.String(100)),
    sa.Column("created_by", sa.Integer),
    sa.Column("created_at", UtcDateTime),
    sa.Column("updated_at", UtcDateTime),
    sa.Column("idempotency_key_from", sa.Text),
    sa.Column("missing_key", sa.String(10)),
    sa.Column("tolerance_seconds", sa.Float),
    sa.Column("previous_secret", sa.String(255)),
    sa.Column("previous_secret_expires_at", UtcDateTime),
    sa.UniqueConstraint("slug"),
    sqlite_autoincrement=True,
)

trigger_executions = sa.Table(
    "trigger_executions",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column(
        "trigger_id",
        sa.Integer,
        sa.ForeignKey("triggers.id", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column("event_data", sa.Text),
    sa.Column("status", sa.String(20), nullable=False, server_default="pending"),
    sa.Column("result_summary", sa.Text),
    sa.Column("error", sa.Text),
    sa.Column("duration_seconds", sa.Float),
    sa.Column("started_at", UtcDateTime),
    sa.Column("completed_at", UtcDateTime),
    sa.Column("idempotency_key", sa.String(255)),
    sa.Column("error_category", sa.String(20)),
    sa.Column("last_replay_at", UtcDateTime),
    sa.Column("attempt_count", sa.Integer, nullable=False, server_default=sa.text("0")),
    sa.Column("next_attempt_at", UtcDateTime, server_default=DUE_SINCE_EVER),
    sa.Column("lease_owner", sa.String(100)),
    sa.Column("lease_expires_at", UtcDateTime),
    sqlite_autoincrement=True,
)

sa.Index(
    "uq_trigger_idem",
    trigger_executions.c.trigger_id,
    trigger_executions.c.idempotency_key,
    unique=True,
    sqlite_where=trigger_executions.c.idempotency_key.is_not(None),
    postgresql_where=trigger_executions.c.idempotency_key.is_not(None),
)
sa.Index("ix_trigger_executions_idem_key", trigger_executions.c.idempotency_key)
sa.Index(
    "ix_trigger_executions_due",
    trigger_executions.c.next_attempt_at,
    trigger_executions.c.id,
    sqlite_where=sa.text("status IN ('pending', 'retrying')"),
    postgresql_where=sa.text("status IN ('pending', 'retrying')"),
)
sa.Index(
    "ix_trigger_executions_leased",
    trigger_executions.c.lease_expires_at,
    sqlite_where=sa.text("status = 'running'"),
    postgresql_where=sa.text("status = 'running'"),
)

execution_attempts = sa.Table(
    "execution_attempts",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column(
        "execution_id",
        RowId,
        sa.ForeignKey("trigger_executions.id", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("worker", sa.String(100), nullable=False),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("finished_at", UtcDateTime),
    sa.Column("outcome", sa.String(20)),
    sa.Column("error", sa.Text),
    sa.Column("error_category", sa.String(20)),
    sa.Column("http_status", sa.Integer),
    sa.UniqueConstraint("execution_id", "number"),
    sa.CheckConstraint(
        "outcome IN ('succeeded', 'failed', 'lost')",
        name="outcome",
    ),
    sa.CheckConstraint(
        "(outcome IS NULL) = (finished_at IS NULL)",
        name="finished_with_outcome",
    ),
    sqlite_autoincrement=True,
)

execution_requests = sa.Table(
    "execution_requests",
    metadata,
    sa.Column(
        "execution_id",
        RowId,
        sa.ForeignKey("trigger_executions.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    sa.Column("content_type", sa.Text),
    sa.Column("headers", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
)
