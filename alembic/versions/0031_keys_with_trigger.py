"""Let every key of PostgreSQL include the trigger, so that tables can be partitioned by it.

Why now: a partitioned table, and one that Citus distributes, allows only keys that include the
column by which its rows are spread. The id stays first, so each index serves the look-ups it served
before. SQLite keeps its keys: its ids are row numbers.
What code of the revision before sees: longer keys. Its counts of duplicates name the shorter ones
(ON CONFLICT), so they wait in memory until the process is replaced.
What it locks: each table, a moment, when a finished index or foreign key replaces the old one. Both
are built and validated beside the traffic.

Revision ID: 0031
Revises: 0030
"""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

EXECUTIONS = "trigger_executions"
OF_EXECUTION = {
    "execution_attempts": ["id"],
    "execution_requests": ["execution_id"],
    "execution_repeats": ["execution_id"],
    "key_mismatches": ["execution_id", "digest"],
    "mismatched_payloads": ["execution_id", "digest"],
    "execution_origins": ["execution_id"],
    "forgotten_keys": ["execution_id"],
}
"""Children of trigger_executions with their primary keys before this revision."""
NULLABLE = [table for table in OF_EXECUTION if table != "mismatched_payloads"]
NUMBER = ("uq_execution_attempts_execution_id", "execution_attempts", ["execution_id", "number"])
REPLAY_OF = ("uq_trigger_executions_replay_of", EXECUTIONS, ["replay_of_id"])
PAYLOAD = ("uq_execution_origins_payload", "execution_origins", ["of_execution_id", "digest"])


def upgrade() -> None:
    op.require_trigger_id(NULLABLE)
    change_keys(["trigger_id"])


def downgrade() -> None:
    op.refuse_spread_tables()
    change_keys([])
    op.allow_no_trigger_id(NULLABLE)


def change_keys(added: list[str]) -> None:
    """Give every key its columns, and these after them."""
    primary = {EXECUTIONS: ["id"], "delivery_journal": ["id"], **OF_EXECUTION}
    keys = [(f"pk_{table}", table, columns) for table, columns in primary.items()]
    for name, table, columns in [*keys, NUMBER]:
        op.build_key(name, table, columns + added)
    for table in OF_EXECUTION:
        name = f"fk_{table}_execution_id_{EXECUTIONS}"
        op.exchange_foreign_key(name, table, ["execution_id", *added], ["id", *added])
    for name, table, columns in [*keys, NUMBER]:
        op.exchange_key(name, table, columns + added)
    for (name, table, columns), where in ((REPLAY_OF, "replay_of_id"), (PAYLOAD, "digest")):
        op.exchange_unique_index(name, table, columns + added, where=f"{where} IS NOT NULL")
