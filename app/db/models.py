"""The tables as the newest revision leaves them; they are created by the revisions only."""

from datetime import UTC, datetime

import sqlalchemy as sa

from app.db.count_tables import (
    ALL_TIME,
    delivery_counts,
    execution_repeats,
    key_mismatches,
    mismatched_payloads,
)
from app.db.journal_tables import delivery_journal
from app.db.notification_tables import (
    notification_channels,
    notification_messages,
    notification_states,
)
from app.db.person_tables import execution_origins, forgotten_keys
from app.db.running_tables import pauses, trigger_breakers, trigger_pauses, workers
from app.db.shard_key import SHARDED, fill_for_older_code
from app.db.table_metadata import RowId, key_of, metadata, partial
from app.db.types import UtcDateTime

__all__ = [
    "ALL_TIME",
    "RowId",
    "delivery_counts",
    "delivery_journal",
    "execution_origins",
    "execution_repeats",
    "forgotten_keys",
    "key_mismatches",
    "metadata",
    "mismatched_payloads",
    "notification_channels",
    "notification_messages",
    "notification_states",
    "pauses",
    "trigger_breakers",
    "trigger_pauses",
    "workers",
]

ALWAYS_DUE = "1970-01-01 00:00:00"
"""Default of next_attempt_at: a row written by older code is due, never forgotten."""

TEST_DUE = datetime(1969, 12, 31, tzinfo=UTC)
"""The next_attempt_at of a test event, before ALWAYS_DUE, so that the index finds it first."""


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
    sa.Column("retry_policy", sa.Text),
    sa.Column("max_concurrency", sa.Integer),
    sa.Column("sealed_secret", sa.Text),
    sa.Column("sealed_previous_secret", sa.Text),
    sa.Column("keep_payload_seconds", sa.Float),
    sa.Column("keep_rows_seconds", sa.Float),
    sa.Column("sealed_action_payload", sa.Text),
    sa.Column("verification", sa.Text),
    sa.Column("max_body_bytes", sa.Integer),
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
    sa.Column("next_attempt_at", UtcDateTime, server_default=ALWAYS_DUE),
    sa.Column("lease_owner", sa.String(100)),
    sa.Column("lease_expires_at", UtcDateTime),
    sa.Column("replay_of_id", RowId),
    sa.Column("chain_id", RowId),
    sa.Column("error_reason", sa.String(30)),
    sa.Column("received_at", UtcDateTime),
    sa.Column("payload_digest", sa.String(64)),
    sa.Column("finished_by", sa.String(100)),
    sa.CheckConstraint(
        "status IN ('pending', 'running', 'retrying', 'completed', "
        "'failed', 'failed_retryable', 'replayed')",
        name="status",
    ),
    sa.CheckConstraint(
        "(status IN ('completed', 'failed', 'failed_retryable', 'replayed')) "
        "= (completed_at IS NOT NULL)",
        name="finished",
    ),
    sa.CheckConstraint("lease_owner IS NULL OR status = 'running'", name="leased"),
    sqlite_autoincrement=True,
    info=SHARDED,
)


sa.Index(
    "uq_trigger_idem",
    trigger_executions.c.trigger_id,
    trigger_executions.c.idempotency_key,
    unique=True,
    **partial("idempotency_key IS NOT NULL AND replay_of_id IS NULL"),
)
sa.Index(
    "uq_trigger_executions_replay_of",
    trigger_executions.c.replay_of_id,
    unique=True,
    **partial("replay_of_id IS NOT NULL"),
)
sa.Index("ix_trigger_executions_idem_key", trigger_executions.c.idempotency_key)
sa.Index("ix_trigger_executions_trigger", trigger_executions.c.trigger_id, trigger_executions.c.id)
sa.Index(
    "ix_trigger_executions_turn",
    trigger_executions.c.trigger_id,
    trigger_executions.c.next_attempt_at,
    trigger_executions.c.id,
    **partial("status IN ('pending', 'retrying')"),
)
sa.Index(
    "ix_trigger_executions_retrying",
    trigger_executions.c.trigger_id,
    trigger_executions.c.id,
    **partial("status = 'retrying'"),
)
sa.Index(
    "ix_trigger_executions_leased",
    trigger_executions.c.lease_expires_at,
    **partial("status = 'running'"),
)
sa.Index(
    "ix_trigger_executions_dead",
    trigger_executions.c.id,
    trigger_executions.c.trigger_id,
    trigger_executions.c.error_reason,
    **partial("status IN ('failed', 'failed_retryable')"),
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
    sa.Column("error_reason", sa.String(30)),
    sa.Column("duration_seconds", sa.Float),
    sa.Column("trigger_id", sa.Integer),
    sa.Column("sent", sa.Text),
    sa.Column("sent_body", sa.Text),
    sa.Column("response", sa.Text),
    sa.UniqueConstraint("execution_id", "number"),
    sa.CheckConstraint("outcome IN ('succeeded', 'failed', 'lost')", name="outcome"),
    sa.CheckConstraint("(outcome IS NULL) = (finished_at IS NULL)", name="finished_with_outcome"),
    sqlite_autoincrement=True,
    info=SHARDED,
)
fill_for_older_code(execution_attempts)

execution_requests = sa.Table(
    "execution_requests",
    metadata,
    key_of("trigger_executions", "execution_id", RowId),
    sa.Column("content_type", sa.Text),
    sa.Column("headers", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("trigger_id", sa.Integer),
    info=SHARDED,
)
fill_for_older_code(execution_requests)

tokens = sa.Table(
    "hookonce_tokens",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("role", sa.String(20), nullable=False),
    sa.Column("token_hash", sa.String(64), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("created_by", sa.String(200)),
    sa.Column("expires_at", UtcDateTime),
    sa.Column("last_used_at", UtcDateTime),
    sa.Column("revoked_at", UtcDateTime),
    sa.UniqueConstraint("token_hash"),
    sa.CheckConstraint("role IN ('viewer', 'operator', 'admin')", name="role"),
    sqlite_autoincrement=True,
)

sessions = sa.Table(
    "hookonce_sessions",
    metadata,
    sa.Column("session_hash", sa.String(64), primary_key=True),
    sa.Column(
        "token_id",
        sa.Integer,
        sa.ForeignKey("hookonce_tokens.id", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column("csrf_token", sa.String(64), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
)

audit = sa.Table(
    "hookonce_audit",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("actor", sa.String(200), nullable=False),
    sa.Column("origin", sa.String(100)),
    sa.Column("action", sa.String(50), nullable=False),
    sa.Column("subject", sa.String(100), nullable=False),
    sa.Column("before", sa.Text),
    sa.Column("after", sa.Text),
    sa.Column("token_id", sa.Integer),
    sqlite_autoincrement=True,
)
sa.Index("ix_hookonce_audit_subject", audit.c.subject, audit.c.id)
