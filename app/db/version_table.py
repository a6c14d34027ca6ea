"""The table in which migrations keep the revision of the database.

It is our own. `alembic_version`, the usual one, may belong to another program in the same database:
it is read only while our tables exist without our version table, because earlier releases of
Hookonce kept their revision there.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

NAME = "hookonce_alembic_version"
EARLIER = "alembic_version"
"""The version table of earlier releases."""
FOUND_RECORD = "_found_0001"
"""Table that exists while an adopted database is at any revision of ours."""

_CREATED_BY_REVISION = {
    "0002": "trigger_executions.idempotency_key",
    "0003": "trigger_executions.lease_expires_at",
    "0004": "execution_attempts.number",
    "0005": "execution_requests.body",
    "0006": "triggers.idempotency_key_from",
    "0007": "triggers.previous_secret",
    "0008": "trigger_executions.chain_id",
    "0009": "triggers.retry_policy",
    "0010": "trigger_breakers.probe_at",
    "0011": "trigger_executions.error_reason",
    "0012": "trigger_executions.received_at",
    "0013": "trigger_executions.finished_by",
    "0014": "delivery_counts.outcome",
    "0015": "triggers.sealed_secret",
    "0016": "hookonce_tokens.token_hash",
    "0017": "triggers.keep_rows_seconds",
    "0018": "execution_attempts.duration_seconds",
    "0019": "triggers.sealed_action_payload",
    "0020": "hookonce_audit.token_id",
    "0021": "mismatched_payloads.digest",
    "0022": "triggers.verification",
    "0023": "triggers.max_body_bytes",
}
"""A column that each revision creates. The list is complete: later ones use our own table."""
_OLDER_SYSTEMS = frozenset({"0002"})
"""Revisions whose column the older system also creates: it proves nothing about ours."""
_OUR_CONSTRAINTS = frozenset({"uq_triggers_slug", "fk_trigger_executions_trigger_id_triggers"})
"""Constraints as our first revision names them; the older system gave them no names."""


def current_revision(connection: Connection, history: Sequence[str]) -> str | None:
    """Return the revision of the database; None before the first."""
    own = _row(connection, NAME) if sa.inspect(connection).has_table(NAME) else None
    return own or _earlier_revision(connection, history)


def in_use(connection: Connection, history: Sequence[str]) -> str:
    """Return the name of the table that holds our revision."""
    if sa.inspect(connection).has_table(NAME) and _row(connection, NAME):
        return NAME
    return EARLIER if _earlier_revision(connection, history) else NAME


def created_column(revision: str) -> tuple[str, str]:
    """Return table and column that prove that the revision was applied."""
    table, _, column = _CREATED_BY_REVISION.get(revision, "triggers.id").partition(".")
    return table, column


def _row(connection: Connection, table: str) -> str | None:
    """Return the only row of a version table; None if it has none or several."""
    query = sa.select(sa.column("version_num", sa.String)).select_from(sa.table(table)).limit(2)
    rows = connection.execute(query).scalars().all()
    return rows[0] if len(rows) == 1 else None


def _earlier_revision(connection: Connection, history: Sequence[str]) -> str | None:
    """Return the revision that an earlier release of ours kept in `alembic_version`.

    Our tables are looked at first, so that the table of another program is not even read.
    """
    inspector = sa.inspect(connection)
    if not _first_revision_is_applied(inspector) or not inspector.has_table(EARLIER):
        return None
    if {column["name"] for column in inspector.get_columns(EARLIER)} != {"version_num"}:
        return None
    revision = _row(connection, EARLIER)
    if revision not in history or revision not in ("0001", *_CREATED_BY_REVISION):
        return None
    return revision if _tables_match(inspector, revision) else None


def _first_revision_is_applied(inspector: sa.Inspector) -> bool:
    names = inspector.get_table_names()
    if FOUND_RECORD in names:
        return True
    if not {"triggers", "trigger_executions"} <= set(names):
        return False
    constraints = [
        *inspector.get_unique_constraints("triggers"),
        *inspector.get_foreign_keys("trigger_executions"),
    ]
    return {each["name"] for each in constraints} >= _OUR_CONSTRAINTS


def _tables_match(inspector: sa.Inspector, revision: str) -> bool:
    """Return True if the columns are those of the revision, give or take an interrupted step."""
    names = set(inspector.get_table_names())
    tables = {created_column(each)[0] for each in _CREATED_BY_REVISION} & names
    existing = {f"{table}.{c['name']}" for table in tables for c in inspector.get_columns(table)}
    revisions = ["0001", *_CREATED_BY_REVISION]
    place = revisions.index(revision)
    below, above = revisions[1:place], revisions[place + 2 :]
    return all(_CREATED_BY_REVISION[each] in existing for each in below) and not any(
        _CREATED_BY_REVISION[each] in existing for each in above if each not in _OLDER_SYSTEMS
    )
