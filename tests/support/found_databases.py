"""Create databases as the older system left them: its tables, its start-up ALTERs, its rows."""

import itertools

import sqlalchemy as sa

from tests.support.schema_dump import connected
from tests.support.seeding import MOMENT, ODD

metadata = sa.MetaData()

users = sa.Table(
    "users",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("email", sa.String(200), unique=True),
)
audit_log = sa.Table(
    "audit_log",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id")),
    sa.Column("what", sa.Text),
    sa.Index("ix_audit_log_user_id", "user_id"),
)
triggers = sa.Table(
    "triggers",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("slug", sa.String(200), unique=True, nullable=False),
    sa.Column("type", sa.String(20), nullable=False),
    sa.Column("source", sa.String(50), nullable=False),
    sa.Column("event_filter", sa.Text),
    sa.Column("action_type", sa.String(20), nullable=False),
    sa.Column("action_payload", sa.Text, nullable=False),
    sa.Column("agent", sa.String(100)),
    sa.Column("secret", sa.String(128), nullable=False),
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("from_yaml", sa.Boolean),
    sa.Column("remote_trigger_id", sa.String(100)),
    sa.Column("source_plugin", sa.String(100)),
    sa.Column("created_by", sa.Integer, sa.ForeignKey("users.id")),
    sa.Column("created_at", sa.DateTime),
    sa.Column("updated_at", sa.DateTime),
)
executions = sa.Table(
    "trigger_executions",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column(
        "trigger_id", sa.Integer, sa.ForeignKey("triggers.id", ondelete="CASCADE"), nullable=False
    ),
    sa.Column("event_data", sa.Text),
    sa.Column("status", sa.String(20)),
    sa.Column("result_summary", sa.Text),
    sa.Column("error", sa.Text),
    sa.Column("duration_seconds", sa.Float),
    sa.Column("started_at", sa.DateTime),
    sa.Column("completed_at", sa.DateTime),
)

STATUSES = ("pending", "running", "completed", "failed", None)
ADDED_COLUMNS = {
    "idempotency_key": "VARCHAR(255)",
    "error_category": "VARCHAR(20)",
    "last_replay_at": "TIMESTAMP",
}
UNIQUE = (
    "CREATE UNIQUE INDEX uq_trigger_idem ON trigger_executions (trigger_id, idempotency_key) "
    "WHERE idempotency_key IS NOT NULL"
)
KEY_ALONE = "CREATE INDEX ix_trigger_executions_idem_key ON trigger_executions (idempotency_key)"
KEY_TWICE = (
    "CREATE INDEX ix_trigger_executions_idempotency_key ON trigger_executions (idempotency_key)"
)
INDEXES = (UNIQUE, KEY_ALONE, KEY_TWICE)


def subsets(items):
    """Return every subset of the items."""
    return [
        chosen for size in range(len(items) + 1) for chosen in itertools.combinations(items, size)
    ]


def partial_states() -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return (columns, indexes) of every state that start-up ALTERs with ignored errors leave."""
    return [
        (columns, indexes)
        for columns in subsets(tuple(ADDED_COLUMNS))
        for indexes in (subsets(INDEXES) if "idempotency_key" in columns else [()])
    ]


def make(url: str, columns: tuple[str, ...] = (), indexes: tuple[str, ...] = ()) -> None:
    """Create the older system's database with these of its later columns and indexes, and rows."""
    with connected(url) as connection:
        metadata.create_all(connection)
        for name in columns:
            kind = ADDED_COLUMNS[name]
            if name == "last_replay_at" and connection.dialect.name == "sqlite":
                kind = "DATETIME" if len(columns) % 2 else kind
            connection.exec_driver_sql(f"ALTER TABLE trigger_executions ADD COLUMN {name} {kind}")
        for statement in indexes:
            connection.exec_driver_sql(statement)
        _fill(connection, columns)


def _fill(connection: sa.Connection, columns: tuple[str, ...]) -> None:
    connection.execute(users.insert(), [{"email": f"{n}@example.com"} for n in range(2)])
    connection.execute(audit_log.insert(), {"user_id": 1, "what": ODD})
    connection.execute(triggers.insert(), [_trigger(number) for number in range(3)])
    connection.execute(executions.insert(), [_execution(number) for number in range(15)])
    if "idempotency_key" in columns:
        connection.exec_driver_sql(
            "UPDATE trigger_executions SET idempotency_key = 'key 🪝 ' || id WHERE id < 8"
        )
    if "error_category" in columns:
        connection.exec_driver_sql(
            "UPDATE trigger_executions SET error_category = 'transient' WHERE id IN (3, 9)"
        )


def _trigger(number: int) -> dict[str, object]:
    return {
        "name": f"{number} {ODD}",
        "slug": f"slug-{number}",
        "type": "webhook",
        "source": "github",
        "event_filter": "{}",
        "action_type": "skill",
        "action_payload": ODD,
        "secret": "s" * 128,
        "enabled": number != 1,
        "from_yaml": False,
        "created_by": 1 if number else None,
        "created_at": MOMENT,
    }


def _execution(number: int) -> dict[str, object]:
    return {
        "trigger_id": number % 3 + 1,
        "event_data": ODD if number % 2 else None,
        "status": STATUSES[number % 5],
        "duration_seconds": number / 7,
        "started_at": MOMENT,
    }


def make_triggers(url: str, rows: list[dict[str, object]]) -> None:
    """Create the older system's database with these triggers; omitted columns get values."""
    with connected(url) as connection:
        metadata.create_all(connection)
        for number, given in enumerate(rows, 1):
            values = {"name": f"T {number}", "slug": f"t-{number}", "type": "webhook"}
            values |= {"action_type": "script", "action_payload": "run.sh", "enabled": True}
            values |= {"secret": f"{number:064x}", "event_filter": "{}", "from_yaml": False}
            connection.execute(triggers.insert(), values | {"created_at": MOMENT} | given)
