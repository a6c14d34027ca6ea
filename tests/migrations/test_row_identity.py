"""Stashed values are restored to the row they came from, never to a new one of the same id."""

from typing import Any

import pytest
from alembic.util import CommandError

from app import health
from app.db import Database
from app.settings import from_environment
from tests.support import found_databases as found
from tests.support.databases import migrate
from tests.support.revisions import NAMES
from tests.support.schema_dump import data, execute, schema, stashes

NEWEST = 15
CHILDREN = {
    "execution_attempts": "(execution_id, number, worker, started_at) "
    "VALUES ({id}, 1, 'w', '2024-03-01 00:00:00')",
    "execution_requests": "(execution_id, headers, body) VALUES ({id}, '[]', 'old')",
    "execution_repeats": "(execution_id, number, last_at) VALUES ({id}, 1, '2024-03-01 00:00:00')",
    "key_mismatches": "(execution_id, digest, number, first_at, last_at) "
    "VALUES ({id}, 'd', 1, '2024-03-01 00:00:00', '2024-03-01 00:00:00')",
    "mismatched_payloads": "(execution_id, digest, trigger_id, received_at, event_data, headers, "
    "body) SELECT id, 'd', trigger_id, '2024-03-01 00:00:00', '{{}}', '[]', 'old' "
    "FROM trigger_executions WHERE id = {id}",
}
OF_TRIGGER = {
    "trigger_breakers": "(trigger_id) VALUES (3)",
    "trigger_pauses": "(trigger_id, paused_at, paused_by) VALUES (3, '2024-03-01 00:00:00', 'old')",
    "delivery_counts": "(trigger_id, hour, outcome, number) "
    "VALUES (3, '2024-03-01 00:00:00', 'accepted', 9)",
}


def adopted(url: str) -> None:
    """Adopt a database, and give its newest execution and its newest trigger what we store."""
    found.make(url)
    migrate(url)
    execute(
        url,
        f"UPDATE trigger_executions SET idempotency_key = 'old ' || id, payload_digest = 'old', "
        f"error_reason = 'old', attempt_count = 3 WHERE id >= {NEWEST - 1}",
        "UPDATE triggers SET previous_secret = 'old', retry_policy = 'old' WHERE id = 3",
        *(f"INSERT INTO {t} {v.format(id=n)}" for t, v in CHILDREN.items() for n in (14, 15)),
        *(f"INSERT INTO {table} {values}" for table, values in OF_TRIGGER.items()),
        "UPDATE execution_attempts SET duration_seconds = 7",
    )


def replace_newest(url: str) -> None:
    """Delete the newest execution and create another, which on SQLite is given the same id."""
    given = "" if url.startswith("sqlite") else "id, "
    value = "" if url.startswith("sqlite") else f"{NEWEST}, "
    execute(
        url,
        f"DELETE FROM trigger_executions WHERE id = {NEWEST}",
        f"INSERT INTO trigger_executions ({given}trigger_id, event_data, status, started_at) "
        f"VALUES ({value}3, 'another', 'completed', '2025-01-01 00:00:00')",
    )


def replace_trigger(url: str) -> None:
    """Delete the newest trigger with its executions and create another under the same id."""
    execute(
        url,
        "DELETE FROM trigger_executions WHERE trigger_id = 3",
        "DELETE FROM triggers WHERE id = 3",
        "INSERT INTO triggers (id, name, slug, type, source, action_type, action_payload, secret, "
        "enabled, created_at) SELECT 3, name, 'new', type, source, action_type, 'p', 'another', "
        "enabled, '2025-01-01 00:00:00' FROM triggers WHERE id = 2",
    )


def row(url: str, table: str, id_: int) -> dict[str, Any]:
    return next(each for each in data(url)[table] if each["id"] == id_)


def of_execution(url: str, table: str) -> set[int]:
    return {each["execution_id"] for each in data(url)[table]}


def notes(url: str) -> str:
    database = Database(from_environment({"DATABASE_URL": url}))
    try:
        return "\n".join(health.notes(database))
    finally:
        database.dispose()


@pytest.mark.parametrize("below", ["base", NAMES[2]])
def test_a_new_execution_of_the_same_id_gets_nothing_of_the_deleted_one(
    empty_url: str, below: str, kind: str
) -> None:
    adopted(empty_url)
    before = row(empty_url, "trigger_executions", NEWEST - 1)

    migrate(empty_url, to=below, down=True)
    replace_newest(empty_url)
    migrate(empty_url)

    new = row(empty_url, "trigger_executions", NEWEST)
    assert new["event_data"] == "another"
    if below == "base":  # above, the key is the older code's own column
        assert new["idempotency_key"] is None
    assert {new["payload_digest"], new["error_reason"]} == {None}
    assert new["attempt_count"] == 0
    assert row(empty_url, "trigger_executions", NEWEST - 1) == before
    for table in CHILDREN:
        assert of_execution(empty_url, table) == {NEWEST - 1}, table
    kept = {name.partition("_unmatched")[0] for name in stashes(empty_url)}
    if below == "base":  # above, the values have not left their rows
        assert "_stash_0012_trigger_executions" in kept
    if kind == "sqlite":  # PostgreSQL deletes the children with the execution
        assert {"_stash_0004_execution_attempts", "_stash_0005_execution_requests"} <= kept
    told = notes(empty_url)
    assert all(name in told for name in stashes(empty_url))
    assert ("did not restore" in told) == bool(kept)


def test_a_new_trigger_of_the_same_id_gets_nothing_of_the_deleted_one(empty_url: str) -> None:
    adopted(empty_url)

    migrate(empty_url, to="base", down=True)
    replace_trigger(empty_url)
    migrate(empty_url)

    new = row(empty_url, "triggers", 3)
    assert {new["previous_secret"], new["retry_policy"]} == {None}
    assert (data(empty_url)["trigger_breakers"], data(empty_url)["delivery_counts"]) == ([], [])
    assert "_stash_0007_triggers_unmatched" in notes(empty_url)
    assert "_stash_0014_delivery_counts_unmatched" in notes(empty_url)


def test_a_row_that_the_older_system_changed_is_still_the_same_row(empty_url: str) -> None:
    adopted(empty_url)
    execute(empty_url, "UPDATE trigger_executions SET started_at = NULL WHERE id = 14")
    changed = (
        "UPDATE trigger_executions SET status = 'failed', error = 'e', result_summary = 'r', "
        "completed_at = '2025-01-01 00:00:00'"
    )

    migrate(empty_url, to="base", down=True)
    execute(
        empty_url,
        changed,
        "UPDATE trigger_executions SET started_at = '2025-01-01 00:00:00' WHERE id = 14",
        "UPDATE trigger_executions SET event_data = '{}' WHERE id = 15",
        "UPDATE triggers SET name = 'n', slug = 's', secret = 'rotated' WHERE id = 3",
    )
    migrate(empty_url)

    keys = [row(empty_url, "trigger_executions", n)["idempotency_key"] for n in (14, 15)]
    assert keys == ["old 14", "old 15"]
    assert row(empty_url, "triggers", 3)["previous_secret"] == "old"
    assert of_execution(empty_url, "execution_attempts") == {14, 15}
    assert stashes(empty_url) == set()


def test_a_stash_of_an_earlier_release_is_restored_by_its_ids(empty_url: str) -> None:
    adopted(empty_url)
    rows, tables = data(empty_url), schema(empty_url)
    migrate(empty_url, to="base", down=True)
    forget_identities(empty_url)

    migrate(empty_url)

    assert (data(empty_url), schema(empty_url)) == (rows, tables)
    assert stashes(empty_url) == set()


def forget_identities(url: str) -> None:
    """Make the stashes look as earlier releases left them."""
    for name, rows in data(url, whole=True).items():
        if name.endswith("_parents"):
            execute(url, f"DROP TABLE {name}")
        elif name.startswith("_stash"):
            for column in [each for each in (rows or [{}])[0] if each.startswith("_row_")]:
                execute(url, f"ALTER TABLE {name} DROP COLUMN {column}")


def test_a_replays_stashed_key_is_given_to_no_other_replay(empty_url: str) -> None:
    adopted(empty_url)
    execute(
        empty_url,
        "UPDATE trigger_executions SET replay_of_id = 14, chain_id = 14, "
        f"idempotency_key = 'old 14' WHERE id = {NEWEST}",
    )

    migrate(empty_url, to="0007", down=True)
    replace_newest(empty_url)
    migrate(empty_url)

    new = row(empty_url, "trigger_executions", NEWEST)
    assert {new["idempotency_key"], new["replay_of_id"], new["chain_id"]} == {None}


def received_again(url: str) -> None:
    """Let the older system add its columns and its index, and receive the keys of 14 and 15."""
    kinds = found.ADDED_COLUMNS.items()
    execute(url, *(f"ALTER TABLE trigger_executions ADD COLUMN {n} {k}" for n, k in kinds))
    execute(
        url,
        found.UNIQUE,
        *(
            "INSERT INTO trigger_executions (trigger_id, status, event_data, idempotency_key) "
            f"VALUES ({(n - 1) % 3 + 1}, 'completed', 'again', 'old {n}')"
            for n in (14, 15)
        ),
    )


def test_a_stashed_key_that_came_again_is_refused_by_name(empty_url: str) -> None:
    adopted(empty_url)
    migrate(empty_url, to="base", down=True)
    received_again(empty_url)
    before = schema(empty_url, whole=True), data(empty_url, whole=True)

    with pytest.raises(CommandError) as refusal:
        migrate(empty_url)

    assert "2 idempotency keys are used more than once" in str(refusal.value)
    assert "trigger 2, key 'old 14': executions 14, 16" in str(refusal.value)
    assert (schema(empty_url, whole=True), data(empty_url, whole=True)) == before


def test_keeping_the_first_of_a_stashed_key_and_one_that_came_again(
    empty_url: str, kind: str
) -> None:
    adopted(empty_url)
    migrate(empty_url, to="base", down=True)
    received_again(empty_url)
    if kind == "postgresql":  # where all tables are published, none without identity is updated
        execute(empty_url, "CREATE PUBLICATION everything FOR ALL TABLES")
    tables = schema(empty_url)

    migrate(empty_url, dedupe="keep-first")
    keys = {n: row(empty_url, "trigger_executions", n)["idempotency_key"] for n in range(14, 18)}
    migrate(empty_url, to="base", down=True)

    assert keys == {14: "old 14", 15: "old 15", 16: None, 17: None}
    assert schema(empty_url) == tables
    kept = execute(empty_url, "SELECT * FROM _stash_0002_duplicate_keys_unmatched ORDER BY id")
    assert [each[:2] for each in kept] == [(16, "old 14"), (17, "old 15")]
