"""No statement that grows with a table of PostgreSQL runs while a step keeps others out of it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from app.db.migration_ops import batches
from tests.support import found_databases
from tests.support.databases import migrate
from tests.support.schema_dump import connected, execute

GROWS = re.compile(
    r"\s*(UPDATE trigger|SELECT count\((?!.*pg_)|INSERT INTO _stash|CREATE TABLE _stash\S* AS)",
    re.IGNORECASE | re.DOTALL,
)
EXCLUSIVE = """
    SELECT relation::regclass::text FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted
    AND relation IN (to_regclass('triggers'), to_regclass('trigger_executions'))"""
TWICE = """
    WITH made AS (INSERT INTO triggers
        (name, slug, type, source, action_type, action_payload, secret, enabled)
        VALUES ('n', 'twice', 'webhook', 'custom', 'script', '', 's', true) RETURNING id)
    INSERT INTO trigger_executions (trigger_id, status, idempotency_key)
    SELECT id, 'completed', 'twice' FROM made, generate_series(1, 2)"""
WITH_SECRET = """INSERT INTO triggers (name, slug, action_type, action_payload)
    VALUES ('n', 's', 'http', '{"url": "https://example.com", "headers": {"X-Token": "canary"}}')"""


@pytest.fixture
def kind() -> str:
    """Run on PostgreSQL only: SQLite has one lock for all."""
    return "postgresql"


@contextmanager
def looking(url: str) -> Iterator[list[tuple[str, list[str]]]]:
    """Collect the statements that grow, each with the tables that the step then locked."""
    collected: list[tuple[str, list[str]]] = []

    def look(connection: sa.Connection, _cursor: object, statement: str, *_: object) -> None:
        if connection.engine is not other.engine and GROWS.match(statement):
            tables = [name for (name,) in other.exec_driver_sql(EXCLUSIVE)]
            collected.append((statement, tables))

    with connected(url) as other:
        sa.event.listen(Engine, "before_cursor_execute", look)
        try:
            yield collected
        finally:
            sa.event.remove(Engine, "before_cursor_execute", look)


def require_no_lock(collected: list[tuple[str, list[str]]], part: str) -> None:
    assert [statement for statement, _ in collected if part in statement]
    assert [(statement, tables) for statement, tables in collected if tables] == []


def test_keys_used_twice_are_stashed_without_the_lock_of_a_new_column(empty_url: str) -> None:
    found_databases.make(empty_url, ("idempotency_key",), ())
    execute(empty_url, TWICE)
    migrate(empty_url, to="0001", dedupe="keep-first")

    with looking(empty_url) as collected:
        migrate(empty_url, to="0002", dedupe="keep-first")

    require_no_lock(collected, "_stash_0002_duplicate_keys")


def test_payloads_are_sealed_without_the_lock_of_the_new_column(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(empty_url, to="0018")
    execute(empty_url, WITH_SECRET)
    monkeypatch.setenv("HOOKONCE_SECRET_KEY", "k" * 32)

    with looking(empty_url) as collected:
        migrate(empty_url, to="0019")

    require_no_lock(collected, "sealed_action_payload")


def test_found_executions_are_held_in_batches(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BATCH_ROWS", 4)
    found_databases.make(empty_url)
    migrate(empty_url, to="0002")

    with looking(empty_url) as collected:
        migrate(empty_url, to="0003")

    require_no_lock(collected, "next_attempt_at = NULL")
    assert len([each for each, _ in collected if "next_attempt_at = NULL" in each]) > 1
    unfinished = "status IN ('pending', 'running', 'retrying') AND next_attempt_at IS NOT NULL"
    assert execute(empty_url, f"SELECT id FROM trigger_executions WHERE {unfinished}") == []


def test_keys_of_replays_leave_and_come_back_in_batches(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BATCH_ROWS", 2)
    migrate(empty_url, to="0008")
    execute(
        empty_url,
        WITH_SECRET,
        """INSERT INTO trigger_executions (trigger_id, status, idempotency_key, replay_of_id)
        SELECT 1, 'completed', 'once', nullif(n, 0) FROM generate_series(0, 5) AS n""",
    )
    rows = execute(empty_url, "SELECT id, idempotency_key FROM trigger_executions ORDER BY id")

    with looking(empty_url) as collected:
        migrate(empty_url, to="0007", down=True)
        migrate(empty_url, to="0008")

    require_no_lock(collected, "_stash_0008_replay_keys")
    taken = [each for each, _ in collected if "idempotency_key = NULL" in each]
    given = [each for each, _ in collected if "idempotency_key = kept." in each]
    assert (len(taken), len(given)) == (3, 3)
    assert (
        execute(empty_url, "SELECT id, idempotency_key FROM trigger_executions ORDER BY id") == rows
    )
